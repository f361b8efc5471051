// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// world is an API server with the real controls on it.
type world struct {
	*controltest.API
	controls *control.Controls
	pending  *control.Pending
	cluster  *v1alpha1.CellCluster
}

func newWorld() *world {
	w := &world{API: controltest.NewAPI(), pending: control.NewPending(time.Now), cluster: controltest.Cluster("demo")}
	w.controls = control.New(w.Kube, w.Cells, &controltest.Events{}, w.pending)
	return w
}

func (w *world) key() types.NamespacedName {
	return types.NamespacedName{Namespace: w.cluster.Namespace, Name: w.cluster.Name}
}

// unseen is what the controls wait to see in the caches, which show nothing.
func (w *world) unseen() control.Ref {
	_, ref := w.pending.Settled(w.key(), func(control.Ref) metav1.Object { return nil })
	return ref
}

func (w *world) service() *corev1.Service {
	for _, s := range desired.Services(w.cluster, naming.PD) {
		if s.Name == "demo-pd" {
			return s
		}
	}
	panic("no Service")
}

func (w *world) applyService(t *testing.T, want, live *corev1.Service) *corev1.Service {
	t.Helper()
	_, err := w.controls.Services.Apply(t.Context(), want, live)
	require.NoError(t, err)
	w.ResetRequests()
	return w.liveService(t)
}

func (w *world) liveService(t *testing.T) *corev1.Service {
	t.Helper()
	s, err := w.Kube.CoreV1().Services("ns").Get(t.Context(), "demo-pd", metav1.GetOptions{})
	require.NoError(t, err)
	w.ResetRequests()
	return s
}

// lastPatch is the last patch that was sent.
func (w *world) lastPatch(t *testing.T) clienttesting.PatchActionImpl {
	t.Helper()
	actions := w.Kube.Actions()
	for i := len(actions) - 1; i >= 0; i-- {
		if p, ok := actions[i].(clienttesting.PatchActionImpl); ok {
			return p
		}
	}
	require.Fail(t, "no patch was sent")
	return clienttesting.PatchActionImpl{}
}

func TestApplyCreates(t *testing.T) {
	w := newWorld()
	want := w.service()
	before := want.DeepCopy()
	changed, err := w.controls.Services.Apply(t.Context(), want, nil)
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, before, want, "what is wanted is not changed")
	assert.Equal(t, []string{"patch services demo-pd"}, w.Requests(), "one request, nothing is read")
	p := w.lastPatch(t)
	assert.Equal(t, types.ApplyPatchType, p.PatchType)
	assert.Equal(t, "cell-operator", p.PatchOptions.FieldManager)
	assert.False(t, *p.PatchOptions.Force, "the object might be a stranger's")
	assert.Equal(t, control.Ref{Kind: "Service", Name: "demo-pd"}, w.unseen())

	var body map[string]any
	require.NoError(t, json.Unmarshal(p.Patch, &body))
	assert.Equal(t, "v1", body["apiVersion"])
	assert.Equal(t, "Service", body["kind"])
	assert.NotContains(t, body, "status", "the status is not the operator's")

	live := w.liveService(t)
	assert.NotEmpty(t, live.Annotations[naming.AnnotationAppliedHash])
	assert.True(t, metav1.IsControlledBy(live, w.cluster))
}

