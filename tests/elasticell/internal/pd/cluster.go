// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// cluster is what a PD leader knows: stores, cells and parameters from etcd, and the heartbeats since it leads.
type cluster struct {
	cfg     Config
	persist *persister
	ids     allocator
	ctx     context.Context // of this leadership

	mu           sync.Mutex
	bootstrapped bool
	init         *meta.InitParams
	stores       map[uint64]*storeInfo
	cells        map[uint64]*cellInfo
	operators    map[uint64]*operator // by cell
	unevenSince  time.Time            // leaders are out of balance since then
	nextBalance  time.Time
	watchers     *watchers
}

// storeInfo is a store and its last heartbeat; heartbeat is zero until the first under this leader.
type storeInfo struct {
	meta      meta.Store
	stats     meta.StoreStats
	leaders   int // at the last heartbeat
	heartbeat time.Time
}

// cellInfo is a cell and its leader's last report; leader is nil until the first under this PD leader.
type cellInfo struct {
	meta    meta.Cell
	leader  *meta.Peer
	term    uint64
	down    []meta.DownPeer
	pending []meta.Peer
}

// loadCluster reads the state that an earlier leader left.
func loadCluster(ctx context.Context, cfg Config, client func() *clientv3.Client, rev int64) (*cluster, error) {
	p, err := newPersister(ctx, client, rev)
	if err != nil {
		return nil, err
	}
	c := &cluster{
		cfg: cfg, persist: p, ids: allocator{p: p}, ctx: ctx,
		stores: map[uint64]*storeInfo{}, cells: map[uint64]*cellInfo{}, operators: map[uint64]*operator{},
		watchers: newWatchers(),
	}
	if c.bootstrapped, err = p.get(ctx, &c.bootstrapped, "bootstrapped"); err != nil {
		return nil, err
	}
	var params meta.InitParams
	if found, err := p.get(ctx, &params, "init"); err != nil {
		return nil, err
	} else if found {
		c.init = &params
	}
	return c, errors.Join(
		p.list(ctx, "stores", func(_ string, b []byte) error {
			var s meta.Store
			err := json.Unmarshal(b, &s)
			c.stores[s.ID] = &storeInfo{meta: s}
			return err
		}),
		p.list(ctx, "cells", func(_ string, b []byte) error {
			var cell meta.Cell
			err := json.Unmarshal(b, &cell)
			c.cells[cell.ID] = &cellInfo{meta: cell}
			return err
		}),
		p.list(ctx, "watchers", func(addr string, _ []byte) error {
			c.watchers.add(ctx, addr)
			return nil
		}))
}

// start begins the work that no request triggers.
func (c *cluster) start(ctx context.Context) {
	go func() {
		for ctx.Err() == nil {
			c.balance(time.Now())
			pause(ctx, time.Second)
		}
	}()
}

func (c *cluster) watcherCount() int { return c.watchers.count() }

var (
	errNotBootstrapped     = errors.New(pdrpc.NotBootstrapped)
	errAlreadyBootstrapped = errors.New(pdrpc.AlreadyBootstrapped)
	errTombstone           = errors.New(pdrpc.StoreIsTombstone)
	errDuplicated          = errors.New(pdrpc.DuplicatedAddress)
)

// setInit keeps the parameters; it may be repeated, and overwrites, until the bootstrap.
func (c *cluster) setInit(params meta.InitParams) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bootstrapped {
		return errAlreadyBootstrapped
	}
	if err := c.persist.do(c.ctx, c.persist.put(params, "init")); err != nil {
		return err
	}
	c.init = &params
	return nil
}

// bootstrap makes the cluster of its first store. already says that another store was first.
func (c *cluster) bootstrap(store meta.Store, cells []meta.Cell) (already bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bootstrapped {
		return true, nil
	}
	ops := []clientv3.Op{c.persist.put(true, "bootstrapped"), c.persist.put(store, "stores", id(store.ID))}
	for _, cell := range cells {
		ops = append(ops, c.persist.put(cell, "cells", id(cell.ID)))
	}
	if err := c.persist.do(c.ctx, ops...); err != nil {
		return false, err
	}
	c.bootstrapped = true
	c.stores[store.ID] = &storeInfo{meta: store}
	for _, cell := range cells {
		c.cells[cell.ID] = &cellInfo{meta: cell}
	}
	return false, nil
}

// putStore registers a store. Of a known one only the address and the labels are taken over: its state stays, and so
// does its client address, for life.
func (c *cluster) putStore(s meta.Store) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return errNotBootstrapped
	}
	for _, other := range c.stores {
		if other.meta.ID != s.ID && other.meta.State != meta.Tombstone && other.meta.Address == s.Address {
			return errDuplicated
		}
	}
	info, known := c.stores[s.ID]
	merged := s
	if known {
		if info.meta.State == meta.Tombstone {
			return errTombstone
		}
		merged.State, merged.ClientAddress = info.meta.State, info.meta.ClientAddress
	} else {
		merged.State = meta.Up
		info = &storeInfo{}
	}
	if err := c.persist.do(c.ctx, c.persist.put(merged, "stores", id(s.ID))); err != nil {
		return err
	}
	info.meta = merged
	c.stores[s.ID] = info
	c.watchers.publish(pdrpc.Notification{Stores: []meta.Store{merged}})
	return nil
}

func id(n uint64) string { return strconv.FormatUint(n, 10) }
