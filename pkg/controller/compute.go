// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/manager/volume"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// ComputeStatus is the status of a cluster as the view shows it. Of the old one
// it keeps what must never be forgotten, the times of conditions, and what PD said last
// while PD is silent.
func ComputeStatus(c *view.Cluster, r manager.Result, old v1alpha1.CellClusterStatus) v1alpha1.CellClusterStatus {
	s := *old.DeepCopy()
	s.ObservedGeneration = carriedOut(c, &old)
	if c.PDSilent() == "" {
		s.Bootstrapped = s.Bootstrapped || c.State.System.AlreadyBootstrapped
	}
	// Before the bootstrap there is no data that an id could stand for.
	if s.Bootstrapped && s.ClusterID == "" {
		s.ClusterID = c.ClusterID()
	}
	s.PD = pdStatus(c, old.PD)
	s.Store = storeStatus(c, old.Store)
	s.Proxy = v1alpha1.ProxyStatus{ComponentStatus: componentStatus(c, naming.Proxy,
		len(c.Proxy.Pods), c.Proxy.Ready(), c.Proxy.Updated(), c.ProxyReplicas())}
	s.Operation = operation(c, r, old.Operation)
	s.Phase = phase(c, r, &s)
	s.Message = message(r)
	setConditions(c, r, &s)
	return s
}

// carriedOut is the generation of the spec that the cluster is brought to. While it is
// paused that stays the one from before the pause.
func carriedOut(c *view.Cluster, old *v1alpha1.CellClusterStatus) int64 {
	if c.Object.Spec.Paused && c.Object.DeletionTimestamp == nil {
		return old.ObservedGeneration
	}
	return c.Object.Generation
}

func componentStatus(c *view.Cluster, name naming.Component, pods int, ready, updated, want int32) v1alpha1.ComponentStatus {
	s := v1alpha1.ComponentStatus{
		Phase:           v1alpha1.PhaseNormal,
		Replicas:        int32(pods),
		ReadyReplicas:   ready,
		UpdatedReplicas: updated,
		Summary:         fmt.Sprintf("%d/%d", ready, want),
		Selector:        labels.SelectorFromSet(naming.SelectorLabels(c.Object.Name, name)).String(),
	}
	switch {
	case ready < want && !c.Bootstrapped():
		s.Phase = v1alpha1.PhaseCreating
	case int32(pods) != want:
		s.Phase = v1alpha1.PhaseScale
	case updated < int32(pods):
		s.Phase = v1alpha1.PhaseUpgrade
	}
	return s
}

// storage is the size of the greatest claim of a component; "" if there is none.
func storage(s *view.Set) string {
	var greatest resource.Quantity
	for _, claim := range s.Claims {
		if size := claim.Spec.Resources.Requests[corev1.ResourceStorage]; size.Cmp(greatest) > 0 {
			greatest = size
		}
	}
	if greatest.IsZero() {
		return ""
	}
	return greatest.String()
}

func pdStatus(c *view.Cluster, old v1alpha1.PDStatus) v1alpha1.PDStatus {
	s := v1alpha1.PDStatus{
		ComponentStatus: componentStatus(c, naming.PD, len(c.PD.Pods), c.PD.Ready(), c.PD.Updated(), c.Object.Spec.PD.Replicas),
		Storage:         storage(&c.PD),
		Members:         old.Members,
		FailureMembers:  failureMembers(c, old.FailureMembers),
	}
	if c.PDSilent() != "" {
		return s
	}
	s.Leader = c.PDLeader()
	s.Members = map[string]v1alpha1.PDMember{}
	for _, m := range c.State.Members {
		name := c.PDPodOfMember(&m)
		if name == "" {
			continue
		}
		member := v1alpha1.PDMember{ID: hexadecimal(m.ID)}
		if len(m.ClientURLs) > 0 {
			member.ClientURL = m.ClientURLs[0]
		}
		for _, p := range c.PD.Pods {
			member.Health = member.Health || (p.Name == name && view.PodReady(p.Pod))
		}
		s.Members[name] = member
	}
	return s
}