func TestApplyWritesNothingTwice(t *testing.T) {
	w := newWorld()
	live := w.applyService(t, w.service(), nil)
	fill := map[string]func(*corev1.Service){
		"as it was written": func(*corev1.Service) {},
		"with what Kubernetes fills in": func(s *corev1.Service) {
			s.Spec.ClusterIP, s.Spec.SessionAffinity = "10.96.0.7", corev1.ServiceAffinityNone
			s.Spec.Ports[0].AppProtocol = new("x")
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "1.2.3.4"}}
		},
		"with what others add": func(s *corev1.Service) {
			s.Labels["theirs"], s.Annotations["theirs"] = "x", "y"
			s.OwnerReferences = append(s.OwnerReferences, metav1.OwnerReference{Kind: "Other", Name: "o", UID: "o"})
			s.Spec.Selector["theirs"] = "x"
		},
	}
	for name, change := range fill {
		t.Run(name, func(t *testing.T) {
			cached := live.DeepCopy()
			change(cached)
			before := cached.DeepCopy()
			changed, err := w.controls.Services.Apply(t.Context(), w.service(), cached)
			require.NoError(t, err)
			assert.False(t, changed)
			assert.Empty(t, w.Requests())
			assert.Equal(t, before, cached, "it belongs to a cache")
		})
	}
}

func TestApplyNewSpec(t *testing.T) {
	w := newWorld()
	w.cluster.Spec.PD.Service = &v1alpha1.ServiceSpec{Annotations: map[string]string{"old": "x"}}
	live := w.applyService(t, w.service(), nil)
	w.cluster.Spec.PD.Service = &v1alpha1.ServiceSpec{Type: "NodePort", Annotations: map[string]string{"new": "y"}}
	changed, err := w.controls.Services.Apply(t.Context(), w.service(), live)
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, []string{"patch services demo-pd"}, w.Requests())
	assert.True(t, *w.lastPatch(t).PatchOptions.Force, "it is known to be ours")
	live = w.liveService(t)
	assert.Equal(t, corev1.ServiceTypeNodePort, live.Spec.Type)
	assert.Equal(t, "y", live.Annotations["new"])
	assert.NotContains(t, live.Annotations, "old", "what is not wanted any more goes")
}

// An apply that is only removing something is a write too, though nothing that is wanted is missing.
func TestApplyRemoves(t *testing.T) {
	w := newWorld()
	w.cluster.Spec.PD.Service = &v1alpha1.ServiceSpec{Annotations: map[string]string{"old": "x"}}
	live := w.applyService(t, w.service(), nil)
	w.cluster.Spec.PD.Service = nil
	changed, err := w.controls.Services.Apply(t.Context(), w.service(), live)
	require.NoError(t, err)
	assert.True(t, changed)
	assert.NotContains(t, w.liveService(t).Annotations, "old")
}

// Whatever somebody changes by hand in an object of ours, in whatever kind of field, is put right.
func TestApplyRightsDrift(t *testing.T) {
	w := newWorld()
	ctx := t.Context()
	tests := map[string]func(*appsv1.StatefulSet){
		"number":                 func(s *appsv1.StatefulSet) { *s.Spec.Replicas = 7 },
		"number gone":            func(s *appsv1.StatefulSet) { s.Spec.Replicas = nil },
		"text":                   func(s *appsv1.StatefulSet) { s.Spec.ServiceName = "other" },
		"label":                  func(s *appsv1.StatefulSet) { s.Labels[naming.LabelComponent] = "other" },
		"label gone":             func(s *appsv1.StatefulSet) { delete(s.Labels, naming.LabelManagedBy) },
		"annotation of the hash": func(s *appsv1.StatefulSet) { s.Annotations[naming.AnnotationAppliedHash] = "x" },
		"image":                  func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.Containers[0].Image = "evil" },
		"environment":            func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.Containers[0].Env[4].Value = "x" },
		"port gone":              func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.Containers[0].Ports = nil },
		"probe":                  func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.Containers[0].ReadinessProbe.PeriodSeconds = 99 },
		"boolean":                func(s *appsv1.StatefulSet) { *s.Spec.Template.Spec.EnableServiceLinks = true },
		"map in a template":      func(s *appsv1.StatefulSet) { delete(s.Spec.Template.Annotations, naming.AnnotationRestartHash) },
		"strategy":               func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType },
		"another's owner more":   func(s *appsv1.StatefulSet) { s.OwnerReferences[0].BlockOwnerDeletion = new(false) },
	}
	want, err := desired.StoreStatefulSet(w.cluster, 3, "launcher:1")
	require.NoError(t, err)
	_, err = w.controls.StatefulSets.Apply(ctx, want, nil)
	require.NoError(t, err)
	sets := w.Kube.AppsV1().StatefulSets("ns")
	good, err := sets.Get(ctx, "demo-store", metav1.GetOptions{})
	require.NoError(t, err)
	for name, drift := range tests {
		t.Run(name, func(t *testing.T) {
			live, err := sets.Get(ctx, "demo-store", metav1.GetOptions{})
			require.NoError(t, err)
			drift(live)
			live, err = sets.Update(ctx, live, metav1.UpdateOptions{FieldManager: "kubectl-edit"})
			require.NoError(t, err)
			w.ResetRequests()
			changed, err := w.controls.StatefulSets.Apply(ctx, want, live)
			require.NoError(t, err)
			assert.True(t, changed)
			assert.Equal(t, []string{"patch statefulsets demo-store"}, w.Requests())
			live, err = sets.Get(ctx, "demo-store", metav1.GetOptions{})
			require.NoError(t, err)
			assert.Equal(t, asYAML(t, good), asYAML(t, live))
		})
	}
}

