// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

func configMap(data string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x"}, Data: map[string]string{"k": data}}
}

// The stand-in must be like a real API server where the tests lean on it.
func TestAPIVersions(t *testing.T) {
	ctx, maps := t.Context(), NewAPI().Kube.CoreV1().ConfigMaps("ns")
	first, err := maps.Create(ctx, configMap("1"), metav1.CreateOptions{})
	require.NoError(t, err)
	assert.NotEmpty(t, first.UID)
	assert.False(t, first.CreationTimestamp.IsZero())

	same, err := maps.Update(ctx, first.DeepCopy(), metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.Equal(t, first.ResourceVersion, same.ResourceVersion, "nothing new")

	changed := first.DeepCopy()
	changed.Data["k"] = "2"
	second, err := maps.Update(ctx, changed, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.NotEqual(t, first.ResourceVersion, second.ResourceVersion)
	assert.Equal(t, first.UID, second.UID)

	_, err = maps.Update(ctx, changed, metav1.UpdateOptions{})
	assert.True(t, apierrors.IsConflict(err), "an old version: %v", err)
	second.UID, second.ResourceVersion = "other", ""
	_, err = maps.Update(ctx, second, metav1.UpdateOptions{})
	assert.True(t, apierrors.IsConflict(err), "another UID: %v", err)
	_, err = maps.Patch(ctx, "x", types.MergePatchType, []byte(`{"metadata":{"uid":"other"}}`), metav1.PatchOptions{})
	assert.True(t, apierrors.IsInvalid(err), "another UID in a patch: %v", err)
}

func TestAPIDeletes(t *testing.T) {
	ctx, maps := t.Context(), NewAPI().Kube.CoreV1().ConfigMaps("ns")
	o := configMap("1")
	o.Finalizers = []string{"x/y"}
	o, err := maps.Create(ctx, o, metav1.CreateOptions{})
	require.NoError(t, err)
	for _, p := range []metav1.Preconditions{{UID: new(types.UID("other"))}, {UID: &o.UID, ResourceVersion: new("0")}} {
		err := maps.Delete(ctx, "x", metav1.DeleteOptions{Preconditions: &p})
		assert.True(t, apierrors.IsConflict(err), "%v", err)
	}
	require.NoError(t, maps.Delete(ctx, "x", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion}}))
	o, err = maps.Get(ctx, "x", metav1.GetOptions{})
	require.NoError(t, err)
	assert.NotNil(t, o.DeletionTimestamp, "it waits for its finalizer")
	o.Finalizers = nil
	_, _ = maps.Update(ctx, o, metav1.UpdateOptions{})
	_, err = maps.Get(ctx, "x", metav1.GetOptions{})
	assert.True(t, apierrors.IsNotFound(err), "%v", err)
}

func TestAPIGenerations(t *testing.T) {
	ctx, api := t.Context(), NewAPI()
	sets := api.Kube.AppsV1().StatefulSets("ns")
	set, err := sets.Create(ctx, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	set.Labels = map[string]string{"a": "b"}
	set, err = sets.Update(ctx, set, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, set.Generation)
	set.Status.Replicas, set.Spec.ServiceName = 3, "ignored"
	set, err = sets.UpdateStatus(ctx, set, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, set.Generation)
	assert.EqualValues(t, 3, set.Status.Replicas)
	assert.Empty(t, set.Spec.ServiceName, "only the status")
	set.Spec.ServiceName = "y"
	set, err = sets.Update(ctx, set, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 2, set.Generation)

	cells := api.Cells.DeepfabricV1alpha1().CellClusters(Namespace)
	c, err := cells.Create(ctx, Cluster("demo"), metav1.CreateOptions{})
	require.NoError(t, err)
	c.Status.Bootstrapped, c.Spec.Paused = true, true
	c, err = cells.UpdateStatus(ctx, c, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.True(t, c.Status.Bootstrapped)
	assert.False(t, c.Spec.Paused)
	assert.Equal(t, []string{"create statefulsets x", "update statefulsets x", "update statefulsets/status x", "update statefulsets x",
		"create cellclusters demo", "update cellclusters/status demo"}, api.Requests())
}

func TestAPIWatchSelects(t *testing.T) {
	ctx, maps := t.Context(), NewAPI().Kube.CoreV1().ConfigMaps("ns")
	w, err := maps.Watch(ctx, metav1.ListOptions{LabelSelector: "app=mine"})
	require.NoError(t, err)
	defer w.Stop()
	_, err = maps.Create(ctx, configMap("1"), metav1.CreateOptions{})
	require.NoError(t, err)
	mine := configMap("2")
	mine.Name, mine.Labels = "mine", map[string]string{"app": "mine"}
	_, err = maps.Create(ctx, mine, metav1.CreateOptions{})
	require.NoError(t, err)
	event := <-w.ResultChan()
	assert.Equal(t, watch.Added, event.Type)
	assert.Equal(t, "mine", event.Object.(*corev1.ConfigMap).Name)
	mine.Labels = nil
	left, err := maps.Update(ctx, mine, metav1.UpdateOptions{})
	require.NoError(t, err)
	event = <-w.ResultChan()
	assert.Equal(t, watch.Deleted, event.Type, "it is not selected any more")
	assert.Equal(t, map[string]string{"app": "mine"}, event.Object.(*corev1.ConfigMap).Labels, "as it was last")
	assert.Equal(t, left.ResourceVersion, event.Object.(*corev1.ConfigMap).ResourceVersion)
}