func storeStatus(c *view.Cluster, old v1alpha1.StoreStatus) v1alpha1.StoreStatus {
	s := v1alpha1.StoreStatus{
		ComponentStatus: componentStatus(c, naming.Store, len(c.Store.Pods), c.Store.Ready(), c.Store.Updated(), c.Object.Spec.Store.Replicas),
		Storage:         storage(&c.Store),
		Stores:          old.Stores,
		TombstoneStores: old.TombstoneStores,
		FailureStores:   failureStores(c, old.FailureStores),
	}
	if c.PDSilent() != "" {
		return s
	}
	s.Stores, s.TombstoneStores = map[string]v1alpha1.Store{}, map[string]v1alpha1.Store{}
	for _, x := range c.State.Stores {
		store := v1alpha1.Store{
			PodName: c.StorePod(&x), Address: x.Address, State: v1alpha1.StoreState(x.State.String()),
			Zone: x.Labels["zone"], Rack: x.Labels["rack"],
		}
		if x.State == pdapi.Tombstone {
			s.TombstoneStores[decimal(x.ID)] = store
		} else {
			s.Stores[decimal(x.ID)] = store
		}
	}
	if len(s.Stores) == 0 {
		s.Stores = nil
	}
	if len(s.TombstoneStores) == 0 {
		s.TombstoneStores = nil
	}
	return s
}

// operation is the one under way, with the time since when it stands where it does.
func operation(c *view.Cluster, r manager.Result, old *v1alpha1.Operation) *v1alpha1.Operation {
	if r.Operation == nil {
		return nil
	}
	next := *r.Operation
	now := metav1.NewTime(c.Now.Truncate(time.Second))
	next.Since = &now
	if old != nil && old.Type == next.Type && old.Target == next.Target && old.Step == next.Step {
		next.Since = old.Since
	}
	return &next
}

// message is the worst problem, else the operation under way, else the first wait.
func message(r manager.Result) string {
	switch {
	case len(r.Problems) > 0:
		return r.Problems[0].Message
	case r.Operation != nil:
		return r.Operation.Message
	case len(r.Waits) > 0:
		return r.Waits[0].Message
	}
	return ""
}

func phase(c *view.Cluster, r manager.Result, s *v1alpha1.CellClusterStatus) v1alpha1.Phase {
	switch {
	case c.Object.DeletionTimestamp != nil:
		return v1alpha1.PhaseDeleting
	case c.Object.Spec.Paused:
		return v1alpha1.PhasePaused
	case len(r.Problems) > 0:
		return v1alpha1.PhaseDegraded
	case !s.Bootstrapped || c.Proxy.Deployment == nil:
		return v1alpha1.PhaseCreating
	case len(r.Waits) == 0:
		return v1alpha1.PhaseNormal
	}
	reason := r.Waits[0].Reason
	if r.Operation != nil {
		reason = r.Operation.Type
	}
	switch reason {
	case v1alpha1.ReasonScaling:
		return v1alpha1.PhaseScale
	case v1alpha1.ReasonRollingUpdate:
		return v1alpha1.PhaseUpgrade
	case v1alpha1.ReasonRepairing:
		return v1alpha1.PhaseRepair
	}
	switch s.Phase {
	case v1alpha1.PhaseCreating, v1alpha1.PhaseScale, v1alpha1.PhaseUpgrade:
		return s.Phase // the last pods of it are starting
	}
	return v1alpha1.PhaseRepair
}

func setConditions(c *view.Cluster, r manager.Result, s *v1alpha1.CellClusterStatus) {
	set := func(kind string, status metav1.ConditionStatus, note manager.Note) {
		setCondition(c, s, metav1.Condition{Type: kind, Status: status, Reason: note.Reason, Message: note.Message})
	}
	none := manager.Note{Reason: v1alpha1.ReasonAsExpected}
	paused := manager.Note{Reason: v1alpha1.ReasonPaused, Message: fmt.Sprintf(
		"spec.paused is true: nothing is changed but this status, and the spec of generation %d is not carried out", c.Object.Generation)}
	ready, why := isReady(c, r, s)
	set(v1alpha1.ConditionReady, ready, why)
	available, why := isAvailable(c, s)
	set(v1alpha1.ConditionAvailable, available, why)
	switch {
	case c.Object.DeletionTimestamp != nil:
		set(v1alpha1.ConditionProgressing, metav1.ConditionTrue, manager.Note{Reason: v1alpha1.ReasonDeleting, Message: "the cluster is being deleted; " + fateOfClaims(c)})
	case c.Object.Spec.Paused:
		set(v1alpha1.ConditionProgressing, metav1.ConditionFalse, paused)
	case r.Operation != nil:
		set(v1alpha1.ConditionProgressing, metav1.ConditionTrue, manager.Note{Reason: r.Operation.Type, Message: r.Operation.Message})
	case len(r.Waits) > 0:
		set(v1alpha1.ConditionProgressing, metav1.ConditionTrue, r.Waits[0])
	default:
		set(v1alpha1.ConditionProgressing, metav1.ConditionFalse, manager.Note{Reason: v1alpha1.ReasonSettled})
	}
	if len(r.Problems) > 0 {
		set(v1alpha1.ConditionDegraded, metav1.ConditionTrue, r.Problems[0])
	} else {
		set(v1alpha1.ConditionDegraded, metav1.ConditionFalse, none)
	}
	apart, reason, text := c.Spread()
	set(v1alpha1.ConditionSpread, apart, manager.Note{Reason: reason, Message: text})
	if c.Object.Spec.Paused {
		set(v1alpha1.ConditionPaused, metav1.ConditionTrue, paused)
	} else {
		set(v1alpha1.ConditionPaused, metav1.ConditionFalse, none)
	}
}

