// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/scheduler/cache"
)

// Server is the extender behind its HTTP paths.
type Server struct {
	*Extender
	started atomic.Bool
}

// New makes a Server; Run starts it.
func New(kube kubernetes.Interface, cells versioned.Interface, registry prometheus.Registerer) (*Server, error) {
	admitted := &admissions{}
	c, err := cache.New(kube, cells, admitted.gone)
	if err != nil {
		return nil, err
	}
	return &Server{Extender: &Extender{cache: c, admitted: admitted, metrics: newMetrics(registry), now: time.Now}}, nil
}

// Start fills the cache and lets questions in.
func (s *Server) Start(ctx context.Context) error {
	if err := s.Extender.Start(ctx); err != nil {
		return err
	}
	s.started.Store(true)
	return nil
}

// Shutdown waits until nothing is watched any more.
func (s *Server) Shutdown() { s.cache.Shutdown() }

// Ready tells whether questions are answered.
func (s *Server) Ready() bool { return s.started.Load() }

// The paths of kube-scheduler's questions. While the extender does not answer, all that
// a pod's event tells is the URL, so its name is in it.
const (
	Prefix         = "/cell-scheduler-extender"
	PathFilter     = Prefix + "/filter"
	PathPrioritize = Prefix + "/prioritize"
	PathPreempt    = Prefix + "/preempt"
)

// errStarting is what is answered in the first seconds of a process.
var errStarting = errors.New("the cell-scheduler's extender has just started and does not know all nodes and pods yet; it will in some seconds")

// Handler answers kube-scheduler.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request, *bytes.Buffer) error{
		PathFilter: s.answerFilter, PathPrioritize: s.answerPrioritize, PathPreempt: s.answerPreempt,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			body := buffer()
			defer buffers.Put(body)
			if err := answer(r, body); err != nil {
				klog.FromContext(r.Context()).Error(err, "A question of kube-scheduler was not answered", "path", path)
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
			_, _ = w.Write(body.Bytes()) // if kube-scheduler has gone it asks again
		})
	}
	return mux
}

// answerFilter puts an error into its answer, since kube-scheduler shows that one in the pod's event.
func (s *Server) answerFilter(r *http.Request, into *bytes.Buffer) error {
	begin := time.Now()
	pod, nodes, err := readArgs(r)
	if err == nil && !s.Ready() {
		err = errStarting
	}
	if err != nil {
		return json.NewEncoder(into).Encode(extenderv1.ExtenderFilterResult{Error: err.Error()})
	}
	answer, waited := s.filter(r.Context(), pod, nodes)
	if len(answer.Nodes) == 0 && len(answer.Reasons) > 0 {
		klog.FromContext(r.Context()).V(2).Info("No node is allowed", "pod", klog.KObj(pod), "nodes", len(nodes), "why", answer.Reasons)
	}
	filterResult(into, answer)
	s.metrics.decided(answer, waited)
	s.metrics.took("filter", time.Since(begin)-waited)
	return nil
}

func (s *Server) answerPrioritize(r *http.Request, into *bytes.Buffer) error {
	begin := time.Now()
	pod, nodes, err := readArgs(r)
	if err != nil {
		return err
	}
	scores(into, nodes, s.score(pod, nodes))
	s.metrics.took("prioritize", time.Since(begin))
	return nil
}

func (s *Server) answerPreempt(r *http.Request, into *bytes.Buffer) error {
	var args extenderv1.ExtenderPreemptionArgs
	if err := decode(r, &args); err != nil {
		return err
	}
	if args.Pod == nil || (args.NodeNameToMetaVictims == nil && args.NodeNameToVictims != nil) {
		return errNoNames
	}
	victims := map[string][]types.UID{}
	for node, v := range args.NodeNameToMetaVictims {
		victims[node] = nil
		for _, p := range v.Pods {
			victims[node] = append(victims[node], types.UID(p.UID))
		}
	}
	keep := s.preempt(r.Context(), args.Pod, victims)
	result := extenderv1.ExtenderPreemptionResult{NodeNameToMetaVictims: map[string]*extenderv1.MetaVictims{}}
	for node, v := range args.NodeNameToMetaVictims {
		if keep[node] {
			result.NodeNameToMetaVictims[node] = v
		}
	}
	return json.NewEncoder(into).Encode(result)
}

// scores writes an extenderv1.HostPriorityList as JSON.
func scores(into *bytes.Buffer, nodes []string, values []int64) {
	into.Grow(48*len(nodes) + 2)
	out := append(into.AvailableBuffer(), '[')
	for i, n := range nodes {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendName(append(out, `{"Host":`...), n), `,"Score":`...)
		out = append(strconv.AppendInt(out, values[i], 10), '}')
	}
	into.Write(append(out, ']'))
}

func objectMeta(name types.NamespacedName) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}
}