// asYAML is an object without what changes with every write.
func asYAML(t *testing.T, o *appsv1.StatefulSet) string {
	t.Helper()
	o = o.DeepCopy()
	o.ManagedFields, o.ResourceVersion, o.Generation = nil, "", 0
	text, err := yaml.Marshal(o)
	require.NoError(t, err)
	return string(text)
}

// What others add to a list of named things stays, since server-side apply
// leaves it alone. It must not be taken for drift: each sync would write, for ever.
func TestApplyBearsAdditions(t *testing.T) {
	w := newWorld()
	want, err := desired.StoreStatefulSet(w.cluster, 3, "launcher:1")
	require.NoError(t, err)
	_, err = w.controls.StatefulSets.Apply(t.Context(), want, nil)
	require.NoError(t, err)
	sets := w.Kube.AppsV1().StatefulSets("ns")
	live, err := sets.Get(t.Context(), "demo-store", metav1.GetOptions{})
	require.NoError(t, err)
	pod := &live.Spec.Template.Spec
	pod.Containers[0].Env = append(pod.Containers[0].Env, corev1.EnvVar{Name: "MORE", Value: "x"})
	pod.Containers = append(pod.Containers, corev1.Container{Name: "sidecar", Image: "sidecar:1"})
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "more"})
	live, err = sets.Update(t.Context(), live, metav1.UpdateOptions{FieldManager: "injector"})
	require.NoError(t, err)
	w.ResetRequests()
	changed, err := w.controls.StatefulSets.Apply(t.Context(), want, live)
	require.NoError(t, err)
	assert.False(t, changed)
	assert.Empty(t, w.Requests())
}

func TestApplyErrors(t *testing.T) {
	gone := apierrors.NewInternalError(errors.New("etcd is gone"))
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "demo-pd", nil)
	tests := map[string]error{"a server's error": gone, "a refusal": invalid, "forbidden": apierrors.NewForbidden(schema.GroupResource{}, "x", nil)}
	for name, cause := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.Kube.PrependReactor("patch", "services", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, cause })
			changed, err := w.controls.Services.Apply(t.Context(), w.service(), nil)
			assert.False(t, changed)
			require.ErrorIs(t, err, cause)
			assert.ErrorContains(t, err, "apply Service demo-pd: ")
			assert.Zero(t, w.unseen(), "nothing was written that could be awaited")
		})
	}
}

func TestApplyPassesTheContextOn(t *testing.T) {
	w := newWorld()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.Kube.PrependReactor("patch", "services", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, ctx.Err() })
	_, err := w.controls.Services.Apply(ctx, w.service(), nil)
	assert.ErrorIs(t, err, context.Canceled)
}
