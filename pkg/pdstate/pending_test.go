// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// What a leader that was just elected says of its replicas counts only if nothing better is known.
func TestDiscountPending(t *testing.T) {
	at := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	peers := func(n uint64) []pdapi.Peer {
		var out []pdapi.Peer
		for i := range n {
			out = append(out, pdapi.Peer{ID: i + 1, StoreID: i + 1})
		}
		return out
	}
	cell := func(version, peerCount uint64, pending ...uint64) *Snapshot {
		c := pdapi.Cell{ID: 7, ConfVer: version, Peers: peers(peerCount), Leader: &pdapi.Peer{ID: 1, StoreID: 1}}
		for _, id := range pending {
			c.PendingPeers = append(c.PendingPeers, pdapi.Peer{ID: id, StoreID: id})
		}
		return &Snapshot{CellsAt: at, Cells: []pdapi.Cell{c}}
	}
	modify := func(s *Snapshot, do func(c *pdapi.Cell)) *Snapshot {
		do(&s.Cells[0])
		return s
	}
	noCells := &Snapshot{}
	noLeader := modify(cell(4, 3), func(c *pdapi.Cell) { c.Leader = nil })
	tests := map[string]struct {
		looks   []*Snapshot
		pending int // in the last of them
	}{
		"nothing is known":                  {[]*Snapshot{cell(4, 3, 2, 3)}, 2},
		"it was whole":                      {[]*Snapshot{cell(4, 3), cell(4, 3, 2, 3)}, 0},
		"it was whole some looks ago":       {[]*Snapshot{cell(4, 3), cell(4, 3, 2, 3), cell(4, 3, 2, 3)}, 0},
		"with looks without cells between":  {[]*Snapshot{cell(4, 3), noCells, noCells, cell(4, 3, 2, 3)}, 0},
		"with a new leader of PD between":   {[]*Snapshot{cell(4, 3), noLeader, cell(4, 3, 2, 3)}, 0},
		"it was whole with other replicas":  {[]*Snapshot{cell(3, 3), cell(4, 3, 2, 3)}, 2},
		"one of them is pending":            {[]*Snapshot{cell(4, 3), cell(4, 3, 2)}, 1},
		"one was, now all are":              {[]*Snapshot{cell(4, 3), cell(4, 3, 2), cell(4, 3, 2, 3)}, 2},
		"two replicas have no majority":     {[]*Snapshot{cell(4, 2), cell(4, 2, 2)}, 1},
		"five replicas, all others pending": {[]*Snapshot{cell(4, 5), cell(4, 5, 2, 3, 4, 5)}, 0},
		"five replicas, three pending":      {[]*Snapshot{cell(4, 5), cell(4, 5, 2, 3, 4)}, 3},
		"one is down": {[]*Snapshot{cell(4, 3), modify(cell(4, 3, 2, 3), func(c *pdapi.Cell) {
			c.DownPeers = []pdapi.DownPeer{{Peer: c.Peers[1]}}
		})}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var last *Snapshot
			for _, look := range test.looks {
				next := *look
				next.Cells = append([]pdapi.Cell(nil), look.Cells...)
				next.discountPending(last)
				last = &next
			}
			assert.Len(t, last.Cells[0].PendingPeers, test.pending)
		})
	}
}
