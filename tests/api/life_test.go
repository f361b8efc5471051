// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// Nothing but the status is written to a paused cluster.
func TestPaused(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 1)
	change(t, ns, "c0", set("spec.paused", "true"))
	c := await(t, ns, "c0", "is paused", func(c *v1alpha1.CellCluster) bool {
		return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionPaused)
	})
	assert.Equal(t, v1alpha1.PhasePaused, c.Status.Phase)
	ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
	assert.Equal(t, metav1.ConditionTrue, ready.Status)
	o.quiet(t)

	before := o.Counts()
	syncs := o.syncs.Load()
	require.NoError(t, resource("Service", ns).Delete(t.Context(), "c0-proxy", metav1.DeleteOptions{}))
	_, err := resource("Deployment", ns).Patch(t.Context(), "c0-proxy", types.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	change(t, ns, "c0", set("spec.proxy.image", "proxy:2"))
	until(t, func() bool { return o.syncs.Load() > syncs }, say("the cluster is synced"))
	c = await(t, ns, "c0", "says that the new spec waits", func(c *v1alpha1.CellCluster) bool {
		p := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionProgressing)
		return p.ObservedGeneration == c.Generation && p.Reason == v1alpha1.ReasonPaused &&
			strings.Contains(p.Message, fmt.Sprintf("the spec of generation %d is not carried out", c.Generation))
	})
	now := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
	assert.Equal(t, ready.ObservedGeneration, now.ObservedGeneration, "Ready tells of the spec that was carried out last")
	assert.Equal(t, ready.ObservedGeneration, c.Status.ObservedGeneration)
	assert.Less(t, ready.ObservedGeneration, c.Generation, "and says so")
	o.quiet(t)
	for r, n := range difference(o.Counts(), before) {
		assert.Contains(t, []string{"cellclusters/status", "events"}, r.Resource, "%d of %s", n, r)
	}

	change(t, ns, "c0", set("spec.paused", "false"))
	awaitReady(t, ns, "c0")
	proxies, err := env.kube.AppsV1().Deployments(ns).Get(t.Context(), "c0-proxy", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "proxy:2", proxies.Spec.Template.Spec.Containers[0].Image)
	assert.EqualValues(t, 2, *proxies.Spec.Replicas)
	_, err = resource("Service", ns).Get(t.Context(), "c0-proxy", metav1.GetOptions{})
	assert.NoError(t, err)
}

// A cluster that was created paused has nothing.
func TestCreatedPaused(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	create(t, ns, smallest, set("spec.paused", "true"))
	await(t, ns, "demo", "is paused", func(c *v1alpha1.CellCluster) bool { return c.Status.Phase == v1alpha1.PhasePaused })
	o.quiet(t)
	assert.Empty(t, owned(t, ns, "demo"))
	change(t, ns, "demo", set("spec.paused", "false"))
	awaitReady(t, ns, "demo")
}

// Everything goes with a CellCluster but the volumes.
func TestDeleted(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 1)
	cluster := get(t, ns, "c0")
	for _, x := range owned(t, ns, "c0") {
		controller := metav1.GetControllerOf(&x.Unstructured)
		require.NotNil(t, controller, "%s %s", x.kind, x.GetName())
		assert.Equal(t, *metav1.NewControllerRef(cluster, v1alpha1.GVK()), *controller, "%s %s", x.kind, x.GetName())
	}
	claims := claimsOf(t, ns, "c0")
	assert.Len(t, claims, 6)
	before := o.Counts()
	require.NoError(t, cellClusters(ns).Delete(t.Context(), "c0", metav1.DeleteOptions{}))
	until(t, func() bool { return len(owned(t, ns, "c0")) == 0 && podsOf(ns, "c0") == 0 }, say("nothing is left of the deleted cluster"))
	o.quiet(t)
	assert.Equal(t, claims, claimsOf(t, ns, "c0"))
	assert.LessOrEqual(t, kube.Sum(difference(o.Counts(), before), nil), 1, "requests: %s", kube.Print(difference(o.Counts(), before)))
	assert.Zero(t, o.failures.Load())

	// The volumes still hold the data: a new cluster of that name takes them over.
	create(t, ns, smallest, set("metadata.name", "c0"))
	c := awaitReady(t, ns, "c0")
	assert.Equal(t, cluster.Status.Store.Stores, c.Status.Store.Stores)
}

