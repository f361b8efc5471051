// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// What follows stands between the operator and what it writes to, and holds each
// write against what is so at that moment.

// safe fails the test if a write endangers something.
func (w *World) safe(ok bool, format string, args ...any) {
	w.T.Helper()
	if !ok {
		assert.Fail(w.T, "unsafe write", "at second %d: %s\n%s", w.seconds.Load(), fmt.Sprintf(format, args...), w.Describe())
	}
}

// whole tells that all pods that the sets ask for are ready, and no others there.
func (w *World) whole() bool {
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		set := w.StatefulSets.Get(Namespace, naming.Member(w.Cluster.Name, component))
		pods := w.podsOf(component)
		if set == nil || len(pods) != int(*set.Spec.Replicas) {
			return false
		}
		for _, p := range pods {
			if !view.PodReady(p) {
				return false
			}
		}
	}
	return true
}

// wholeBut tells whether all pods but one are ready.
func (w *World) wholeBut(pod string) bool {
	return !slices.ContainsFunc(w.Pods.List(Namespace, w.Cluster.Name), func(p *corev1.Pod) bool {
		return p.Name != pod && naming.Component(p.Labels[naming.LabelComponent]) != naming.Proxy && !view.PodReady(p)
	})
}

// replaced tells whether a pod's volume goes, or has gone, since its member is being replaced.
func (w *World) replaced(pod string) bool {
	claim := w.Claims.Get(Namespace, naming.DataVolume+"-"+pod)
	noted := desired.ReplacingIn(w.ConfigMaps.Get(Namespace, naming.StartConfigMap(w.Cluster.Name)))
	return claim == nil || claim.Annotations[naming.AnnotationReplacing] != "" || noted != nil && noted.Pod == pod
}

// storeIn is the store in a pod that is no tombstone; nil if there is none.
func (w *World) storeIn(pod string) *pdapi.Store {
	stores, _ := w.client(w.endpoints()).Stores(w.T.Context())
	for i := range stores {
		if stores[i].State != pdapi.Tombstone && naming.PodOfHost(stores[i].Address) == pod {
			return &stores[i]
		}
	}
	return nil
}

// serves tells whether a store runs.
func (w *World) serves(id uint64) bool {
	for _, x := range w.processes {
		if x.store == id {
			return true
		}
	}
	return false
}

func (w *World) cells() []pdapi.Cell {
	cells, err := w.client(w.endpoints()).Cells(w.T.Context())
	assert.NoError(w.T, err)
	return cells
}

func (w *World) ledBy(store uint64) int {
	n := 0
	for _, c := range w.cells() {
		if c.LedBy(store) {
			n++
		}
	}
	return n
}

// memberOf is the member of a pod; nil if there is none.
func (w *World) memberOf(pod string) *pdapi.Member {
	for _, m := range w.members() {
		if memberPod(m) == pod {
			return &m
		}
	}
	return nil
}

// quorumWithout tells whether PD keeps its quorum when a member stops.
func (w *World) quorumWithout(pod string) bool {
	running := 0
	for _, name := range w.runningMembers() {
		if name != pod {
			running++
		}
	}
	return 2*running > len(w.members())
}

type watchedPods struct {
	control.Patcher[*corev1.Pod]
	w *World
}

func (x *watchedPods) Delete(ctx context.Context, p *corev1.Pod) error {
	w := x.w
	w.safe(p.UID != "" && p.ResourceVersion != "", "pod %s is deleted without having been seen", p.Name)
	if !w.crash.dead {
		switch {
		case w.Broken[p.Name]:
			w.safe(!view.PodReady(p), "a repair of a ready pod")
		case w.replaced(p.Name) && p.Labels[naming.LabelComponent] == string(naming.Store) && w.storeIn(p.Name) == nil:
			// A tombstone holds nothing that others could miss.
		case w.replaced(p.Name):
			w.safe(w.wholeBut(p.Name), "pod %s is replaced while another is not ready", p.Name)
		default:
			w.safe(w.whole(), "pod %s is deleted while another is not ready", p.Name)
		}
		if p.Labels[naming.LabelComponent] == string(naming.PD) {
			w.safe(len(w.members()) < 3 || w.quorumWithout(p.Name), "PD loses its quorum with pod %s", p.Name)
		} else if s := w.storeIn(p.Name); s != nil && !w.MayLead {
			w.safe(w.ledBy(s.ID) == 0, "pod %s is deleted while it leads %d cells", p.Name, w.ledBy(s.ID))
		}
	}
	return w.write(func() error { return x.Patcher.Delete(ctx, p) })
}

func (x *watchedPods) PatchMetadata(ctx context.Context, p *corev1.Pod, m control.Metadata) error {
	return x.w.write(func() error { return x.Patcher.PatchMetadata(ctx, p, m) })
}

type watchedSets struct {
	control.Applier[*appsv1.StatefulSet]
	w *World
}

func (x *watchedSets) Apply(ctx context.Context, want, live *appsv1.StatefulSet) (changed bool, err error) {
	w := x.w
	if live != nil && live.Annotations[naming.AnnotationAppliedHash] == desired.Hash(want) {
		return x.Applier.Apply(ctx, want, live)
	}
	cached := w.StatefulSets.Get(want.Namespace, want.Name)
	if cached != nil && !w.crash.dead {
		w.resized(naming.Component(want.Labels[naming.LabelComponent]), *cached.Spec.Replicas, *want.Spec.Replicas)
	}
	err = w.write(func() error {
		changed, err = x.Applier.Apply(ctx, want, live)
		return err
	})
	return changed, err
}

