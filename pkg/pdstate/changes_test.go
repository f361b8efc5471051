// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

var t0 = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// healthy is a settled cluster of three stores with two cells; each call makes a new copy.
func healthy() *Snapshot {
	store := func(id uint64) pdapi.Store {
		return pdapi.Store{ID: id, Address: "a:1", ClientAddress: "a:2", Capacity: 100, Available: 90, CellCount: 2, LeaderCount: 1,
			StartTime: t0.Add(-time.Hour), LastHeartbeat: t0.Add(-3 * time.Second), ObservedAt: t0}
	}
	cell := func(id uint64, leader uint64) pdapi.Cell {
		return pdapi.Cell{ID: id, ConfVer: 3, Peers: []pdapi.Peer{{ID: id + 1, StoreID: 1}, {ID: id + 2, StoreID: 2}, {ID: id + 3, StoreID: 3}},
			Leader: &pdapi.Peer{ID: id + leader, StoreID: leader}}
	}
	return &Snapshot{
		At: t0, CellsAt: t0, MembersAt: t0,
		LeaderEndpoint: "http://pd-0:2379", LeaderSince: t0.Add(-time.Hour),
		System: pdapi.System{AlreadyBootstrapped: true, InitParams: &pdapi.InitParams{InitCellCount: 2}, MaxReplicas: 3, StoreCount: 3, CellCount: 2},
		Stores: []pdapi.Store{store(1), store(2), store(3)},
		Cells:  []pdapi.Cell{cell(10, 1), cell(20, 2)},
		Members: []pdapi.Member{
			{ID: 7, Name: "pd-0", PeerURLs: []string{"http://pd-0:2380"}, ClientURLs: []string{"http://pd-0:2379"}},
			{ID: 8, PeerURLs: []string{"http://pd-1:2380"}},
		},
	}
}