// fateOfClaims goes by what is written on the claims, which decides: not by the spec, which may not have been carried out yet.
func fateOfClaims(c *view.Cluster) string {
	for _, set := range []*view.Set{&c.PD, &c.Store} {
		for _, claim := range set.Claims {
			if volume.Owned(c.Object, claim) {
				return "its volume claims go with it"
			}
		}
	}
	return "its volume claims are kept"
}

// setCondition sets a condition and keeps the time of its last transition, as
// Kubernetes does, but by the view's clock. What is awaited, or wrong, is told by the
// reason, so that there another reason is a transition, too.
func setCondition(c *view.Cluster, s *v1alpha1.CellClusterStatus, next metav1.Condition) {
	next.ObservedGeneration = s.ObservedGeneration
	if next.Type == v1alpha1.ConditionProgressing || next.Type == v1alpha1.ConditionPaused {
		next.ObservedGeneration = c.Object.Generation // these tell of a pause, which is in force at once
	}
	next.LastTransitionTime = metav1.NewTime(c.Now.Truncate(time.Second))
	for i := range s.Conditions {
		if s.Conditions[i].Type == next.Type {
			told := next.Type == v1alpha1.ConditionProgressing || next.Type == v1alpha1.ConditionDegraded
			if s.Conditions[i].Status == next.Status && (!told || s.Conditions[i].Reason == next.Reason) {
				next.LastTransitionTime = s.Conditions[i].LastTransitionTime
			}
			s.Conditions[i] = next
			return
		}
	}
	s.Conditions = append(s.Conditions, next)
}

// staying counts the pods that are not on their way out.
func staying(pods []*corev1.Pod) int32 {
	n := int32(0)
	for _, p := range pods {
		if p.DeletionTimestamp == nil {
			n++
		}
	}
	return n
}

// wanted are the numbers of pods by which Ready is judged. A cluster that was ready
// when it was paused is judged by what was carried out before that, not by what its spec asks for since.
func wanted(c *view.Cluster, s *v1alpha1.CellClusterStatus) (pd, store, proxy int32) {
	d := c.Proxy.Deployment
	if c.Object.Spec.Paused && meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReady) &&
		c.PD.Set != nil && c.Store.Set != nil && d != nil && d.Spec.Replicas != nil {
		return c.PD.Replicas(), c.Store.Replicas(), *d.Spec.Replicas
	}
	return c.Object.Spec.PD.Replicas, c.Object.Spec.Store.Replicas, c.ProxyReplicas()
}

