// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func TestResize(t *testing.T) {
	w := newWorld()
	claims := w.Kube.CoreV1().PersistentVolumeClaims("ns")
	seen, err := claims.Create(t.Context(), controltest.Claim(w.cluster, naming.Store, 0), metav1.CreateOptions{})
	require.NoError(t, err)
	w.ResetRequests()
	require.NoError(t, w.controls.Claims.Resize(t.Context(), seen, resource.MustParse("9Gi")))
	assert.Equal(t, []string{"patch persistentvolumeclaims data-demo-store-0"}, w.Requests())
	live, err := claims.Get(t.Context(), seen.Name, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "9Gi", live.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, seen.Spec.StorageClassName, live.Spec.StorageClassName)
	assert.Equal(t, control.Ref{Kind: "PersistentVolumeClaim", Name: seen.Name}, w.unseen())

	seen.UID = "another"
	assert.ErrorContains(t, w.controls.Claims.Resize(t.Context(), seen, resource.MustParse("10Gi")), "grow volume claim data-demo-store-0: ")
}

// The StatefulSet goes and its pods stay.
func TestDeleteAlone(t *testing.T) {
	w := newWorld()
	want, err := desired.StoreStatefulSet(w.cluster, 3, "launcher:1")
	require.NoError(t, err)
	_, err = w.controls.StatefulSets.Apply(t.Context(), want, nil)
	require.NoError(t, err)
	sets := w.Kube.AppsV1().StatefulSets("ns")
	seen, err := sets.Get(t.Context(), "demo-store", metav1.GetOptions{})
	require.NoError(t, err)
	w.ResetRequests()

	stale := seen.DeepCopy()
	stale.ResourceVersion = "1"
	err = w.controls.Orphans.DeleteAlone(t.Context(), stale)
	assert.True(t, apierrors.IsConflict(err), "%v", err)

	require.NoError(t, w.controls.Orphans.DeleteAlone(t.Context(), seen))
	sent := w.Kube.Actions()[1].(clienttesting.DeleteActionImpl).DeleteOptions
	assert.Equal(t, metav1.DeletePropagationOrphan, *sent.PropagationPolicy)
	assert.Equal(t, &metav1.Preconditions{UID: &seen.UID, ResourceVersion: &seen.ResourceVersion}, sent.Preconditions)
	settled, _ := w.pending.Settled(w.key(), func(control.Ref) metav1.Object { return seen })
	assert.False(t, settled, "the cache still shows it")
	require.NoError(t, w.controls.Orphans.DeleteAlone(t.Context(), seen), "what is gone is deleted")
}
