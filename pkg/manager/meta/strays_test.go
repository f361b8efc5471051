// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meta_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/meta"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// hidden are objects that exist and that the caches do not show.
type hidden struct {
	f      *Fakes
	pods   map[string]*corev1.Pod
	claims map[string]*corev1.PersistentVolumeClaim
	err    error
	looks  int
}

func hide(f *Fakes) *hidden {
	return &hidden{f: f, pods: map[string]*corev1.Pod{}, claims: map[string]*corev1.PersistentVolumeClaim{}}
}

func (h *hidden) Pod(_ context.Context, _, name string) (*corev1.Pod, error) {
	h.looks++
	if p := h.pods[name]; p != nil {
		h.f.Add(p) // so that the fake control finds it
	}
	return h.pods[name], h.err
}

func (h *hidden) Claim(_ context.Context, _, name string) (*corev1.PersistentVolumeClaim, error) {
	h.looks++
	if p := h.claims[name]; p != nil {
		h.f.Add(p)
	}
	return h.claims[name], h.err
}

func (h *hidden) hidePod(name string, modify func(*corev1.Pod)) {
	p := h.f.Pods.Get(Namespace, name).DeepCopy()
	h.f.Pods.Remove(p)
	modify(p)
	h.pods[name] = p
}

func (h *hidden) hideClaim(name string, modify func(*corev1.PersistentVolumeClaim)) {
	p := h.f.Claims.Get(Namespace, name).DeepCopy()
	h.f.Claims.Remove(p)
	modify(p)
	h.claims[name] = p
}

func unlabelled(p *corev1.Pod) { p.Labels = map[string]string{"team": "data"} }

func waiting(f *Fakes, age time.Duration) {
	p := Pod(Cluster("demo"), naming.Store, 1, Age(age), Unschedulable(`persistentvolumeclaim "data-demo-store-1" not found`))
	f.Add(p)
}

func TestStrays(t *testing.T) {
	const long = time.Minute
	tests := map[string]struct {
		since  time.Duration
		stand  func(*hidden)
		writes []string
		again  time.Duration
	}{
		"all are there": {long, func(*hidden) {}, nil, 0},
		"a pod without labels": {long, func(h *hidden) { h.hidePod("demo-store-1", unlabelled) },
			[]string{"patch Pod demo-store-1"}, long},
		"a pod that is just missing": {10 * time.Second, func(h *hidden) { h.hidePod("demo-store-1", unlabelled) },
			nil, 20 * time.Second},
		"a pod that is gone": {long, func(h *hidden) { h.hidePod("demo-pd-1", unlabelled); delete(h.pods, "demo-pd-1") }, nil, long},
		"a pod of somebody else": {long, func(h *hidden) {
			h.hidePod("demo-store-1", func(p *corev1.Pod) { p.Labels, p.Annotations = nil, nil })
		}, nil, long},
		"a pod of another owner": {long, func(h *hidden) {
			h.hidePod("demo-store-1", func(p *corev1.Pod) {
				p.Labels, p.OwnerReferences = nil, []metav1.OwnerReference{{UID: "another", Controller: new(true)}}
			})
		}, nil, long},
		"a pod that is going":                     {long, func(h *hidden) { h.hidePod("demo-store-1", func(p *corev1.Pod) { unlabelled(p); Terminating(p) }) }, nil, long},
		"a pod that the caches are about to show": {long, func(h *hidden) { h.hidePod("demo-store-1", func(*corev1.Pod) {}) }, nil, long},
		"a claim without labels": {long, func(h *hidden) {
			h.hideClaim("data-demo-store-1", func(p *corev1.PersistentVolumeClaim) { p.Labels = nil })
		}, []string{"patch PersistentVolumeClaim data-demo-store-1"}, long},
		"the claim of a running pod is gone": {long, func(h *hidden) {
			h.f.Claims.Remove(h.f.Claims.Get(Namespace, "data-demo-store-1"))
		}, nil, long},
		"a pod waits for a claim that is gone": {long, func(h *hidden) {
			h.f.Claims.Remove(h.f.Claims.Get(Namespace, "data-demo-store-1"))
			waiting(h.f, long)
		}, []string{"delete Pod demo-store-1"}, long},
		"… and has begun to only now": {long, func(h *hidden) {
			h.f.Claims.Remove(h.f.Claims.Get(Namespace, "data-demo-store-1"))
			waiting(h.f, 25*time.Second)
		}, nil, 5 * time.Second},
		"… or its claim has only lost its labels": {long, func(h *hidden) {
			h.hideClaim("data-demo-store-1", func(p *corev1.PersistentVolumeClaim) { p.Labels = nil })
			waiting(h.f, long)
		}, []string{"patch PersistentVolumeClaim data-demo-store-1"}, long},
		"the API server cannot be asked": {long, func(h *hidden) { h.hidePod("demo-store-1", unlabelled); h.err = errors.New("unreachable") }, nil, long},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped, unready(test.since))
			c.Status.ClusterID = "" // ids are not the matter here
			f := Settled(c)
			h := hide(f)
			test.stand(h)
			m := meta.NewManager(f.Controls(), h, after)
			v := f.View(c, PDState(c, Stores(3)))
			r, err := m.Sync(t.Context(), v)
			if h.err == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, h.err)
			}
			assert.Equal(t, test.writes, emptyAsNil(f.Writes()))
			assert.Equal(t, test.again, r.Again)
			if len(test.writes) > 0 {
				assert.Len(t, f.Events.All(), 1)
			}
			looks := h.looks
			_, err = m.Sync(t.Context(), v)
			require.NoError(t, err)
			assert.Equal(t, looks, h.looks, "looks are far apart")
		})
	}
}