// isReady is about the spec: every member that it asks for is ready and made from it.
func isReady(c *view.Cluster, r manager.Result, s *v1alpha1.CellClusterStatus) (metav1.ConditionStatus, manager.Note) {
	pds, stores, proxies := wanted(c, s)
	parts := []struct {
		name naming.Component
		have v1alpha1.ComponentStatus
		want int32
		pods []*corev1.Pod
	}{
		{naming.PD, s.PD.ComponentStatus, pds, member.Pods(c.PD.Pods)},
		{naming.Store, s.Store.ComponentStatus, stores, member.Pods(c.Store.Pods)},
		{naming.Proxy, s.Proxy.ComponentStatus, proxies, c.Proxy.Pods},
	}
	for _, p := range parts {
		if n := staying(p.pods); n > p.want {
			return metav1.ConditionFalse, manager.Note{Reason: v1alpha1.ReasonMembersNotReady,
				Message: fmt.Sprintf("there are %d %s pods, of which %d are to go", n, p.name, n-p.want)}
		}
		if p.have.ReadyReplicas < p.want || p.have.UpdatedReplicas < p.want {
			return metav1.ConditionFalse, manager.Note{Reason: v1alpha1.ReasonMembersNotReady,
				Message: fmt.Sprintf("%d of %d %s pods are ready, %d run the present spec", p.have.ReadyReplicas, p.want, p.name, p.have.UpdatedReplicas)}
		}
	}
	switch {
	case len(r.Problems) > 0:
		return metav1.ConditionFalse, r.Problems[0]
	case len(r.Waits) > 0:
		return metav1.ConditionFalse, r.Waits[0]
	case !s.Bootstrapped:
		return metav1.ConditionFalse, manager.Note{Reason: v1alpha1.ReasonWaitingForBootstrap, Message: "the first store has not created the first cells yet"}
	}
	return metav1.ConditionTrue, manager.Note{Reason: v1alpha1.ReasonAsExpected, Message: advice(c)}
}

// advice is what is unwise about a spec that is carried out; "" if nothing is.
func advice(c *view.Cluster) string {
	n := c.Object.Spec.PD.Replicas
	if n%2 != 0 {
		return ""
	}
	return fmt.Sprintf("spec.pd.replicas: %d PDs bear the loss of %d, no more than %d would; an odd number is better", n, (n-1)/2, n-1)
}

// isAvailable is about clients: a proxy takes them, and enough stores are up for every cell to have a majority.
func isAvailable(c *view.Cluster, s *v1alpha1.CellClusterStatus) (metav1.ConditionStatus, manager.Note) {
	if !s.Bootstrapped || (s.Proxy.ReadyReplicas == 0 && c.ProxyReplicas() > 0) {
		return metav1.ConditionFalse, manager.Note{Reason: v1alpha1.ReasonMembersNotReady, Message: "no proxy is ready"}
	}
	if why := c.PDUnknown(); why != "" {
		return metav1.ConditionUnknown, manager.Note{Reason: v1alpha1.ReasonPDUnknown, Message: "nothing is known about the stores: PD has no leader, or no news"}
	}
	if n, known := withoutMajority(c); known {
		if n > 0 {
			return metav1.ConditionFalse, manager.Note{Reason: v1alpha1.ReasonStoreDown,
				Message: fmt.Sprintf("%d of %d cells have no majority of their replicas on stores that report to PD", n, len(c.State.Cells))}
		}
		return metav1.ConditionTrue, manager.Note{Reason: v1alpha1.ReasonAsExpected}
	}
	// With one store fewer than replicas gone no cell has lost its majority yet.
	replicas := int(*c.Object.Spec.PD.Config.MaxReplicas)
	bearable := (replicas - 1) / 2
	reporting := 0 // also those that are being drained: what they hold is there
	for _, s := range c.Stores() {
		if c.State.Freshness(&s) == pdstate.Fresh {
			reporting++
		}
	}
	if away := len(c.Stores()) - reporting; away > bearable || reporting == 0 {
		return metav1.ConditionFalse, manager.Note{Reason: v1alpha1.ReasonStoreDown,
			Message: fmt.Sprintf("%d of %d stores do not report to PD, and cells of %d replicas bear the loss of %d", away, len(c.Stores()), replicas, bearable)}
	}
	return metav1.ConditionTrue, manager.Note{Reason: v1alpha1.ReasonAsExpected}
}

// withoutMajority counts the cells that cannot write, as most of their replicas are on stores that do not report. It
// is known while PD is asked for its cells, as it is when a store is silent.
func withoutMajority(c *view.Cluster) (n int, known bool) {
	if c.State.CellsAt.IsZero() || len(c.State.Cells) == 0 {
		return 0, false
	}
	reports := map[uint64]bool{}
	for _, s := range c.Stores() {
		reports[s.ID] = c.State.Freshness(&s) == pdstate.Fresh
	}
	for i := range c.State.Cells {
		peers, there := c.State.Cells[i].Peers, 0
		for _, p := range peers {
			if reports[p.StoreID] {
				there++
			}
		}
		if 2*there <= len(peers) {
			n++
		}
	}
	return n, true
}
