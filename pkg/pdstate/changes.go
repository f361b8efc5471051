// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"slices"
	"strings"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// Change is a set of reasons to look at a cluster again.
type Change uint16

// The reasons.
const (
	// FirstAnswer: nothing was known before, not even a failure.
	FirstAnswer Change = 1 << iota
	// Reachability: PD began or ceased to answer, or fails otherwise than before.
	Reachability
	// Leader: another PD leads.
	Leader
	// Bootstrap: the cluster was bootstrapped, or got its initial parameters.
	Bootstrap
	// MemberSet: a member came, went, or started for the first time.
	MemberSet
	// StoreSet: a store came, changed its state or address, or restarted.
	StoreSet
	// Heartbeats: a store's heartbeat became fresh, stale or unheard.
	Heartbeats
	// Replicas: the number of cells with missing, pending, down or no leading peers changed, or the cells became known.
	Replicas
	// Emptiness: a store's number of cells or leaders reached or left zero.
	Emptiness
)

var changeNames = []string{"first answer", "reachability", "leader", "bootstrap", "members", "stores", "heartbeats", "replicas", "emptiness"}

// String lists the reasons, "none" if there are none.
func (c Change) String() string {
	var names []string
	for i, name := range changeNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Changes tells what a decision may depend on and differs between two
// snapshots of a cluster; before may be nil. What moves by itself is left out:
// sizes, counts that stay above zero, times of heartbeats that stay fresh,
// splits of cells, operators.
func Changes(before, after *Snapshot) Change {
	if before == nil {
		return FirstAnswer
	}
	var c Change
	// An answer that had become too old, as while the process stood still, counted as none.
	c.add(Reachability, pdapi.Class(before.Err) != pdapi.Class(after.Err) || before.TooOld(after.At))
	c.add(MemberSet, !slices.EqualFunc(before.Members, after.Members, sameMember))
	if after.Err != nil {
		return c // the rest is still the last good answer
	}
	c.add(Leader, before.LeaderEndpoint != after.LeaderEndpoint)
	c.add(Bootstrap, before.System.AlreadyBootstrapped != after.System.AlreadyBootstrapped ||
		before.System.MaxReplicas != after.System.MaxReplicas || !sameInit(before.System.InitParams, after.System.InitParams))
	c.add(Replicas, before.System.ReplicasNotFullCellCount != after.System.ReplicasNotFullCellCount)
	// What nobody could know under a young leader is certain when it has led for long enough, though nothing else differs.
	c.add(Heartbeats, before.Err == nil && before.tooYoung() && !after.tooYoung())
	c |= storeChanges(before, after)
	if !after.CellsAt.IsZero() {
		c |= cellChanges(before, after)
	}
	return c
}

func (c *Change) add(reason Change, changed bool) {
	if changed {
		*c |= reason
	}
}

func sameMember(a, b pdapi.Member) bool {
	return a.ID == b.ID && a.ClusterID == b.ClusterID && a.Name == b.Name && slices.Equal(a.PeerURLs, b.PeerURLs) && slices.Equal(a.ClientURLs, b.ClientURLs)
}

func sameInit(a, b *pdapi.InitParams) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func storeChanges(before, after *Snapshot) Change {
	if len(before.Stores) != len(after.Stores) {
		return StoreSet
	}
	var c Change
	for i := range after.Stores {
		a, b := &before.Stores[i], &after.Stores[i]
		c.add(StoreSet, a.ID != b.ID || a.State != b.State || a.Address != b.Address || a.ClientAddress != b.ClientAddress || restarted(a, b))
		c.add(Heartbeats, before.Freshness(a) != after.Freshness(b))
		c.add(Emptiness, (a.CellCount == 0) != (b.CellCount == 0) || (a.LeaderCount == 0) != (b.LeaderCount == 0))
	}
	return c
}

// restarted goes by the start's time, which an unheard store does not have.
func restarted(a, b *pdapi.Store) bool {
	return !a.StartTime.IsZero() && !b.StartTime.IsZero() && !a.StartTime.Equal(b.StartTime)
}

func cellChanges(before, after *Snapshot) Change {
	if before.CellsAt.IsZero() {
		return Replicas
	}
	var c Change
	a, b := countCells(before), countCells(after)
	c.add(Replicas, a.missing != b.missing || a.pending != b.pending || a.down != b.down || a.leaderless != b.leaderless)
	c.add(Emptiness, !slices.Equal(a.holding, b.holding) || !slices.Equal(a.leading, b.leading))
	return c
}

// cellCounts sum up all cells.
type cellCounts struct {
	missing, pending, down, leaderless int
	// holding and leading are the stores with at least one cell and with at least one leader, sorted.
	holding, leading []uint64
}

func countCells(s *Snapshot) cellCounts {
	var n cellCounts
	for i := range s.Cells {
		c := &s.Cells[i]
		if len(c.Peers) < s.System.MaxReplicas {
			n.missing++
		}
		n.pending += len(c.PendingPeers)
		n.down += len(c.DownPeers)
		for _, p := range c.Peers {
			n.holding = insert(n.holding, p.StoreID)
		}
		if c.Leader == nil {
			n.leaderless++
		} else {
			n.leading = insert(n.leading, c.Leader.StoreID)
		}
	}
	return n
}

// insert puts an id into a small sorted set.
func insert(set []uint64, id uint64) []uint64 {
	i, found := slices.BinarySearch(set, id)
	if found {
		return set
	}
	return slices.Insert(set, i, id)
}
