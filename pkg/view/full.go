// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// Unhealthy says what keeps the cluster from full health, which every
// voluntary step starts from: all PDs and stores there and ready, all stores Up with
// heartbeats newer than their last start, all cells led and with all peers,
// none of them pending or down, all of it said by PD after the last change of a
// pod. It is empty at full health. The text holds nothing that changes by itself.
func (c *Cluster) Unhealthy() string { return c.unhealthy(c.CellsUnhealthy) }

// UnhealthyForPD is Unhealthy without cells that merely lack replicas. Those are no reason against
// the restart of a PD: what it is restarted for may be what they lack, as room on the
// stores, or a number that is not to be reached any more.
func (c *Cluster) UnhealthyForPD() string {
	return c.unhealthy(func() string { return c.cellsUnhealthy(0) })
}

func (c *Cluster) unhealthy(cells func() string) string {
	if why := c.PDUnknown(); why != "" {
		return why
	}
	return cmp.Or(c.setUnhealthy(&c.PD), c.setUnhealthy(&c.Store), c.membersUnhealthy(), c.storesUnhealthy(), cells())
}

// StoresUnhealthy is Unhealthy without what is about PD's own pods and members: a node
// that is being drained may keep one of them from coming back.
func (c *Cluster) StoresUnhealthy() string {
	if why := c.PDUnknown(); why != "" {
		return why
	}
	return cmp.Or(c.setUnhealthy(&c.Store), c.storesUnhealthy(), c.CellsUnhealthy())
}

// setUnhealthy is about the pods of a component.
func (c *Cluster) setUnhealthy(s *Set) string {
	if s.Set == nil {
		return fmt.Sprintf("there is no StatefulSet of %s", s.Component)
	}
	if !s.Complete() {
		return fmt.Sprintf("%d of %d %s pods exist", len(s.Pods), s.Replicas(), s.Component)
	}
	for _, p := range s.Pods {
		if !PodReady(p.Pod) {
			return fmt.Sprintf("pod %s is not ready", p.Name)
		}
		if !c.State.At.After(ReadySince(p.Pod)) {
			return fmt.Sprintf("PD has not been asked since pod %s became ready", p.Name)
		}
	}
	return ""
}

// ReadySince is when a pod's readiness changed last; zero if it never did.
func ReadySince(p *corev1.Pod) time.Time {
	if r := podCondition(p, corev1.PodReady); r != nil {
		return r.LastTransitionTime.Time
	}
	return time.Time{}
}

// membersUnhealthy compares PD's membership with the pods.
func (c *Cluster) membersUnhealthy() string {
	if have, want := len(c.State.Members), len(c.PD.Pods); have != want {
		return fmt.Sprintf("PD has %d members and %d pods", have, want)
	}
	members := map[string]bool{}
	for i := range c.State.Members {
		members[c.PDPodOfMember(&c.State.Members[i])] = true
	}
	for _, p := range c.PD.Pods {
		if !members[p.Name] {
			return fmt.Sprintf("PD has no member in pod %s", p.Name)
		}
	}
	return ""
}

// storesUnhealthy is about what PD says of the stores.
func (c *Cluster) storesUnhealthy() string {
	stores := c.Stores()
	if len(stores) != len(c.Store.Pods) {
		return fmt.Sprintf("PD knows %d stores and there are %d pods", len(stores), len(c.Store.Pods))
	}
	for _, p := range c.Store.Pods {
		if c.StoreOf(p.Name) == nil {
			return fmt.Sprintf("PD knows no store in pod %s", p.Name)
		}
	}
	for i := range stores {
		s := &stores[i]
		switch {
		case s.State != pdapi.Up:
			return fmt.Sprintf("store %d is %s", s.ID, s.State)
		case c.State.Freshness(s) != pdstate.Fresh:
			return fmt.Sprintf("store %d does not report to PD", s.ID)
		case c.heartbeatBeforeStart(s):
			return fmt.Sprintf("store %d has not reported to PD since its start", s.ID)
		}
	}
	return ""
}

// heartbeatBeforeStart tells whether the last heartbeat is older than the store's
// pod's container. The clocks of PD and kubelet may differ; the next heartbeats make up for it.
func (c *Cluster) heartbeatBeforeStart(s *pdapi.Store) bool {
	name := c.StorePod(s)
	for _, p := range c.Store.Pods {
		if p.Name != name {
			continue
		}
		if started := StartedAt(p.Pod); !started.IsZero() && !s.LastHeartbeat.After(started) {
			return true
		}
	}
	return false
}

// CellsUnhealthy says which cell is not well, by what the cells' leaders said last; it is
// empty if all are. It means nothing while PD is unknown.
func (c *Cluster) CellsUnhealthy() string {
	// A change of spec.pd.config.maxReplicas is PD's to carry out after its restart.
	return c.cellsUnhealthy(c.State.System.MaxReplicas)
}

func (c *Cluster) cellsUnhealthy(want int) string {
	if c.State.CellsAt.IsZero() {
		return "PD has not been asked about the cells yet"
	}
	for i := range c.State.Cells {
		cell := &c.State.Cells[i]
		switch {
		case cell.Leader == nil:
			return fmt.Sprintf("cell %d has not reported to PD", cell.ID)
		case len(cell.DownPeers) > 0:
			return fmt.Sprintf("cell %d has a replica that is down", cell.ID)
		case len(cell.PendingPeers) > 0:
			return fmt.Sprintf("cell %d has a replica that is being filled", cell.ID)
		case len(cell.Peers) < want:
			return fmt.Sprintf("cell %d has %d of %d replicas", cell.ID, len(cell.Peers), want)
		}
	}
	return ""
}

// StoreServes tells whether the store in a pod is up and has reported to PD since
// its start, whatever the pod's probe says.
func (c *Cluster) StoreServes(pod string) bool {
	if !c.Bootstrapped() || c.PDUnknown() != "" {
		return false
	}
	s := c.StoreOf(pod)
	return s != nil && s.State == pdapi.Up && c.State.Freshness(s) == pdstate.Fresh && !c.heartbeatBeforeStart(s)
}

// LedBy counts the cells that a store leads, as the cells said last.
func (c *Cluster) LedBy(store uint64) int {
	n := 0
	for i := range c.State.Cells {
		if c.State.Cells[i].LedBy(store) {
			n++
		}
	}
	return n
}

// StoreOf is the store that is not a tombstone in a pod; nil if PD knows none.
func (c *Cluster) StoreOf(pod string) *pdapi.Store {
	stores := c.Stores()
	for i := range stores {
		if c.StorePod(&stores[i]) == pod {
			return &stores[i]
		}
	}
	return nil
}
