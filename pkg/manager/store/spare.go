// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// A spare is a store beyond spec.store.replicas that holds the replicas of one
// that is gone, or is being replaced. Nothing remembers it: it is wanted as long as
// the reason is seen, and the ordinary removal of the highest ordinal takes it away
// when the cluster is healthy again.

// spares is the number of stores beyond what the spec asks for.
func spares(c *view.Cluster) int32 { return max(c.Store.Replicas()-c.Object.Spec.Store.Replicas, 0) }

// WantsSpare tells whether one more store is to be added than the spec asks for, and why; it is empty if not.
func WantsSpare(c *view.Cluster) string {
	if c.Store.Set == nil || !c.Bootstrapped() || c.PDUnknown() != "" || c.Store.Replicas() < c.Object.Spec.Store.Replicas {
		return ""
	}
	if _, begun := DecideRemoval(c); begun {
		return ""
	}
	if why := spareForFailure(c); why != "" {
		return why
	}
	if why := spareForDrain(c); why != "" {
		return why
	}
	return spareForRequest(c)
}

// spareForFailure asks for a spare for each store that is gone, up to
// spec.store.failover.maxFailoverCount, one after another. Stores that are being emptied need theirs, too.
func spareForFailure(c *view.Cluster) string {
	failover := c.Object.Spec.Store.Failover
	gone := Gone(c)
	have, spared := spares(c), int32(len(gone)+len(emptied(c)))
	if have > 0 && deadSpare(c, c.Store.Replicas()-1) {
		spared++ // it stands in for nobody
	}
	if !*failover.Enabled || len(gone) == 0 || have >= spared || have >= *failover.MaxFailoverCount {
		return ""
	}
	// With a new spec under way a store is down because of that, and a spare would be too.
	if c.Store.RollsOut() || !sparesServe(c) {
		return ""
	}
	return fmt.Sprintf("store %d in pod %s has been silent for longer than spec.store.failover.period", gone[0].ID, c.StorePod(&gone[0]))
}

// spareForDrain asks for a spare where a store was taken down and the others are too few to take over.
func spareForDrain(c *view.Cluster) string {
	if !mayHaveSpare(c) || len(c.UpStores()) >= c.State.System.MaxReplicas {
		return ""
	}
	if down := emptied(c); len(down) > 0 {
		return fmt.Sprintf("store %d in pod %s was taken down, and the others are too few to take over what it holds", down[0].ID, c.StorePod(&down[0]))
	}
	return ""
}

// emptied are the stores that were taken down, and that the spec has a place for.
func emptied(c *view.Cluster) []pdapi.Store {
	var out []pdapi.Store
	for _, s := range c.Stores() {
		if ordinal, ours := naming.Ordinal(c.StorePod(&s)); ours && ordinal < c.Object.Spec.Store.Replicas && s.State == pdapi.Down {
			out = append(out, s)
		}
	}
	return out
}

// spareForRequest asks for a spare where a store whose replacement is asked for
// cannot be emptied without one.
func spareForRequest(c *view.Cluster) string {
	store := requested(c)
	if store == nil || !mayHaveSpare(c) || c.Unhealthy() != "" || Unremovable(c, store) == "" {
		return ""
	}
	return fmt.Sprintf("store %d in pod %s is to be replaced, and the others cannot take over what it holds", store.ID, c.StorePod(store))
}

// mayHaveSpare tells whether a store that is emptied on request may have a spare: there is none, or those that
// there are have died, which are replaced as all stores are as soon as they are not the highest any more.
func mayHaveSpare(c *view.Cluster) bool {
	for i := c.Object.Spec.Store.Replicas; i < c.Store.Replicas(); i++ {
		if !deadSpare(c, i) {
			return false
		}
	}
	// A dead one below the highest is replaced by the failover alone.
	failover := c.Object.Spec.Store.Failover
	return spares(c) == 0 || *failover.Enabled && spares(c) < *failover.MaxFailoverCount
}

// deadSpare tells whether a spare is gone itself. The highest leaves then, and others are replaced as all stores are.
func deadSpare(c *view.Cluster, ordinal int32) bool {
	s := c.StoreOf(naming.Pod(c.Object.Name, naming.Store, ordinal))
	return s != nil && lost(c, s)
}

// lost tells whether a store has been silent for longer than spec.store.failover.period.
func lost(c *view.Cluster, s *pdapi.Store) bool {
	return c.SilentFor(s) > c.Object.Spec.Store.Failover.Period.Duration
}

// sparesServe tells whether all spares that there are serve, but for those that are gone: the next one waits for the last.
func sparesServe(c *view.Cluster) bool {
	for i := c.Object.Spec.Store.Replicas; i < c.Store.Replicas(); i++ {
		if deadSpare(c, i) {
			continue
		}
		pod, ok := c.Store.Pod(i)
		if !ok || !view.PodReady(pod.Pod) {
			return false
		}
		if s := c.StoreOf(pod.Name); s == nil || s.State != pdapi.Up || c.SilentFor(s) > 0 {
			return false
		}
	}
	return true
}

// Gone are the stores that have been silent for longer than spec.store.failover.period, or are silent and to be
// replaced anyway. Only those that the spec has a place for count, and those below the highest, which cannot leave.
func Gone(c *view.Cluster) []pdapi.Store {
	var out []pdapi.Store
	for _, s := range c.Stores() {
		ordinal, ok := naming.Ordinal(c.StorePod(&s))
		if !ok || ordinal >= max(c.Object.Spec.Store.Replicas, c.Store.Replicas()-1) || s.State != pdapi.Up {
			continue
		}
		if lost(c, &s) || c.SilentFor(&s) > 0 && view.ReplaceRequested(c.Store.Claims[ordinal]) {
			out = append(out, s)
		}
	}
	return out
}

// requested is the store whose replacement a user asks for and that serves still; nil if there is none.
func requested(c *view.Cluster) *pdapi.Store {
	for i := range c.Object.Spec.Store.Replicas {
		if !view.ReplaceRequested(c.Store.Claims[i]) {
			continue
		}
		if s := c.StoreOf(naming.Pod(c.Object.Name, naming.Store, i)); s != nil && s.State == pdapi.Up && c.SilentFor(s) == 0 {
			return s
		}
	}
	return nil
}

// Replacing is the id of the store whose volume a claim holds and that is being replaced; 0 if it is not. One that is
// being removed is not: a removal has no way back.
func Replacing(claim *corev1.PersistentVolumeClaim) uint64 {
	if member.Retired(claim) {
		return 0
	}
	return member.MarkedID(claim, naming.AnnotationReplacing)
}
