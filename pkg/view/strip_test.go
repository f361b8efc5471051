// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// The caches keep nothing that no decision needs.
func TestStrip(t *testing.T) {
	managed := []metav1.ManagedFieldsEntry{{Manager: "x"}}
	p, err := view.Strip(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{ManagedFields: managed, Annotations: map[string]string{"a": "b"}},
		Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "store"}},
			InitContainers: []corev1.Container{{Name: "launcher", Image: "x", Command: []string{"copy"}}}},
	})
	require.NoError(t, err)
	assert.Equal(t, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": "b"}},
		Spec:       corev1.PodSpec{NodeName: "n", InitContainers: []corev1.Container{{Name: "launcher", Image: "x"}}},
	}, p)

	node := Node("n", "zone", "a")
	node.ManagedFields, node.Annotations = managed, map[string]string{"x": "y"}
	node.Spec.Unschedulable = true
	node.Status.Images = []corev1.ContainerImage{{Names: []string{"large"}}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}}
	n, err := view.Strip(node)
	require.NoError(t, err)
	want := Node("n", "zone", "a")
	want.Spec.Unschedulable = true
	want.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}}
	assert.Equal(t, want, n)

	v, err := view.Strip(&corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{
		ClaimRef:                      &corev1.ObjectReference{Name: "c"},
		PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/x"}},
		NodeAffinity:                  &corev1.VolumeNodeAffinity{},
	}})
	require.NoError(t, err)
	assert.Equal(t, corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Name: "c"}, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain, NodeAffinity: &corev1.VolumeNodeAffinity{}}, v.(*corev1.PersistentVolume).Spec)

	same, err := view.Strip(cache.DeletedFinalStateUnknown{Key: "x"})
	require.NoError(t, err)
	assert.Equal(t, cache.DeletedFinalStateUnknown{Key: "x"}, same)
}
