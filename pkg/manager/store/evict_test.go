// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"math/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// cell makes a cell with peers id*10+store on stores, led by the first.
func cell(id uint64, stores ...uint64) pdapi.Cell {
	c := pdapi.Cell{ID: id}
	for _, s := range stores {
		c.Peers = append(c.Peers, pdapi.Peer{ID: id*10 + s, StoreID: s})
	}
	c.Leader = &c.Peers[0]
	return c
}

func TestPlanTransfers(t *testing.T) {
	c := withStores(4)
	pending, down, leaderless := cell(1, 1, 2), cell(1, 1, 2, 3), cell(1, 1, 2)
	pending.PendingPeers = []pdapi.Peer{pending.Peers[1]}
	down.DownPeers = []pdapi.DownPeer{{Peer: down.Peers[1], Down: time.Minute}}
	leaderless.Leader = nil
	tests := map[string]struct {
		cells  []pdapi.Cell
		modify []StateModifier
		want   []store.Transfer
		stuck  int
	}{
		"no cells":                      {nil, nil, nil, 0},
		"led by others":                 {[]pdapi.Cell{cell(1, 2, 1), cell(2, 3, 1)}, nil, nil, 0},
		"without a leader":              {[]pdapi.Cell{leaderless}, nil, nil, 0},
		"to the other":                  {[]pdapi.Cell{cell(1, 1, 2)}, nil, []store.Transfer{{Cell: 1, ToPeer: 12}}, 0},
		"to those that lead least":      {[]pdapi.Cell{cell(1, 1, 2, 3), cell(2, 1, 2, 3), cell(3, 2, 3)}, nil, []store.Transfer{{Cell: 1, ToPeer: 13}, {Cell: 2, ToPeer: 22}}, 0},
		"never to a silent store":       {[]pdapi.Cell{cell(1, 1, 2, 3)}, []StateModifier{SetStore(2, Silent)}, []store.Transfer{{Cell: 1, ToPeer: 13}}, 0},
		"never to an unheard store":     {[]pdapi.Cell{cell(1, 1, 2)}, []StateModifier{SetStore(2, Unheard)}, nil, 1},
		"never to a Down store":         {[]pdapi.Cell{cell(1, 1, 2)}, []StateModifier{SetStore(2, State(pdapi.Down))}, nil, 1},
		"never to a store nobody knows": {[]pdapi.Cell{cell(1, 1, 9)}, nil, nil, 1},
		"never to a pending peer":       {[]pdapi.Cell{pending}, nil, nil, 1},
		"never to a peer that is down":  {[]pdapi.Cell{down}, nil, []store.Transfer{{Cell: 1, ToPeer: 13}}, 0},
		"a single replica":              {[]pdapi.Cell{cell(1, 1)}, nil, nil, 1},
		"those that cannot and who can": {[]pdapi.Cell{cell(1, 1), cell(2, 1, 4)}, nil, []store.Transfer{{Cell: 2, ToPeer: 24}}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			state := PDState(c, append([]StateModifier{Stores(4)}, test.modify...)...)
			transfers, stuck := store.PlanTransfers(state, test.cells, 1)
			assert.Equal(t, test.want, transfers)
			assert.Equal(t, test.stuck, stuck)
		})
	}
}