// resized holds a change of the number of members against PD.
func (w *World) resized(component naming.Component, have, want int32) {
	w.safe(want >= have-1, "%s shrinks from %d to %d at once", component, have, want)
	if component == naming.PD {
		w.safe(want <= have+1, "PD grows from %d to %d at once", have, want)
	}
	switch {
	case want < have && component == naming.Store:
		pod := naming.Pod(w.Cluster.Name, component, have-1)
		w.safe(w.storeIn(pod) == nil, "pod %s goes while its store is no tombstone", pod)
	case want < have:
		pod := naming.Pod(w.Cluster.Name, component, have-1)
		w.safe(w.memberOf(pod) == nil || w.quorumWithout(pod), "PD loses its quorum with pod %s", pod)
	case want > have && component == naming.PD:
		pod := naming.Pod(w.Cluster.Name, component, have)
		// The second PD must run before the first depends on it.
		w.safe(w.memberOf(pod) != nil || have == 1, "pod %s comes and is no member", pod)
	}
}

type watchedClaims struct {
	control.ClaimWriter
	w *World
}

func (x *watchedClaims) Delete(ctx context.Context, c *corev1.PersistentVolumeClaim) error {
	w := x.w
	if !w.crash.dead {
		pod := c.Name[len(naming.DataVolume)+1:]
		w.safe(c.UID != "" && c.ResourceVersion != "", "claim %s is deleted without having been seen", c.Name)
		w.safe(w.storeIn(pod) == nil, "claim %s is deleted while its store is no tombstone", c.Name)
		if w.replaced(pod) {
			w.safe(w.memberOf(pod) == nil || w.quorumWithout(pod), "claim %s is deleted and PD loses its quorum with it", c.Name)
		} else {
			w.safe(w.Pods.Get(Namespace, pod) == nil, "claim %s is deleted while its pod is there", c.Name)
			w.safe(w.memberOf(pod) == nil, "claim %s is deleted while its PD is a member", c.Name)
			w.safe(c.Annotations[naming.AnnotationRetired] != "", "claim %s is deleted and not retired", c.Name)
		}
	}
	return w.write(func() error {
		err := x.ClaimWriter.Delete(ctx, c)
		if pod := c.Name[len(naming.DataVolume)+1:]; err == nil && w.Pods.Get(Namespace, pod) != nil {
			going, now := c.DeepCopy(), metav1.NewTime(w.Now())
			going.DeletionTimestamp = &now // a claim in use stays until its pod has gone
			w.Claims.Add(going)
		}
		return err
	})
}

func (x *watchedClaims) PatchMetadata(ctx context.Context, c *corev1.PersistentVolumeClaim, m control.Metadata) error {
	return x.w.write(func() error { return x.ClaimWriter.PatchMetadata(ctx, c, m) })
}

func (x *watchedClaims) Resize(ctx context.Context, c *corev1.PersistentVolumeClaim, size resource.Quantity) error {
	return x.w.write(func() error { return x.ClaimWriter.Resize(ctx, c, size) })
}

// watchedPD is the client of PD.
type watchedPD struct {
	pdapi.Client
	w *World
}

func (x *watchedPD) TransferLeader(ctx context.Context, cell, peer uint64) error {
	return x.w.write(func() error { return x.Client.TransferLeader(ctx, cell, peer) })
}

func (x *watchedPD) DownStore(ctx context.Context, id uint64) error {
	w := x.w
	if !w.crash.dead {
		stores, _ := x.Stores(ctx)
		for _, s := range stores {
			w.safe(s.ID == id || s.State != pdapi.Down, "store %d is taken down while store %d is drained", id, s.ID)
		}
		w.safe(w.MayLead || w.ledBy(id) == 0, "store %d is taken down while it leads cells", id)
		w.safe(w.whole(), "store %d is taken down while a pod is not ready", id)
	}
	return w.write(func() error { return x.Client.DownStore(ctx, id) })
}

func (x *watchedPD) TombstoneStore(ctx context.Context, id uint64) error {
	w := x.w
	if !w.crash.dead {
		for _, c := range w.cells() {
			_, on := c.PeerOn(id)
			w.safe(!on, "store %d becomes a tombstone with a replica of cell %d", id, c.ID)
			w.safe(len(c.PendingPeers) == 0 && (len(c.Peers) >= int(*w.Cluster.Spec.PD.Config.MaxReplicas) || !w.serves(id)),
				"store %d becomes a tombstone while cell %d is being filled", id, c.ID)
		}
	}
	return w.write(func() error { return x.Client.TombstoneStore(ctx, id) })
}

func (x *watchedPD) AddMember(ctx context.Context, url string) (m pdapi.Member, err error) {
	w := x.w
	if !w.crash.dead {
		w.safe(w.wholeBut(naming.PodOfHost(strings.TrimPrefix(url, "http://"))), "a member is added while another pod is not ready")
		w.safe(len(w.runningMembers()) == len(w.members()), "a member is added while another does not run")
	}
	err = w.write(func() error {
		m, err = x.Client.AddMember(ctx, url)
		return err
	})
	return m, err
}

func (x *watchedPD) RemoveMember(ctx context.Context, id uint64) error {
	w := x.w
	if members := w.members(); !w.crash.dead {
		w.safe(len(members) > 1, "PD's last member is removed")
		for _, m := range members {
			w.safe(m.ID != id || len(members) == 2 || w.processes[memberPod(m)] == nil, "member %s is removed while it runs", memberPod(m))
		}
		if !w.quorumWithout("") {
			return fmt.Errorf("no quorum agrees: %w", pdapi.ErrUnknown)
		}
	}
	return w.write(func() error { return x.Client.RemoveMember(ctx, id) })
}
