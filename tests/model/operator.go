// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/controller"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// errGone is what a dead operator's requests give.
var errGone = errors.New("the operator is dead")

// operator is one process of the operator, unchanged but for its surroundings.
type operator struct {
	run    *Run
	number int
	// dead: no request leaves it any more. crashed: it is to be replaced by a new one.
	dead, crashed atomic.Bool
	network       *sim.Network
	cancel        context.CancelFunc
	done          chan struct{}
}

// startOperator starts an operator that remembers nothing.
func (r *Run) startOperator() *operator {
	r.operators++
	o := &operator{run: r, number: r.operators, done: make(chan struct{})}
	kube, cells := r.API.Connect(ct.Link{Sight: r.sight(), Do: o.request})
	o.network = r.World.Connect(o.pd)
	c, err := controller.New(controller.Options{
		Kube: kube, Cells: cells, Events: teller{o},
		PD: pdapi.NewFactory(pdapi.Options{Transport: o.network, DialContext: o.network.DialContext}),
		// One cluster is synced by one worker, and no jitter makes runs differ.
		LauncherImage: launcherImage, ClusterResources: true, Workers: 1,
		Poll: pdstate.Options{Settled: 30 * time.Second, Busy: time.Second, Jitter: -1},
	})
	require.NoError(r.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	go func() {
		defer close(o.done)
		if c.Start(ctx) == nil {
			c.Run(ctx)
		}
	}()
	return o
}

// stop ends the process, if it has not ended.
func (o *operator) stop() {
	o.dead.Store(true)
	o.cancel()
	<-o.done
	o.network.Close()
}

// request is each request to Kubernetes.
func (o *operator) request(q ct.Request, do func() (runtime.Object, error)) (runtime.Object, error) {
	if o.dead.Load() {
		return nil, errGone
	}
	if !q.Write() {
		if f := o.run.armedWith().Read; f != nil {
			if err := f(q); err != nil {
				return nil, err
			}
		}
		return do()
	}
	var answer runtime.Object
	err := o.write(kubernetesWrite(q), func() (err error) {
		answer, err = do()
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// write carries a write out as the run's fault has it.
func (o *operator) write(w Write, do func() error) error {
	verdict := o.run.judge(o, &w)
	switch verdict.kind {
	case crashBefore:
		o.crash()
		return errGone
	case fail:
		return verdict.err
	case pause:
		<-verdict.until
	}
	if verdict.kind == pause {
		o.run.checkLate(w)
	}
	err := do()
	switch verdict.kind {
	case crashAfter:
		o.crash()
		return errGone
	case failAfter:
		return verdict.err
	}
	return err
}

func (o *operator) crash() {
	o.dead.Store(true)
	o.crashed.Store(true)
}

// pd stands in the way to PD.
func (o *operator) pd(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		if o.dead.Load() {
			panic(http.ErrAbortHandler)
		}
		serve := next
		if f := o.run.armedWith().PD; f != nil {
			serve = f(o.run, next)
		}
		w, writes := pdWrite(q)
		if !writes {
			serve.ServeHTTP(out, q)
			return
		}
		// The answer is held back until it is clear that it arrives.
		held := httptest.NewRecorder()
		err := o.write(w, func() error {
			serve.ServeHTTP(held, q)
			return nil
		})
		var refusal *pdAnswer
		switch {
		case errors.As(err, &refusal) && q.ProtoMajor == 1:
			out.WriteHeader(refusal.status)
			_, _ = out.Write([]byte(refusal.body))
			return
		case errors.Is(err, errSilence):
			<-q.Context().Done()
			panic(http.ErrAbortHandler)
		case err != nil:
			panic(http.ErrAbortHandler)
		}
		replay(out, held)
	})
}

// replay gives an answer that was held back, with the trailers of gRPC at its end.
func replay(out http.ResponseWriter, held *httptest.ResponseRecorder) {
	trailers := map[string]bool{}
	for _, name := range held.Header()["Trailer"] {
		trailers[name] = true
	}
	for k, v := range held.Header() {
		if !trailers[k] {
			out.Header()[k] = v
		}
	}
	out.WriteHeader(held.Code)
	_, _ = out.Write(held.Body.Bytes())
	for k := range trailers {
		if v, ok := held.Header()[k]; ok {
			out.Header()[k] = v
		}
	}
}
