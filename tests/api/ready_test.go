// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// From creation to Ready, what the user sees on the way, and what it costs. It
// runs alone: the longer a cluster takes the more often its status changes.
func TestReady(t *testing.T) {
	ns := namespace(t)
	o := operate(t, ns)
	began := time.Now()
	before := o.Counts()
	create(t, ns, smallest)
	c := awaitReady(t, ns, "demo")
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	atReady := difference(o.Counts(), before)
	o.quiet(t)

	assert.Equal(t, v1alpha1.PhaseNormal, c.Status.Phase)
	assert.True(t, c.Status.Bootstrapped)
	assert.Empty(t, c.Status.Message)
	assert.Len(t, c.Status.PD.Members, 3)
	assert.Len(t, c.Status.Store.Stores, 3)
	_, cells := table(t, ns, "demo")
	delete(cells, "Age")
	assert.Equal(t, map[string]any{"Name": "demo", "Ready": "True", "PD": "3/3", "Store": "3/3", "Proxy": "2/2", "Phase": "Normal", "Message": nil}, cells)

	zones := map[string]bool{}
	for _, s := range c.Status.Store.Stores {
		zones[s.Zone] = true
	}
	assert.Len(t, zones, 3, "each store knows its zone")

	counts := difference(o.Counts(), before)
	t.Logf("requests: %s", kube.Print(counts))
	isEvent := func(r kube.Request) bool { return r.Resource == "events" }
	isStatus := func(r kube.Request) bool { return r.Resource == "cellclusters/status" }
	assert.LessOrEqual(t, kube.Sum(atReady, nil), 35, "requests from creation to Ready: %s", kube.Print(atReady))
	assert.LessOrEqual(t, kube.Sum(counts, isEvent), 6, "events")
	assert.LessOrEqual(t, kube.Sum(counts, isStatus), 5, "writes of the status")
	assert.Zero(t, kube.Sum(counts, func(r kube.Request) bool { return r.Verb == "get" || r.Verb == "list" }), "reads")
	assert.Zero(t, o.failures.Load(), "syncs that failed")
}

func difference(a, b map[kube.Request]int) map[kube.Request]int {
	out := map[kube.Request]int{}
	for k, n := range a {
		if n -= b[k]; n > 0 {
			out[k] = n
		}
	}
	return out
}

// settled brings up some clusters in one namespace and waits until nothing moves.
func settled(t *testing.T, ns string, o *operator, count int) {
	t.Helper()
	for i := range count {
		create(t, ns, smallest, set("metadata.name", fmt.Sprintf("c%d", i)))
	}
	for i := range count {
		awaitReady(t, ns, fmt.Sprintf("c%d", i))
	}
	o.quiet(t)
}

// touchNodes makes all operators sync all clusters: a label of a node that
// nobody looks at changes.
func touchNodes(t *testing.T, value string) {
	t.Helper()
	for _, node := range []string{"node-1", "node-2", "node-3"} {
		body := fmt.Sprintf(`{"metadata":{"labels":{"touched":%q}}}`, value)
		_, err := env.kube.CoreV1().Nodes().Patch(t.Context(), node, types.MergePatchType, []byte(body), metav1.PatchOptions{})
		require.NoError(t, err)
	}
}

// The sync of a settled cluster asks nobody anything.
func TestSyncOfSettledClusterMakesNoRequest(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 2)
	requests, syncs := o.Counts(), o.syncs.Load()
	const wanted = 100
	for i := 0; o.syncs.Load() < syncs+wanted; i++ {
		require.Less(t, i, 100*wanted, "events of nodes cause no sync")
		touchNodes(t, fmt.Sprint(i))
		time.Sleep(5 * time.Millisecond) // only the pace: not all events may fall together
	}
	counts := difference(o.Counts(), requests)
	assert.Zero(t, kube.Sum(counts, func(r kube.Request) bool { return r.Verb != "watch" }), "%d syncs made requests: %s", o.syncs.Load()-syncs, kube.Print(counts))
	assert.Zero(t, o.failures.Load())
}

// A restarted operator takes settled clusters over with nothing but LIST and WATCH.
func TestRestartOverSettledClusters(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 3)
	versions := func() map[string]string {
		out := map[string]string{}
		list, err := cellClusters(ns).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, c := range list.Items {
			out[c.GetName()] = c.GetResourceVersion()
		}
		return out
	}
	before := versions()
	o.stop()

	o = operate(t, ns)
	until(t, func() bool { return o.syncs.Load() >= 3 }, say("all clusters are synced"))
	time.Sleep(3 * pollBusy) // PD's first answers come in
	o.quiet(t)
	for r, n := range o.Counts() {
		assert.Contains(t, []string{"list", "watch"}, r.Verb, "%d of %s", n, r)
	}
	assert.Equal(t, before, versions(), "the status was written")
	assert.Zero(t, o.failures.Load())
}

// Several clusters of one namespace have nothing in common.
func TestTwoClustersInOneNamespace(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 2)
	objects := func(cluster string) map[string]string {
		out := map[string]string{}
		for _, x := range owned(t, ns, cluster) {
			out[x.kind+" "+x.GetName()] = string(x.GetUID()) + " " + x.GetResourceVersion()
		}
		return out
	}
	before := objects("c0")
	require.NotEmpty(t, before)

	change(t, ns, "c1", set("spec.proxy.replicas", "3"), set("spec.proxy.image", "proxy:2"))
	awaitReady(t, ns, "c1")
	require.NoError(t, cellClusters(ns).Delete(t.Context(), "c1", metav1.DeleteOptions{}))
	until(t, func() bool { return len(owned(t, ns, "c1")) == 0 }, say("nothing is left of the deleted cluster"))
	assert.Equal(t, before, objects("c0"))
	pods, err := env.kube.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, p := range pods.Items {
		assert.Equal(t, corev1.PodRunning, p.Status.Phase, p.Name)
	}
	assert.True(t, isReady(get(t, ns, "c0")))
}
