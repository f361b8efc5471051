// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/controller"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

const (
	// LauncherImage is the image that a Lab's operator brings launchers from.
	LauncherImage = "cell-operator:test"
	// patience is for a busy machine; what is awaited usually comes within seconds.
	patience  = 2 * time.Minute
	lookAgain = 20 * time.Millisecond
	// pollBusy and pollSettled are short, so that tests do not wait for PD.
	pollBusy    = 250 * time.Millisecond
	pollSettled = time.Second // less than Quiet takes: what PD was told last is known then
	// labelsAfter is short, too, but longer than a cluster that is about to be edited again stays ready.
	labelsAfter = 300 * time.Millisecond
)

// Lab is a namespace with an operator of its own.
type Lab struct {
	*Plane
	T         testing.TB
	Namespace string
	// Name is the cluster's, "demo" by default.
	Name string
	// Launcher is the launcher's image of the next operator.
	Launcher string

	operator *Operator
}

// Operator is one process of the operator, played by a controller in this one.
type Operator struct {
	*Faults
	*kube.Counter
	syncs, failed atomic.Int64
	stop          func()
}

// Synced implements controller.Metrics.
func (o *Operator) Synced(_ time.Duration, result string) {
	o.syncs.Add(1)
	if result == "error" {
		o.failed.Add(1)
	}
}

// New makes a Lab without an operator. All ends with the test.
func (p *Plane) New(t testing.TB) *Lab {
	t.Helper()
	return p.in(t, metav1.ObjectMeta{GenerateName: "lab-"})
}

func (p *Plane) in(t testing.TB, meta metav1.ObjectMeta) *Lab {
	t.Helper()
	ns, err := p.Kube.CoreV1().Namespaces().Create(context.Background(), &corev1.Namespace{ObjectMeta: meta}, metav1.CreateOptions{})
	require.NoError(t, err)
	l := &Lab{Plane: p, T: t, Namespace: ns.Name, Name: "demo", Launcher: LauncherImage}
	t.Cleanup(func() {
		l.Crash()
		// What is left of a test costs the others CPU.
		_ = p.Kube.CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{})
	})
	return l
}

// Start starts an operator that remembers nothing, under a rule for its requests; nil for none.
func (l *Lab) Start(rule Rule) *Operator {
	l.T.Helper()
	require.Nil(l.T, l.operator, "one operator at a time")
	o := &Operator{Faults: &Faults{rule: rule}, Counter: &kube.Counter{}}
	config := rest.CopyConfig(l.Config)
	config.Wrap(o.Counter.Wrap)
	config.Wrap(o.Faults.Wrap)
	cells, err := versioned.NewForConfig(config)
	require.NoError(l.T, err)
	builtin := rest.CopyConfig(config)
	builtin.ContentType = runtime.ContentTypeProtobuf
	builtin.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	client, err := kubernetes.NewForConfig(builtin)
	require.NoError(l.T, err)
	events, stopEvents := recorder(l.T, client)
	c, err := controller.New(controller.Options{
		Kube: client, Cells: cells, Events: events,
		PD:               pdapi.NewFactory(pdapi.Options{Transport: l.World, DialContext: l.World.DialContext}),
		LauncherImage:    l.Launcher,
		Namespaces:       []string{l.Namespace},
		ClusterResources: true,
		LabelsAfter:      labelsAfter,
		Poll:             pdstate.Options{Busy: pollBusy, Settled: pollSettled},
		Metrics:          o,
	})
	require.NoError(l.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if c.Start(ctx) == nil {
			c.Run(ctx)
		}
	})
	o.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		stopEvents()
	})
	l.operator = o
	return o
}

// Crash ends the operator, if one runs: no request of it gets through any more.
func (l *Lab) Crash() {
	if l.operator == nil {
		return
	}
	l.operator.mu.Lock()
	l.operator.dead = true
	l.operator.mu.Unlock()
	l.operator.stop()
	l.operator = nil
}

// Operator is the one that runs, nil if none does.
func (l *Lab) Operator() *Operator { return l.operator }

func recorder(t testing.TB, client kubernetes.Interface) (record.EventRecorder, func()) {
	t.Helper()
	types := runtime.NewScheme()
	require.NoError(t, scheme.AddToScheme(types))
	require.NoError(t, v1alpha1.AddToScheme(types))
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return broadcaster.NewRecorder(types, corev1.EventSource{Component: naming.FieldManager}), broadcaster.Shutdown
}
