// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func (w *world) createPod(t *testing.T) *corev1.Pod {
	t.Helper()
	p := controltest.Pod(w.cluster, naming.Store, 0)
	p.Labels["extra"] = "old"
	p, err := w.Kube.CoreV1().Pods("ns").Create(t.Context(), p, metav1.CreateOptions{})
	require.NoError(t, err)
	w.ResetRequests()
	return p
}

func (w *world) livePod(t *testing.T) *corev1.Pod {
	t.Helper()
	p, err := w.Kube.CoreV1().Pods("ns").Get(t.Context(), "demo-store-0", metav1.GetOptions{})
	require.NoError(t, err)
	return p
}

// replacePod has another pod of the same name take a pod's place.
func (w *world) replacePod(t *testing.T) {
	t.Helper()
	require.NoError(t, w.Kube.CoreV1().Pods("ns").Delete(t.Context(), "demo-store-0", metav1.DeleteOptions{}))
	w.createPod(t)
}

func TestDelete(t *testing.T) {
	w := newWorld()
	seen := w.createPod(t)
	require.NoError(t, w.controls.Pods.Delete(t.Context(), seen))
	require.Equal(t, []string{"delete pods demo-store-0"}, w.Requests())
	sent := w.Kube.Actions()[0].(clienttesting.DeleteActionImpl).DeleteOptions
	assert.Equal(t, &metav1.Preconditions{UID: &seen.UID, ResourceVersion: &seen.ResourceVersion}, sent.Preconditions)
	assert.Nil(t, sent.GracePeriodSeconds, "a pod gets the time to stop that its spec gives it")
	settled, ref := w.pending.Settled(w.key(), func(control.Ref) metav1.Object { return seen })
	assert.False(t, settled, "the cache still shows it")
	assert.Equal(t, control.Ref{Kind: "Pod", Name: "demo-store-0"}, ref)
	settled, _ = w.pending.Settled(w.key(), func(control.Ref) metav1.Object { return nil })
	assert.True(t, settled)

	require.NoError(t, w.controls.Pods.Delete(t.Context(), seen), "what is gone is deleted")
}

// Nothing but what was seen is deleted.
func TestDeleteOfAnother(t *testing.T) {
	tests := map[string]func(t *testing.T, w *world){
		"a pod that has changed since": func(t *testing.T, w *world) {
			p := w.livePod(t)
			p.Status.Phase = corev1.PodRunning
			_, err := w.Kube.CoreV1().Pods("ns").UpdateStatus(t.Context(), p, metav1.UpdateOptions{})
			require.NoError(t, err)
		},
		"another pod of the same name": func(t *testing.T, w *world) { w.replacePod(t) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			seen := w.createPod(t)
			change(t, w)
			err := w.controls.Pods.Delete(t.Context(), seen)
			assert.True(t, apierrors.IsConflict(err), "%v", err)
			assert.ErrorContains(t, err, "delete Pod demo-store-0: ")
			assert.NotNil(t, w.livePod(t))
			assert.Zero(t, w.unseen())
		})
	}
}

func TestPatchMetadata(t *testing.T) {
	w := newWorld()
	seen := w.createPod(t)
	before := seen.DeepCopy()
	require.NoError(t, w.controls.Pods.PatchMetadata(t.Context(), seen, control.Metadata{
		Labels:          map[string]*string{"new": new("1"), "extra": nil},
		Annotations:     map[string]*string{naming.AnnotationZone: new("z")},
		OwnerReferences: []metav1.OwnerReference{controller("Other", "x")},
	}))
	assert.Equal(t, before, seen, "it belongs to a cache")
	live := w.livePod(t)
	assert.Equal(t, "1", live.Labels["new"])
	assert.NotContains(t, live.Labels, "extra")
	assert.Equal(t, "store", live.Labels[naming.LabelComponent], "what is not named stays")
	assert.Equal(t, "z", live.Annotations[naming.AnnotationZone])
	assert.Equal(t, []metav1.OwnerReference{controller("Other", "x")}, live.OwnerReferences)
	assert.Equal(t, before.Spec, live.Spec)
	settled, _ := w.pending.Settled(w.key(), func(control.Ref) metav1.Object { return seen })
	assert.False(t, settled, "the cache must show the annotation first")
	settled, _ = w.pending.Settled(w.key(), func(control.Ref) metav1.Object { return live })
	assert.True(t, settled)
}

func TestPatchMetadataSendsOnlyWhatIsAsked(t *testing.T) {
	tests := map[string]struct {
		metadata control.Metadata
		want     []string
	}{
		"labels":      {control.Metadata{Labels: map[string]*string{"a": new("b")}}, []string{"uid", "labels"}},
		"annotations": {control.Metadata{Annotations: map[string]*string{"a": nil}}, []string{"uid", "annotations"}},
		"no owners":   {control.Metadata{OwnerReferences: []metav1.OwnerReference{}}, []string{"uid", "ownerReferences"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			require.NoError(t, w.controls.Pods.PatchMetadata(t.Context(), w.createPod(t), test.metadata))
			p := w.lastPatch(t)
			assert.Equal(t, types.MergePatchType, p.PatchType)
			assert.Equal(t, "cell-operator", p.PatchOptions.FieldManager)
			var body map[string]map[string]any
			require.NoError(t, json.Unmarshal(p.Patch, &body))
			assert.Len(t, body, 1)
			var keys []string
			for k := range body["metadata"] {
				keys = append(keys, k)
			}
			assert.ElementsMatch(t, test.want, keys)
		})
	}
}