// A cluster that is created again while the garbage collector still works on
// the old one waits for that, and comes up.
func TestCreatedAgainAtOnce(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 1)
	require.NoError(t, cellClusters(ns).Delete(t.Context(), "c0", metav1.DeleteOptions{}))
	live := create(t, ns, smallest, set("metadata.name", "c0"))
	awaitReady(t, ns, "c0")
	for _, x := range owned(t, ns, "c0") {
		controller := metav1.GetControllerOf(&x.Unstructured)
		require.NotNil(t, controller)
		assert.Equal(t, live.GetUID(), controller.UID, "%s %s", x.kind, x.GetName())
	}
}

// Foreground deletion, as Argo CD and Rancher do it.
func TestDeletedInForeground(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 1)
	way := metav1.DeletePropagationForeground
	require.NoError(t, cellClusters(ns).Delete(t.Context(), "c0", metav1.DeleteOptions{PropagationPolicy: &way}))
	until(t, func() bool {
		list, err := cellClusters(ns).List(context.Background(), metav1.ListOptions{})
		return err == nil && len(list.Items) == 0
	}, say("the cluster is gone"))
	assert.Empty(t, owned(t, ns, "c0"))
	assert.Len(t, claimsOf(t, ns, "c0"), 6)
	assert.Zero(t, o.failures.Load())
}

// claimsOf are the UIDs of a cluster's claims.
func claimsOf(t *testing.T, ns, cluster string) map[string]types.UID {
	t.Helper()
	list, err := env.kube.CoreV1().PersistentVolumeClaims(ns).List(t.Context(), metav1.ListOptions{LabelSelector: naming.LabelInstance + "=" + cluster})
	require.NoError(t, err)
	out := map[string]types.UID{}
	for _, c := range list.Items {
		assert.Empty(t, c.OwnerReferences, c.Name)
		assert.Nil(t, c.DeletionTimestamp, c.Name)
		out[c.Name] = c.UID
	}
	return out
}

func podsOf(ns, cluster string) int {
	list, err := env.kube.CoreV1().Pods(ns).List(context.Background(), metav1.ListOptions{LabelSelector: naming.LabelInstance + "=" + cluster})
	if err != nil {
		return -1
	}
	return len(list.Items)
}

// A PD that falls silent is said to be unknown, and nothing is concluded from
// that: it may be the network.
func TestPDFallsSilent(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 1)
	objects := func() map[string]string {
		out := map[string]string{}
		for _, x := range owned(t, ns, "c0") {
			out[x.kind+" "+x.GetName()] = x.GetResourceVersion()
		}
		pods, err := env.kube.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, p := range pods.Items {
			out["Pod "+p.Name] = p.ResourceVersion
		}
		return out
	}
	before := objects()
	pd := env.world.PD(types.NamespacedName{Namespace: ns, Name: "c0"})
	pd.SetModes(pdtest.Silent)
	began := time.Now()
	c := await(t, ns, "c0", "is degraded", func(c *v1alpha1.CellCluster) bool {
		return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionDegraded)
	})
	t.Logf("noticed after %v", time.Since(began))
	assert.Contains(t, c.Status.Message, "nothing is known from PD: ")
	assert.Len(t, c.Status.Store.Stores, 3, "what was known stays")
	o.quiet(t)
	assert.Equal(t, before, objects())
	pd.SetModes(pdtest.Well)
	began = time.Now()
	awaitReady(t, ns, "c0")
	t.Logf("and well again after %v", time.Since(began))
}
