// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"cmp"
	"slices"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

type storeJSON struct {
	Meta   meta.Store      `json:"meta"`
	Status storeStatusJSON `json:"status"`
}

type storeStatusJSON struct {
	Stats           meta.StoreStats `json:"stats"`
	LeaderCount     int             `json:"leaderCount"`     // as of the last heartbeat
	LastHeartbeatTS int64           `json:"lastHeartbeatTS"` // Unix seconds; year one's while none came under this leader
}

type cellJSON struct {
	Meta         meta.Cell       `json:"meta"`
	Leader       *meta.Peer      `json:"leader"`
	DownPeers    []meta.DownPeer `json:"downPeers"`
	PendingPeers []meta.Peer     `json:"pendingPeers"`
}

func (c *cluster) now() time.Time { return time.Now() }

func (s *storeInfo) json() storeJSON {
	return storeJSON{s.meta, storeStatusJSON{s.stats, s.leaders, s.heartbeat.Unix()}}
}

func (cell *cellInfo) json() cellJSON {
	return cellJSON{cell.meta, cell.leader, cell.down, cell.pending}
}

func (c *cluster) listStores() (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return nil, errNotBootstrapped
	}
	list := []storeJSON{}
	for _, s := range c.stores {
		list = append(list, s.json())
	}
	slices.SortFunc(list, func(a, b storeJSON) int { return cmp.Compare(a.Meta.ID, b.Meta.ID) })
	return list, nil
}

func (c *cluster) getStore(id uint64) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return nil, errNotBootstrapped
	}
	s := c.stores[id]
	if s == nil {
		panic(panics{})
	}
	return s.json(), nil
}

// listCells lists the cells that have a peer on the store, or all for store 0.
func (c *cluster) listCells(store uint64) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return nil, errNotBootstrapped
	}
	list := []cellJSON{}
	for _, cell := range c.sortedCells() {
		if _, there := cell.meta.PeerOn(store); there || store == 0 {
			list = append(list, cell.json())
		}
	}
	return list, nil
}

func (c *cluster) getCell(id uint64) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return nil, errNotBootstrapped
	}
	cell := c.cells[id]
	if cell == nil {
		panic(panics{})
	}
	return cell.json(), nil
}

func (c *cluster) getOperator(cell uint64) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return nil, errNotBootstrapped
	}
	if op := c.operators[cell]; op != nil {
		return *op, nil
	}
	return nil, nil
}

func (c *cluster) listOperators() (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return nil, errNotBootstrapped
	}
	list := []operator{}
	for _, op := range c.operators {
		list = append(list, *op)
	}
	slices.SortFunc(list, func(a, b operator) int { return cmp.Compare(a.CellID, b.CellID) })
	return list, nil
}

const errRemoved = refusal("store has been removed")

// deleteStore begins to remove a store: Down, from which there is no way back. With force it is a Tombstone at once,
// from any state, and nobody looks whether it is empty.
func (c *cluster) deleteStore(store uint64, force bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return errNotBootstrapped
	}
	s := c.stores[store]
	if s == nil {
		return errNoSuchStore
	}
	changed := s.meta
	switch {
	case force:
		changed.State = meta.Tombstone
	case s.meta.State == meta.Tombstone:
		return errRemoved
	default:
		changed.State = meta.Down
	}
	if changed.State == s.meta.State {
		return nil
	}
	if err := c.persist.do(c.ctx, c.persist.put(changed, "stores", id(store))); err != nil {
		return err
	}
	s.meta = changed
	if force {
		s.stats, s.leaders = meta.StoreStats{}, 0
	}
	return nil
}
