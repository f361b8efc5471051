// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Drained tells whether a Down store shows all four signs of being empty: no cell
// lists it, its own counts are zero under a fresh heartbeat, no cell anywhere has a
// pending or down replica, and none lacks one. The first sign alone comes seconds too
// early: a store that was tombstoned then took the one being filled along.
func Drained(c *view.Cluster, store *pdapi.Store, cells []pdapi.Cell) bool {
	s := c.State
	if len(cells) > 0 || store.CellCount > 0 || store.LeaderCount > 0 || s.Freshness(store) != pdstate.Fresh {
		return false
	}
	if s.CellsAt.IsZero() || s.System.ReplicasNotFullCellCount > 0 {
		return false
	}
	for i := range s.Cells {
		cell := &s.Cells[i]
		if _, on := cell.PeerOn(store.ID); on || cell.Leader == nil || len(cell.PendingPeers) > 0 || len(cell.DownPeers) > 0 ||
			len(cell.Peers) < s.System.MaxReplicas {
			return false
		}
	}
	return true
}

// drainWatch remembers when stores were first seen drained. It is memory only:
// an operator that forgets it looks twice again.
type drainWatch struct {
	mu    sync.Mutex
	first map[types.UID]sighting
}

// sighting is a first look at a drained store.
type sighting struct {
	store  uint64
	leader string
	since  time.Time // since when that PD leads
	at     time.Time
}

func newDrainWatch() *drainWatch { return &drainWatch{first: map[types.UID]sighting{}} }

// sightingAge is how long a first look counts, in heartbeats. Who did not look again in time cannot tell what was in between.
const sightingAge = 10

// twice notes a look and tells whether the store was drained in this one and in
// one at least a heartbeat earlier, all under one PD leader and never otherwise in between.
func (w *drainWatch) twice(cluster types.UID, store *pdapi.Store, s *pdstate.Snapshot, drained bool, heartbeat time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := sighting{store.ID, s.LeaderEndpoint, s.LeaderSince, s.At}
	for uid, old := range w.first { // of this cluster, and of such as are gone
		if now.at.Sub(old.at) > sightingAge*heartbeat {
			delete(w.first, uid)
		}
	}
	before, seen := w.first[cluster]
	switch {
	case !drained:
		delete(w.first, cluster)
		return false
	case !seen || before.store != now.store || before.leader != now.leader || !before.since.Equal(now.since):
		w.first[cluster] = now
		return false
	}
	if now.at.Sub(before.at) < heartbeat {
		return false
	}
	delete(w.first, cluster)
	return true
}
