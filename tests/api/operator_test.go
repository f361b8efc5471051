// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
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
	launcherImage = "cell-operator:test"
	// patience is for a busy machine; what is awaited usually comes within a second or two.
	patience  = 2 * time.Minute
	lookAgain = 20 * time.Millisecond
	// pollBusy and pollSettled are short, so that tests do not wait for PD.
	pollBusy    = 250 * time.Millisecond
	pollSettled = 3 * time.Second
	// labelsAfter lets ids be written before the operator is quiet.
	labelsAfter = time.Second
)

// operator is the operator in this process, on a namespace of its own.
type operator struct {
	*kube.Counter
	syncs, failures atomic.Int64
	stop            func()
}

// Synced implements controller.Metrics.
func (o *operator) Synced(_ time.Duration, result string) {
	o.syncs.Add(1)
	if result == "error" {
		o.failures.Add(1)
	}
}

// operate starts the operator on a namespace. It ends with the test, or by its stop.
func operate(t *testing.T, ns string) *operator {
	t.Helper()
	o := &operator{Counter: &kube.Counter{}}
	config := rest.CopyConfig(env.config)
	config.Wrap(o.Wrap)
	cells, err := versioned.NewForConfig(config)
	require.NoError(t, err)
	builtin := rest.CopyConfig(config)
	builtin.ContentType = runtime.ContentTypeProtobuf
	client, err := kubernetes.NewForConfig(builtin)
	require.NoError(t, err)
	events, stopEvents := recorder(t, client)
	c, err := controller.New(controller.Options{
		Kube: client, Cells: cells, Events: events,
		PD:               pdapi.NewFactory(pdapi.Options{Transport: env.world}),
		LauncherImage:    launcherImage,
		Namespaces:       []string{ns},
		ClusterResources: true,
		LabelsAfter:      labelsAfter,
		Poll:             pdstate.Options{Busy: pollBusy, Settled: pollSettled},
		Metrics:          o,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(t, c.Start(ctx))
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	o.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		stopEvents()
	})
	t.Cleanup(o.stop)
	return o
}

func recorder(t *testing.T, client kubernetes.Interface) (record.EventRecorder, func()) {
	t.Helper()
	types := runtime.NewScheme()
	require.NoError(t, scheme.AddToScheme(types))
	require.NoError(t, v1alpha1.AddToScheme(types))
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return broadcaster.NewRecorder(types, corev1.EventSource{Component: naming.FieldManager}), broadcaster.Shutdown
}

// get reads a cluster.
func get(t *testing.T, ns, name string) *v1alpha1.CellCluster {
	t.Helper()
	c, err := env.cells.DeepfabricV1alpha1().CellClusters(ns).Get(context.Background(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return c
}

// await waits until a cluster is as it should be, and returns it.
func await(t *testing.T, ns, name string, what string, is func(*v1alpha1.CellCluster) bool) *v1alpha1.CellCluster {
	t.Helper()
	var c *v1alpha1.CellCluster
	until(t, func() bool {
		c = get(t, ns, name)
		return is(c)
	}, func() string { return "the cluster " + what + "; its status: " + print(c.Status) })
	return c
}

// until waits until something is so. In vain, it ends the test with what it was.
func until(t *testing.T, is func() bool, what func() string) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(lookAgain) {
		if time.Since(began) > patience {
			require.FailNow(t, "waited in vain until "+what())
		}
	}
}

// say is a constant sentence for until.
func say(what string) func() string { return func() string { return what } }

// print is a value as JSON, for messages.
func print(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// isReady tells that a cluster is all that its present spec asks for.
func isReady(c *v1alpha1.CellCluster) bool {
	return c.Status.ObservedGeneration == c.Generation && meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady)
}

func awaitReady(t *testing.T, ns, name string) *v1alpha1.CellCluster {
	t.Helper()
	return await(t, ns, name, "is ready", isReady)
}

// awaitMessage waits for a message in the one line that kubectl get shows.
func awaitMessage(t *testing.T, ns, name, message string) *v1alpha1.CellCluster {
	t.Helper()
	c := await(t, ns, name, "says: "+message, func(c *v1alpha1.CellCluster) bool { return c.Status.Message == message })
	_, cells := table(t, ns, name)
	assert.Equal(t, message, cells["Message"])
	return c
}

// awaitMessageLike waits for a message that matches a pattern.
func awaitMessageLike(t *testing.T, ns, name, pattern string) {
	t.Helper()
	like := regexp.MustCompile(pattern)
	await(t, ns, name, "says something like "+pattern, func(c *v1alpha1.CellCluster) bool { return like.MatchString(c.Status.Message) })
}

// quiet waits until the operator has made no request but watches for a while.
func (o *operator) quiet(t *testing.T) {
	t.Helper()
	const long = 2 * time.Second
	last, since := -1, time.Now()
	until(t, func() bool {
		if n := o.requests(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > long
	}, func() string { return "the operator comes to rest; its requests: " + o.String() })
}

// requests counts all but the opening of watches.
func (o *operator) requests() int {
	return kube.Sum(o.Counts(), func(r kube.Request) bool { return r.Verb != "watch" })
}

// String lists the requests so far.
func (o *operator) String() string { return kube.Print(o.Counts()) }