// Whatever PD says: each cell that the store leads is planned once or stuck, and
// nothing is aimed at a peer that cannot lead.
func FuzzPlanTransfers(f *testing.F) {
	for seed := range int64(100) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed int64) {
		r := rand.New(rand.NewSource(seed))
		state, c := &pdstate.Snapshot{At: Now()}, withStores(3)
		for id := range uint64(1 + r.Intn(6)) {
			s := Store(c, id+1, int32(id))
			s.State = pdapi.StoreState(r.Intn(3))
			if r.Intn(3) == 0 {
				Silent(&s)
			}
			state.Stores = append(state.Stores, s)
		}
		var cells []pdapi.Cell
		for id := range uint64(r.Intn(20)) {
			x := cell(id+1, 1+uint64(r.Intn(7)), 10+uint64(r.Intn(3)), 20)
			x.Peers[1].StoreID = 1 + uint64(r.Intn(7))
			if r.Intn(4) == 0 {
				x.PendingPeers = x.Peers[1:2]
			}
			if r.Intn(5) == 0 {
				x.Leader = nil
			}
			cells = append(cells, x)
		}
		transfers, stuck := store.PlanTransfers(state, cells, 1)
		led := 0
		for i := range cells {
			if cells[i].LedBy(1) {
				led++
			}
		}
		require.Equal(t, led, len(transfers)+stuck)
		seen := map[uint64]bool{}
		for _, x := range transfers {
			require.False(t, seen[x.Cell], "cell %d twice", x.Cell)
			seen[x.Cell] = true
			at := cells[x.Cell-1]
			for _, p := range at.Peers {
				if p.ID != x.ToPeer {
					continue
				}
				target := state.Store(p.StoreID)
				require.NotNil(t, target)
				require.NotEqual(t, uint64(1), p.StoreID)
				require.Equal(t, pdapi.Up, target.State)
				require.Equal(t, pdstate.Fresh, state.Freshness(target))
				require.NotContains(t, at.PendingPeers, p)
			}
		}
	})
}

func TestDrained(t *testing.T) {
	c := withStores(4)
	empty := func(s *pdapi.Store) { s.State, s.CellCount, s.LeaderCount = pdapi.Down, 0, 0 }
	// Of four stores the last has no cell.
	base := func(modify ...StateModifier) *pdstate.Snapshot {
		return PDState(c, append([]StateModifier{Stores(4), SetStore(4, empty)}, modify...)...)
	}
	changeCell := func(change func(*pdapi.Cell)) *pdstate.Snapshot {
		s := base()
		change(&s.Cells[3])
		return s
	}
	tests := map[string]struct {
		state *pdstate.Snapshot
		cells []pdapi.Cell
		want  bool
	}{
		"all four signs":            {base(), nil, true},
		"PD lists a cell of it":     {base(), []pdapi.Cell{cell(1, 4)}, false},
		"its own count is not zero": {base(SetStore(4, func(s *pdapi.Store) { s.CellCount = 1 })), nil, false},
		"it leads":                  {base(SetStore(4, func(s *pdapi.Store) { s.LeaderCount = 1 })), nil, false},
		"its report is old":         {base(SetStore(4, Silent)), nil, false},
		"it has not reported":       {base(SetStore(4, Unheard)), nil, false},
		"a cell lacks a replica":    {changeCell(func(x *pdapi.Cell) { x.Peers = x.Peers[:2] }), nil, false},
		"a replica is being filled": {changeCell(func(x *pdapi.Cell) { x.PendingPeers = x.Peers[:1] }), nil, false},
		"a replica is down":         {changeCell(func(x *pdapi.Cell) { x.DownPeers = []pdapi.DownPeer{{Peer: x.Peers[0]}} }), nil, false},
		"a cell has not reported":   {changeCell(func(x *pdapi.Cell) { x.Leader = nil }), nil, false},
		"a cell is on it after all": {changeCell(func(x *pdapi.Cell) { x.Peers[0].StoreID = 4 }), nil, false},
		"PD counts cells that are not full": {func() *pdstate.Snapshot {
			s := base()
			s.System.ReplicasNotFullCellCount = 1
			return s
		}(), nil, false},
		"nobody asked for the cells": {func() *pdstate.Snapshot {
			s := base()
			s.CellsAt, s.Cells = time.Time{}, nil
			return s
		}(), nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := Settled(c).View(c, test.state)
			assert.Equal(t, test.want, store.Drained(v, test.state.Store(4), test.cells))
		})
	}
}
