// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// What follows is how things are, whatever the members answer.

// MemberInfo is a member on etcd's list.
type MemberInfo struct {
	ID            uint64
	Name, PeerURL string
	// Started: it has run at least once. Running: its process does now.
	Started, Running bool
}

// MemberInfos are those on etcd's list.
func (pd *PD) MemberInfos() []MemberInfo {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	var out []MemberInfo
	for _, m := range pd.listed() {
		out = append(out, MemberInfo{ID: m.id, Name: m.name, PeerURL: m.peerURL, Started: m.started, Running: m.running})
	}
	return out
}

// StoreInfo is a store as PD's leader has it, and whether it runs.
type StoreInfo struct {
	ID      uint64
	Address string
	// State is the leader's memory, Stored what etcd has.
	State, Stored pdapi.StoreState
	Running       bool
}

// StoreInfos are all stores, tombstones included.
func (pd *PD) StoreInfos() []StoreInfo {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	var out []StoreInfo
	for _, s := range pd.stores {
		out = append(out, StoreInfo{ID: s.id, Address: s.Address, State: pdapi.StoreState(s.state), Stored: pdapi.StoreState(s.stored), Running: s.running})
	}
	return out
}

// CellInfo is a cell as it is.
type CellInfo struct {
	ID uint64
	// Leader is the store that leads it; 0 if none does.
	Leader uint64
	// Peers are the stores with a replica; Pending those whose replica is still being filled.
	Peers, Pending []uint64
}

// CellInfos are all cells.
func (pd *PD) CellInfos() []CellInfo {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	var out []CellInfo
	for _, c := range pd.cells {
		x := CellInfo{ID: c.id}
		if c.leader != nil {
			x.Leader = c.leader.store
		}
		for _, p := range c.peers {
			x.Peers = append(x.Peers, p.store)
			if p.pending > 0 {
				x.Pending = append(x.Pending, p.store)
			}
		}
		out = append(out, x)
	}
	return out
}

// Replicas is how many replicas PD gives a cell.
func (pd *PD) Replicas() int {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return pd.config.MaxReplicas
}

// Init are the initial parameters; nil before somebody set them.
func (pd *PD) Init() *pdapi.InitParams {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if pd.init == nil {
		return nil
	}
	return &pdapi.InitParams{InitCellCount: pd.init.InitCellCount, CellCapacity: pd.init.CellCapacity}
}

// SetLimits is what members and stores are started with; 0 leaves a limit as it is.
func (pd *PD) SetLimits(maxReplicas int, downAfter, peerDownAfter time.Duration) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if maxReplicas > 0 {
		pd.config.MaxReplicas = maxReplicas
	}
	if downAfter > 0 {
		pd.config.DownAfter = downAfter
	}
	if peerDownAfter > 0 {
		pd.config.PeerDownAfter = peerDownAfter
	}
}

// AddStoreAs starts a store whose data directory holds an id that PD does not know,
// as that of one that died of ErrDuplicatedAddress does.
func (pd *PD) AddStoreAs(id uint64, s Store) error {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if slices.ContainsFunc(pd.stores, func(o *store) bool { return o.id == id }) {
		return fmt.Errorf("add store %d: PD knows it", id)
	}
	return pd.addStore(id, s)
}
