// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func controller(kind, name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "example.com/v1", Kind: kind, Name: name, UID: "uid-of-theirs", Controller: new(true)}
}

// A stranger's object with a name that the cluster needs stays as it is, to the
// last byte, and the user is told. Strangers do not carry the operator's label,
// so the caches do not show them.
func TestStrangers(t *testing.T) {
	other := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo-pd", Labels: map[string]string{"app": "theirs"}},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "theirs"}, Ports: []corev1.ServicePort{{Name: "client", Port: 2379, Protocol: "TCP"}}},
	}
	tests := map[string]struct {
		change func(w *world, s *corev1.Service)
		cached bool
		cause  string
	}{
		"not in the cache, fields differ": {
			func(_ *world, s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }, false, "it has no owner",
		},
		"not in the cache, with a controller": {
			func(_ *world, s *corev1.Service) {
				s.OwnerReferences = []metav1.OwnerReference{controller("Other", "x")}
			}, false, "its owner is Other x with UID uid-of-theirs",
		},
		"not in the cache, with a controller and fields that differ": {
			func(_ *world, s *corev1.Service) {
				s.Spec.Type = corev1.ServiceTypeNodePort
				s.OwnerReferences = []metav1.OwnerReference{controller("Other", "x")}
			}, false, "its owner is Other x with UID uid-of-theirs",
		},
		"an older cluster of the same name": {
			func(w *world, s *corev1.Service) {
				older := w.cluster.DeepCopy()
				older.UID = "older"
				s.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(older, older.GroupVersionKind())}
			}, false, "its owner is CellCluster demo with UID older",
		},
		"in the cache, without an owner": {
			func(_ *world, s *corev1.Service) { s.Labels[naming.LabelManagedBy] = naming.ManagedBy }, true, "it has no owner",
		},
		"in the cache, another's": {
			func(_ *world, s *corev1.Service) {
				s.OwnerReferences = []metav1.OwnerReference{controller("Other", "x")}
			}, true, "its owner is Other x with UID uid-of-theirs",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			theirs := other.DeepCopy()
			test.change(w, theirs)
			theirs, err := w.Kube.CoreV1().Services("ns").Create(t.Context(), theirs, metav1.CreateOptions{FieldManager: "kubectl-create"})
			require.NoError(t, err)
			w.ResetRequests()
			var live *corev1.Service
			if test.cached {
				live = theirs
			}
			changed, err := w.controls.Services.Apply(t.Context(), w.service(), live)
			assert.False(t, changed)
			var conflict *control.ConflictError
			require.ErrorAs(t, err, &conflict)
			assert.Equal(t, "Service", conflict.Kind)
			assert.Equal(t, "demo-pd", conflict.Name)
			assert.Equal(t, test.cause, conflict.Cause)
			assert.ErrorContains(t, err, "delete it or give the CellCluster another name")
			if test.cached {
				assert.Empty(t, w.Requests(), "what the cache shows need not be asked for")
			}
			assert.Equal(t, theirs, w.liveService(t))
			assert.Zero(t, w.unseen())
		})
	}
}

