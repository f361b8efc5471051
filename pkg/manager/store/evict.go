// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// evictRound is the time between two looks at the leaders of a store that is being evicted.
const evictRound = 500 * time.Millisecond

// evictingSince is when the leaders of a pod's store began to be moved away for a
// purpose; zero if they are not. A mark left by another purpose, such as an
// upgrade that was taken back, means nothing.
func evictingSince(p *corev1.Pod, purpose string) time.Time {
	if p == nil {
		return time.Time{}
	}
	when, what, _ := strings.Cut(p.Annotations[naming.AnnotationEvicting], " ")
	t, err := time.Parse(time.RFC3339, when)
	if err != nil || what != purpose {
		return time.Time{}
	}
	return t
}

// markEvicting notes on a pod that the leaders of its store are being moved
// away from now on, and for what.
func markEvicting(ctx context.Context, c *view.Cluster, controls *control.Controls, pod *corev1.Pod, purpose string) error {
	value := c.Now.UTC().Format(time.RFC3339) + " " + purpose
	return controls.Pods.PatchMetadata(ctx, pod, control.Metadata{Annotations: map[string]*string{naming.AnnotationEvicting: &value}})
}

// upgradePurpose marks evictions that end in a restart with the present template. A template that comes
// back after another one is another purpose: what was begun for it counts no more.
func upgradePurpose(c *view.Cluster) string {
	return fmt.Sprintf("%s/%d", desired.RestartHash(c.Store.Set.Spec.Template.Annotations), c.Store.Set.Generation)
}

// notBefore says why a store whose leaders are being moved away is not stopped yet; it is empty if nothing else is awaited.
func notBefore(why string) string {
	if why == "" {
		return ""
	}
	return "; it goes no further before this has passed: " + why
}

// Transfer is a cell's leader that is to move to a peer.
type Transfer struct{ Cell, ToPeer uint64 }

// PlanTransfers finds, for each cell that a store leads, a peer that can lead
// it: on an Up store that reports to PD, itself neither pending nor down. A transfer
// that is aimed at a dead store would block all others for five minutes. stuck
// counts the cells for which there is no such peer.
func PlanTransfers(state *pdstate.Snapshot, cells []pdapi.Cell, store uint64) (transfers []Transfer, stuck int) {
	load := map[uint64]int{}
	for i := range cells {
		if l := cells[i].Leader; l != nil {
			load[l.StoreID]++
		}
	}
	for i := range cells {
		if !cells[i].LedBy(store) {
			continue
		}
		best, found := pdapi.Peer{}, false
		for _, p := range cells[i].Peers {
			if p.StoreID == store || !canLead(state, &cells[i], p) {
				continue
			}
			if !found || load[p.StoreID] < load[best.StoreID] {
				best, found = p, true
			}
		}
		if !found {
			stuck++
			continue
		}
		load[best.StoreID]++
		transfers = append(transfers, Transfer{Cell: cells[i].ID, ToPeer: best.ID})
	}
	return transfers, stuck
}

func canLead(state *pdstate.Snapshot, cell *pdapi.Cell, p pdapi.Peer) bool {
	s := state.Store(p.StoreID)
	if s == nil || s.State != pdapi.Up || state.Freshness(s) != pdstate.Fresh {
		return false
	}
	for _, pending := range cell.PendingPeers {
		if pending.ID == p.ID {
			return false
		}
	}
	for _, down := range cell.DownPeers {
		if down.Peer.ID == p.ID {
			return false
		}
	}
	return true
}

// evict asks PD to move a store's leaders away, by what the cells say at this
// moment. It returns how many the store still leads and how many of them nobody
// else can lead. PD moves one at a time, each with a heartbeat of its cell, and
// moves some back after a while, so this is to be repeated until none is left, and
// the store stopped at once then. The view must be a fresh one.
func evict(ctx context.Context, client pdapi.Client, fresh *view.Cluster, store uint64) (left, stuck int, err error) {
	transfers, stuck := PlanTransfers(fresh.State, fresh.State.Cells, store)
	for _, t := range transfers {
		err := client.TransferLeader(ctx, t.Cell, t.ToPeer)
		if errors.Is(err, pdapi.ErrLimited) {
			break // one at a time; the rest is asked for in the next round
		}
		if err != nil {
			return len(transfers) + stuck, stuck, fmt.Errorf("move the leader of cell %d: %w", t.Cell, err)
		}
	}
	return len(transfers) + stuck, stuck, nil
}

// lastRound is the time between two attempts to hold PD's slot.
const lastRound = 200 * time.Millisecond

// mayStop tells whether a store whose leaders have all moved away may be stopped at
// this moment. PD's balance takes a store that leads nothing for the best heir, and goes on
// doing so while it is away, with its last heartbeat still young: a cell that is handed over to it then
// takes no writes for as long as an election. PD moves one leader at a time, and a
// transfer to the one that leads already, which moves nothing, counts until the cell's next
// heartbeat. So the slot is taken first, and then it is looked at again.
func mayStop(ctx context.Context, client pdapi.Client, fresh *view.Cluster, store uint64) (bool, error) {
	transfer, ok := idleTransfer(fresh, store)
	if !ok {
		return true, nil // nobody else leads anything, so nobody could hand it over
	}
	err := client.TransferLeader(ctx, transfer.Cell, transfer.ToPeer)
	if errors.Is(err, pdapi.ErrLimited) {
		return false, nil // PD is moving a leader, perhaps to this store
	}
	if err != nil {
		return false, fmt.Errorf("hold PD's balance while store %d stops: %w", store, err)
	}
	now := fresh.LookAgain(ctx, client)
	if now.StoresUnhealthy() != "" {
		return false, nil
	}
	_, stuck := PlanTransfers(now.State, now.State.Cells, store)
	return now.LedBy(store) <= stuck, nil
}

// idleTransfer is a transfer that moves nothing: of a cell that another store leads to its
// leader. It is another cell each time, since PD drops what is asked of a cell that it is busy with.
func idleTransfer(c *view.Cluster, store uint64) (Transfer, bool) {
	var idle []Transfer
	for i := range c.State.Cells {
		if cell := &c.State.Cells[i]; cell.Leader != nil && cell.Leader.StoreID != store {
			idle = append(idle, Transfer{cell.ID, cell.Leader.ID})
		}
	}
	if len(idle) == 0 {
		return Transfer{}, false
	}
	return idle[int(c.State.At.UnixNano()/int64(lastRound))%len(idle)], true
}