// A pod that was replaced or is gone is a conflict like others: whoever decided
// the patch looks again. It is nothing to tell the user.
func TestPatchMetadataOfAnother(t *testing.T) {
	tests := map[string]func(t *testing.T, w *world){
		"another pod of the same name": func(t *testing.T, w *world) { w.replacePod(t) },
		"a pod that is gone": func(t *testing.T, w *world) {
			require.NoError(t, w.Kube.CoreV1().Pods("ns").Delete(t.Context(), "demo-store-0", metav1.DeleteOptions{}))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			seen := w.createPod(t)
			change(t, w)
			err := w.controls.Pods.PatchMetadata(t.Context(), seen, control.Metadata{Annotations: map[string]*string{"a": new("b")}})
			require.Error(t, err)
			assert.True(t, apierrors.IsConflict(err), "%v", err)
			assert.ErrorContains(t, err, "patch metadata of Pod demo-store-0: ")
		})
	}
}

// A mark from which something destructive follows is put only on what was seen.
func TestPatchMetadataOfWhatIsUnchanged(t *testing.T) {
	w := newWorld()
	seen := w.createPod(t)
	mark := func(unchanged bool) error {
		return w.controls.Pods.PatchMetadata(t.Context(), seen, control.Metadata{Unchanged: unchanged, Annotations: map[string]*string{"a": new("b")}})
	}
	require.NoError(t, mark(true))
	err := mark(true)
	assert.True(t, apierrors.IsConflict(err), "it has changed since: %v", err)
	assert.NoError(t, mark(false))
}

func TestSetReclaimPolicy(t *testing.T) {
	w := newWorld()
	volumes := w.Kube.CoreV1().PersistentVolumes()
	seen, err := volumes.Create(t.Context(), &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, w.controls.Volumes.SetReclaimPolicy(t.Context(), seen, corev1.PersistentVolumeReclaimRetain))
	live, err := volumes.Get(t.Context(), "pv", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, live.Spec.PersistentVolumeReclaimPolicy)

	seen.UID = "another"
	err = w.controls.Volumes.SetReclaimPolicy(t.Context(), seen, corev1.PersistentVolumeReclaimDelete)
	assert.ErrorContains(t, err, "set reclaim policy of volume pv: ")
	live, err = volumes.Get(t.Context(), "pv", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, live.Spec.PersistentVolumeReclaimPolicy, "another volume of that name stays as it is")
}

func TestUpdateStatus(t *testing.T) {
	w := newWorld()
	cells := w.Cells.DeepfabricV1alpha1().CellClusters("ns")
	c, err := cells.Create(t.Context(), w.cluster, metav1.CreateOptions{})
	require.NoError(t, err)
	w.ResetRequests()
	stale := c.DeepCopy()

	c.Status.Phase = "Normal"
	require.NoError(t, w.controls.Clusters.UpdateStatus(t.Context(), c))
	assert.Equal(t, []string{"update cellclusters/status demo"}, w.Requests())
	assert.Equal(t, control.Ref{Kind: "CellCluster", Name: "demo"}, w.unseen())

	stale.Status.Phase = "Creating"
	err = w.controls.Clusters.UpdateStatus(t.Context(), stale)
	assert.True(t, apierrors.IsConflict(err), "%v", err)
	assert.ErrorContains(t, err, "write status of CellCluster demo: ")

	gone := apierrors.NewInternalError(errors.New("etcd is gone"))
	w.Cells.PrependReactor("update", "cellclusters", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, gone })
	assert.ErrorIs(t, w.controls.Clusters.UpdateStatus(t.Context(), c), gone)
}

// The number that an autoscaler chose outlives the operator's own wish for one.
func TestKeepReplicas(t *testing.T) {
	w := newWorld()
	deployments := w.Kube.AppsV1().Deployments("ns")
	apply := func(replicas *int32, live *appsv1.Deployment) *appsv1.Deployment {
		want, err := desired.ProxyDeployment(w.cluster, replicas, "launcher:1")
		require.NoError(t, err)
		_, err = w.controls.Deployments.Apply(t.Context(), want, live)
		require.NoError(t, err)
		live, err = deployments.Get(t.Context(), "demo-proxy", metav1.GetOptions{})
		require.NoError(t, err)
		return live
	}
	live := apply(new(int32(5)), nil)
	require.NoError(t, w.controls.Replicas.KeepReplicas(t.Context(), live, 5))
	live = apply(nil, live)
	require.NotNil(t, live.Spec.Replicas)
	assert.EqualValues(t, 5, *live.Spec.Replicas)
	live.UID = "another"
	assert.Error(t, w.controls.Replicas.KeepReplicas(t.Context(), live, 5))
}
