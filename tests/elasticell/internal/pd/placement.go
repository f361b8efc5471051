// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

// isolation says how far a store stands from the others: a difference in the first label counts a hundred times one in
// the next.
func isolation(labels []string, store meta.Store, others []meta.Store) int {
	sum := 0
	for _, other := range others {
		weight := 1
		for range labels[1:] {
			weight *= 100
		}
		for _, key := range labels {
			if store.Label(key) != other.Label(key) {
				sum += weight
				break
			}
			weight /= 100
		}
	}
	return sum
}

// freshLimit is the age of a heartbeat up to which a store may be given something.
const freshLimit = 20 * time.Second

// fresh says whether the store is Up and was heard of lately, by this leader.
func (c *cluster) fresh(s *storeInfo, now time.Time) bool {
	return s.meta.State == meta.Up && !s.heartbeat.IsZero() && now.Sub(s.heartbeat) < min(freshLimit, c.cfg.StoreDown)
}

// roomy says whether the store's file system is below -threshold-rate-storage; a fuller one silently gets no replica.
func (c *cluster) roomy(s *storeInfo) bool {
	used := s.stats.Capacity - s.stats.Available
	return s.stats.Capacity > 0 && used*100 <= s.stats.Capacity*uint64(c.cfg.StorageRate)
}

// storesOf returns the stores of the cell's peers but one.
func (c *cluster) storesOf(cell *cellInfo, but meta.Peer) []meta.Store {
	var stores []meta.Store
	for _, p := range cell.meta.Peers {
		if s := c.stores[p.StoreID]; s != nil && p.ID != but.ID {
			stores = append(stores, s.meta)
		}
	}
	return stores
}

// target returns the best store for one more peer of the cell: far from the others first, then with few replicas. old
// is the peer it is to replace, if any.
func (c *cluster) target(cell *cellInfo, old *meta.Peer, now time.Time) (uint64, bool) {
	var but meta.Peer
	if old != nil {
		but = *old
	}
	others := c.storesOf(cell, but)
	load := c.replicasPerStore()
	var best *storeInfo
	bestScore := 0
	for _, s := range c.stores {
		if _, there := cell.meta.PeerOn(s.meta.ID); there || !c.fresh(s, now) || !c.roomy(s) {
			continue
		}
		score := isolation(c.cfg.LocationLabels, s.meta, others)
		switch {
		case best == nil, score > bestScore,
			score == bestScore && load[s.meta.ID] < load[best.meta.ID],
			score == bestScore && load[s.meta.ID] == load[best.meta.ID] && s.meta.ID < best.meta.ID:
			best, bestScore = s, score
		}
	}
	if best == nil {
		return 0, false
	}
	return best.meta.ID, true
}

// replicasPerStore counts the peers on each store, and those on their way there.
func (c *cluster) replicasPerStore() map[uint64]int {
	load := map[uint64]int{}
	for _, cell := range c.cells {
		for _, p := range cell.meta.Peers {
			load[p.StoreID]++
		}
		op := c.operators[cell.meta.ID]
		if op == nil {
			continue
		}
		for _, s := range op.Ops {
			_, there := cell.meta.Peer(s.Peer.ID)
			if s.Name == stepAdd && !there {
				load[s.Peer.StoreID]++
			}
			if s.Name == stepRemove && there {
				load[s.Peer.StoreID]--
			}
		}
	}
	return load
}

// worstPeer is the one to give up when a cell has too many: not Up before Up, unsound before sound, then the least
// isolated, and the leader last.
func (c *cluster) worstPeer(cell *cellInfo) meta.Peer {
	rank := func(p meta.Peer) int {
		s := c.stores[p.StoreID]
		switch {
		case s == nil || s.meta.State != meta.Up:
			return -2
		case !cell.sound(p):
			return -1
		}
		r := 2 * isolation(c.cfg.LocationLabels, s.meta, c.storesOf(cell, p))
		if cell.leader != nil && cell.leader.ID == p.ID {
			r++
		}
		return r
	}
	worst := cell.meta.Peers[0]
	for _, p := range cell.meta.Peers[1:] {
		if rank(p) < rank(worst) {
			worst = p
		}
	}
	return worst
}