func emptyAsNil(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return lines
}

// A pod that lost its labels has them all back.
func TestStrayIsFoundAgain(t *testing.T) {
	c := Cluster("demo", Bootstrapped, unready(time.Minute))
	f := Settled(c)
	h := hide(f)
	h.hidePod("demo-pd-2", unlabelled)
	_, err := meta.NewManager(f.Controls(), h, after).Sync(t.Context(), f.View(c, PDState(c, Stores(3))))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"team": "data", naming.LabelName: naming.AppName, naming.LabelInstance: "demo",
		naming.LabelComponent: "pd", naming.LabelManagedBy: naming.ManagedBy}, f.Pods.Get(Namespace, "demo-pd-2").Labels)
	assert.Equal(t, []string{"Normal Repairing: Put the labels of pod demo-pd-2 back, by which it is found"}, f.Events.All())
}

// A pod that cannot come, since its last claim does not go, has no status of its own that says so.
func TestClaimThatStays(t *testing.T) {
	for _, since := range []time.Duration{10 * time.Second, 10 * time.Minute} {
		c := Cluster("demo", Bootstrapped, unready(time.Second))
		f := Settled(c)
		f.Add(Claim(c, naming.Store, 1, func(p *corev1.PersistentVolumeClaim) {
			at := metav1.NewTime(Now().Add(-since))
			p.DeletionTimestamp, p.Annotations, p.Finalizers = &at, map[string]string{naming.AnnotationReplacing: "9"}, []string{"kubernetes.io/pvc-protection", "example.com/kept"}
		}))
		f.Pods.Remove(f.Pods.Get(Namespace, "demo-store-1"))
		r, err := sync(t, f, c)
		require.NoError(t, err)
		if since < time.Minute {
			assert.Contains(t, r.Waits, manager.Note{Reason: v1alpha1.ReasonWaitingForVolume, Message: "pod demo-store-1 comes when volume claim data-demo-store-1, which is being deleted, is gone"})
			assert.True(t, r.Again > 0 && r.Again <= 51*time.Second, r.Again)
			continue
		}
		assert.Contains(t, r.Problems, manager.Note{Reason: v1alpha1.ReasonWaitingForVolume,
			Message: "pod demo-store-1 comes when volume claim data-demo-store-1, which has been deleted, is gone; see who set these finalizers, which keep it: example.com/kept"})
	}
}

// Nothing is looked for where there is no StatefulSet to make it.
func TestNoStraysWithoutSet(t *testing.T) {
	strays, again := meta.DecideStrays(New().View(Cluster("demo", unready(time.Hour)), nil))
	assert.Empty(t, strays)
	assert.Zero(t, again)
}

func TestLostClaims(t *testing.T) {
	c := Cluster("demo", Bootstrapped, unready(time.Second))
	lost := func(p *corev1.PersistentVolumeClaim) { p.Status.Phase = corev1.ClaimLost }
	replacing := func(p *corev1.PersistentVolumeClaim) {
		lost(p)
		p.Annotations = map[string]string{naming.AnnotationReplacing: "9"}
	}
	f := Settled(c)
	f.Add(Claim(c, naming.Store, 1, lost), Claim(c, naming.PD, 0, replacing), Claim(c, naming.Store, 3, lost))
	r, err := sync(t, f, c)
	require.NoError(t, err)
	assert.Equal(t, []manager.Note{{Reason: v1alpha1.ReasonWaitingForVolume,
		Message: "volume claim data-demo-store-1 has lost its volume pv-store-1; bring the volume back, or have the member replaced: kubectl annotate pvc data-demo-store-1 cell.deepfabric.com/replace=true"}}, r.Problems)
	assert.Empty(t, f.Writes())
}