func TestChanges(t *testing.T) {
	unreachable := &pdapi.CallError{Kind: pdapi.ErrUnreachable}
	noLeader := &pdapi.AttemptsError{Kind: pdapi.ErrNoLeader}
	fail := func(err error) func(*Snapshot) {
		return func(s *Snapshot) { s.Err, s.FailedSince, s.Failures = err, t0, s.Failures+1 }
	}
	// unheard is a leader to which nobody has reported, and which has led for so long.
	unheard := func(led time.Duration) func(*Snapshot) {
		return func(s *Snapshot) {
			s.LeaderSince, s.At = t0, t0.Add(led)
			for i := range s.Stores {
				s.Stores[i].LastHeartbeat = time.Time{}
			}
		}
	}
	tests := []struct {
		name          string
		before, after func(*Snapshot)
		want          Change
	}{
		{"nothing", nil, nil, 0},
		{"a young leader of whom nobody is heard", unheard(10 * time.Second), unheard(12 * time.Second), 0},
		{"the same, when it has led for long", unheard(19 * time.Second), unheard(21 * time.Second), Heartbeats},
		{"an answer after a standstill", nil, func(s *Snapshot) { s.At = t0.Add(DefaultMaxAge + time.Minute) }, Reachability},
		{"the same, ever after", unheard(21 * time.Second), unheard(23 * time.Second), 0},
		{"figures that move by themselves", nil, func(s *Snapshot) {
			s.At, s.CellsAt, s.MembersAt = t0.Add(time.Minute), t0.Add(time.Minute), t0.Add(time.Minute)
			for i := range s.Stores {
				st := &s.Stores[i]
				st.LastHeartbeat, st.ObservedAt = t0.Add(58*time.Second), t0.Add(time.Minute)
				st.Available, st.UsedSize, st.CellCount, st.LeaderCount, st.SendingSnapCount, st.Busy = 1, 2, 50, 20, 3, true
			}
			s.System.CellCount, s.System.OperatorCount, s.System.StorageAvailable = 50, 4, 1
			s.Cells[0].ConfVer, s.Cells[0].CellVer = 9, 9
			s.Cells = append(s.Cells, s.Cells[0]) // a split
			s.Cells[2].ID = 30
		}, 0},
		{"became unreachable", nil, fail(unreachable), Reachability},
		{"still unreachable", fail(unreachable), fail(unreachable), 0},
		{"unreachable, then without a leader", fail(unreachable), fail(noLeader), Reachability},
		{"back again", fail(noLeader), nil, Reachability},
		{"members are seen though nobody leads", fail(noLeader), func(s *Snapshot) { fail(noLeader)(s); s.Members = s.Members[:1] }, MemberSet},
		{"another leader", nil, func(s *Snapshot) { s.LeaderEndpoint = "http://pd-1:2379" }, Leader},
		{"bootstrapped", func(s *Snapshot) { s.System.AlreadyBootstrapped = false }, nil, Bootstrap},
		{"initial parameters set", func(s *Snapshot) { s.System.InitParams = nil }, nil, Bootstrap},
		{"initial parameters changed", func(s *Snapshot) { s.System.InitParams = &pdapi.InitParams{InitCellCount: 3} }, nil, Bootstrap},
		{"initial parameters equal", func(s *Snapshot) { s.System.InitParams = &pdapi.InitParams{InitCellCount: 2} }, nil, 0},
		{"replica count", nil, func(s *Snapshot) { s.System.MaxReplicas = 5; s.CellsAt = time.Time{} }, Bootstrap},
		{"member started", nil, func(s *Snapshot) { s.Members[1].Name = "pd-1" }, MemberSet},
		{"member gone", nil, func(s *Snapshot) { s.Members = s.Members[:1] }, MemberSet},
		{"member's URL", nil, func(s *Snapshot) { s.Members[0].ClientURLs = nil }, MemberSet},
		{"store added", func(s *Snapshot) { s.Stores = s.Stores[:2] }, nil, StoreSet},
		{"store replaced", func(s *Snapshot) { s.Stores[2].ID = 4 }, nil, StoreSet},
		{"store down", nil, func(s *Snapshot) { s.Stores[1].State = pdapi.Down }, StoreSet},
		{"store down written back", func(s *Snapshot) { s.Stores[1].State = pdapi.Down }, nil, StoreSet},
		{"store moved", nil, func(s *Snapshot) { s.Stores[1].Address = "b:1" }, StoreSet},
		{"store restarted", nil, func(s *Snapshot) { s.Stores[1].StartTime = t0 }, StoreSet},
		{"heartbeat stale", nil, func(s *Snapshot) { s.Stores[1].LastHeartbeat = t0.Add(-21 * time.Second) }, Heartbeats},
		{"heartbeat older, within the limit", nil, func(s *Snapshot) { s.Stores[1].LastHeartbeat = t0.Add(-20 * time.Second) }, 0},
		{"heartbeat at another limit", nil, func(s *Snapshot) { s.HeartbeatLimit = 2 * time.Second }, Heartbeats},
		{"heartbeat still stale, and older", func(s *Snapshot) { s.Stores[1].LastHeartbeat = t0.Add(-time.Minute) },
			func(s *Snapshot) { s.Stores[1].LastHeartbeat = t0.Add(-2 * time.Minute) }, 0},
		{"fresh leader has not heard of a store", nil, func(s *Snapshot) {
			s.Stores[1].LastHeartbeat, s.Stores[1].StartTime = time.Time{}, time.Time{}
		}, Heartbeats},
		{"its statistics came back", func(s *Snapshot) {
			st := &s.Stores[1]
			st.LastHeartbeat, st.CellCount, st.LeaderCount = time.Time{}, 0, 0
		}, nil, Heartbeats | Emptiness},
		{"store led its last cell", nil, func(s *Snapshot) { s.Stores[0].LeaderCount = 0 }, Emptiness},
		{"store emptied", nil, func(s *Snapshot) { s.Stores[0].CellCount = 0 }, Emptiness},
		{"cells not full", nil, func(s *Snapshot) { s.System.ReplicasNotFullCellCount = 1 }, Replicas},
		{"cell lost a peer", nil, func(s *Snapshot) { s.Cells[0].Peers = s.Cells[0].Peers[:2] }, Replicas},
		{"peer pending", nil, func(s *Snapshot) { s.Cells[0].PendingPeers = s.Cells[0].Peers[:1] }, Replicas},
		{"one of two pending peers ready", func(s *Snapshot) { s.Cells[0].PendingPeers = s.Cells[0].Peers[:2] },
			func(s *Snapshot) { s.Cells[0].PendingPeers = s.Cells[0].Peers[:1] }, Replicas},
		{"peer down", nil, func(s *Snapshot) { s.Cells[0].DownPeers = []pdapi.DownPeer{{}} }, Replicas},
		{"peer down for longer", func(s *Snapshot) { s.Cells[0].DownPeers = []pdapi.DownPeer{{Down: 1}} },
			func(s *Snapshot) { s.Cells[0].DownPeers = []pdapi.DownPeer{{Down: 2}} }, 0},
		{"leader moved, both still lead", func(s *Snapshot) { s.Cells = append(s.Cells, s.Cells[0]) },
			func(s *Snapshot) { s.Cells = append(s.Cells, s.Cells[1]) }, 0},
		{"last leader moved away", nil, func(s *Snapshot) { s.Cells[0].Leader = s.Cells[1].Leader }, Emptiness},
		{"cell without a leader, its store still leads", func(s *Snapshot) { s.Cells = append(s.Cells, s.Cells[0]) },
			func(s *Snapshot) { s.Cells = append(s.Cells, s.Cells[0]); s.Cells[2].Leader = nil }, Replicas},
		{"cells asked for", func(s *Snapshot) { s.Cells, s.CellsAt = nil, time.Time{} }, nil, Replicas},
		{"cells no longer asked for", nil, func(s *Snapshot) { s.Cells, s.CellsAt = nil, time.Time{} }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, after := healthy(), healthy()
			if tt.before != nil {
				tt.before(before)
			}
			if tt.after != nil {
				tt.after(after)
			}
			assert.Equal(t, tt.want, Changes(before, after), "got: %v", Changes(before, after))
		})
	}
	assert.Equal(t, FirstAnswer, Changes(nil, healthy()))
	assert.Equal(t, FirstAnswer, Changes(nil, &Snapshot{Err: errors.New("x")}))
}

func TestChangeString(t *testing.T) {
	assert.Equal(t, "none", Change(0).String())
	assert.Equal(t, "first answer, leader, emptiness", (FirstAnswer | Leader | Emptiness).String())
}
