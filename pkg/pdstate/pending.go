// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import "github.com/deepfabric/elasticell-operator/pkg/pdapi"

// A leader that has just been elected calls all other replicas pending until
// they have answered it, and it reports to PD at once: a cell whose leader was moved
// away looks as if its replicas were being filled, for as long as a heartbeat. With
// three replicas or more that cannot be: without a majority that has the log there
// would be no leader. So such a report says nothing, and what was known of the same
// replicas before stands.

// discountPending takes pending replicas that are none out of the cells, and remembers which cells are whole.
func (s *Snapshot) discountPending(last *Snapshot) {
	var before map[uint64]uint64
	if last != nil {
		before = last.whole
	}
	if s.CellsAt.IsZero() {
		s.whole = before
		return
	}
	s.whole = make(map[uint64]uint64, len(s.Cells))
	for i := range s.Cells {
		c := &s.Cells[i]
		if version, known := before[c.ID]; known && version == c.ConfVer && allOthersPending(c) {
			c.PendingPeers = nil
		}
		if c.Leader != nil && len(c.PendingPeers) == 0 && len(c.DownPeers) == 0 {
			s.whole[c.ID] = c.ConfVer
		} else if version, known := before[c.ID]; known && version == c.ConfVer && c.Leader == nil {
			s.whole[c.ID] = version // PD has a new leader, to which the cell has not reported
		}
	}
}

// leastForMajority is the least number of replicas of which a leader needs another one.
const leastForMajority = 3

func allOthersPending(c *pdapi.Cell) bool {
	return len(c.Peers) >= leastForMajority && len(c.PendingPeers) == len(c.Peers)-1 && len(c.DownPeers) == 0
}