// A stranger that differs in nothing which the operator sets is a stranger all
// the same: made ours, it would be deleted with the cluster.
func TestStrangerWithoutDifference(t *testing.T) {
	w := newWorld()
	theirs, err := w.Kube.CoreV1().ConfigMaps("ns").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo-start"},
		Data:       map[string]string{"precious": "x"},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	require.NoError(t, err)
	want, err := desired.StartConfigMap(w.cluster, launch.Join{State: launch.JoinNew, Members: []launch.JoinMember{desired.PDMember(w.cluster, 0)}}, nil)
	require.NoError(t, err)
	_, err = w.controls.ConfigMaps.Apply(t.Context(), want, nil)
	var conflict *control.ConflictError
	assert.ErrorAs(t, err, &conflict)
	live, err := w.Kube.CoreV1().ConfigMaps("ns").Get(t.Context(), "demo-start", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Empty(t, live.OwnerReferences)
	assert.Equal(t, theirs.Data, live.Data)
}

// A cache that lags behind shows what is gone: another's object may have taken its place.
func TestStrangerBehindStaleCache(t *testing.T) {
	w := newWorld()
	services := w.Kube.CoreV1().Services("ns")
	stale := w.applyService(t, w.service(), nil)
	require.NoError(t, services.Delete(t.Context(), "demo-pd", metav1.DeleteOptions{}))
	theirs, err := services.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo-pd"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "theirs"}, Type: corev1.ServiceTypeNodePort},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	require.NoError(t, err)
	w.cluster.Spec.PD.Service = nil
	want := w.service()
	want.Spec.PublishNotReadyAddresses = true // something to write
	_, err = w.controls.Services.Apply(t.Context(), want, stale)
	require.Error(t, err)
	assert.Equal(t, theirs.Spec, w.liveService(t).Spec)
}

// An object of ours that the cache does not show yet is no stranger, though
// somebody else has changed it meanwhile.
func TestOwnThatIsNotCachedYet(t *testing.T) {
	w := newWorld()
	live := w.applyService(t, w.service(), nil)
	live.Spec.Type = corev1.ServiceTypeNodePort
	_, err := w.Kube.CoreV1().Services("ns").Update(t.Context(), live, metav1.UpdateOptions{FieldManager: "kubectl-edit"})
	require.NoError(t, err)
	w.ResetRequests()
	changed, err := w.controls.Services.Apply(t.Context(), w.service(), nil)
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, []string{"patch services demo-pd", "get services demo-pd", "patch services demo-pd"}, w.Requests())
	assert.True(t, *w.lastPatch(t).PatchOptions.Force)
	assert.Equal(t, corev1.ServiceTypeClusterIP, w.liveService(t).Spec.Type)
}

// What cannot be looked at is not overwritten.
func TestConflictThatCannotBeLookedAt(t *testing.T) {
	w := newWorld()
	theirs, err := w.Kube.CoreV1().Services("ns").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo-pd"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	require.NoError(t, err)
	gone := apierrors.NewInternalError(errors.New("etcd is gone"))
	broken := true
	w.Kube.PrependReactor("get", "services", func(clienttesting.Action) (bool, runtime.Object, error) { return broken, nil, gone })
	_, err = w.controls.Services.Apply(t.Context(), w.service(), nil)
	require.ErrorIs(t, err, gone)
	assert.ErrorContains(t, err, "look at what caused")
	broken = false
	assert.Equal(t, theirs, w.liveService(t))
}

// What the operator made for a cluster of this name, and has lost its owner, is
// taken back: by hand, or with a CellCluster that was deleted without it.
func TestOrphans(t *testing.T) {
	tests := map[string]struct {
		change func(s *corev1.Service)
		ours   bool
	}{
		"its owner was taken away":            {func(*corev1.Service) {}, true},
		"made for another cluster":            {func(s *corev1.Service) { s.Labels[naming.LabelInstance] = "other" }, false},
		"of another operator":                 {func(s *corev1.Service) { s.Labels[naming.LabelManagedBy] = "other" }, false},
		"labelled like ours, made by no one":  {func(s *corev1.Service) { s.Annotations = nil }, false},
		"it has got another owner since then": {func(s *corev1.Service) { s.OwnerReferences = []metav1.OwnerReference{controller("Other", "x")} }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			live := w.applyService(t, w.service(), nil)
			live.OwnerReferences = nil
			test.change(live)
			live, err := w.Kube.CoreV1().Services("ns").Update(t.Context(), live, metav1.UpdateOptions{FieldManager: "kubectl-edit"})
			require.NoError(t, err)
			for _, cached := range []*corev1.Service{live, nil} {
				_, err = w.controls.Services.Apply(t.Context(), w.service(), cached)
				if test.ours {
					require.NoError(t, err)
					assert.True(t, metav1.IsControlledBy(w.liveService(t), w.cluster))
				} else {
					var conflict *control.ConflictError
					require.ErrorAs(t, err, &conflict)
					assert.Equal(t, live, w.liveService(t))
				}
			}
		})
	}
}
