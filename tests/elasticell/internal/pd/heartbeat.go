// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"errors"
	"log/slog"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

var (
	errNoSuchStore = errors.New("store not found")
	errStale       = errors.New(pdrpc.StaleCell)
)

// storeHeartbeat notes a store's sign of life. As upstream's does, it works on a copy of the store and writes it back
// whole: a DELETE in between is lost from PD's memory, though not from etcd. The window is wide only by a switch.
func (c *cluster) storeHeartbeat(stats meta.StoreStats) error {
	c.mu.Lock()
	info, known := c.stores[stats.StoreID]
	if !known {
		c.mu.Unlock()
		return errNoSuchStore
	}
	if info.meta.State == meta.Tombstone {
		c.mu.Unlock()
		return errTombstone
	}
	if window := c.cfg.Switches.HeartbeatWindow; window > 0 {
		held := info.meta
		c.mu.Unlock()
		time.Sleep(window)
		c.mu.Lock()
		if info.meta.State == meta.Down {
			slog.Warn("a heartbeat in flight writes the store's old state back over DELETE", "store", held.ID)
			info.meta = held
		}
	}
	defer c.mu.Unlock()
	info.stats, info.heartbeat, info.leaders = stats, time.Now(), 0
	for _, cell := range c.cells {
		if cell.leader != nil && cell.leader.StoreID == stats.StoreID {
			info.leaders++
		}
	}
	return nil
}

// cellHeartbeat takes the report of a cell's leader and answers with what it is to do next: the only way an order
// reaches a store.
func (c *cluster) cellHeartbeat(req *pdrpc.CellHeartbeatRequest) (pdrpc.CellHeartbeatResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return pdrpc.CellHeartbeatResponse{}, errNotBootstrapped
	}
	info, known := c.cells[req.Cell.ID]
	if !known {
		info = &cellInfo{} // also the cells of a store that lost the race of the bootstrap
	}
	if known && (req.Cell.Epoch.ConfVer < info.meta.Epoch.ConfVer || req.Term < info.term) {
		return pdrpc.CellHeartbeatResponse{}, errStale
	}
	if !known || req.Cell.Epoch != info.meta.Epoch {
		if err := c.persist.do(c.ctx, c.persist.put(req.Cell, "cells", id(req.Cell.ID))); err != nil {
			return pdrpc.CellHeartbeatResponse{}, err
		}
	}
	changed := !known || info.leader == nil || *info.leader != req.Leader || req.Cell.Epoch != info.meta.Epoch
	c.cells[req.Cell.ID] = info
	leader := req.Leader
	info.meta, info.leader, info.term, info.down, info.pending = req.Cell, &leader, req.Term, req.Down, req.Pending
	if changed {
		c.watchers.publish(pdrpc.Notification{Routes: []pdrpc.Route{{Cell: req.Cell, Leader: leader}}})
	}
	return c.dispatch(info, time.Now()), nil
}

// dispatch advances the cell's operator, or makes one if the cell's replicas want it, and returns the present order.
func (c *cluster) dispatch(cell *cellInfo, now time.Time) pdrpc.CellHeartbeatResponse {
	op := c.operators[cell.meta.ID]
	if op != nil && op.advance(cell, now) {
		delete(c.operators, cell.meta.ID)
		op = nil
	}
	if op == nil && c.replicaOperators() < c.cfg.LimitReplica {
		if op = c.check(cell, now); op != nil {
			c.operators[cell.meta.ID] = op
			slog.Info("new operator", "cell", cell.meta.ID, "steps", op.Ops)
		}
	}
	if op == nil {
		return pdrpc.CellHeartbeatResponse{}
	}
	return op.order(cell, func(store uint64) bool { s := c.stores[store]; return s != nil && c.fresh(s, now) })
}

// routes returns everything a proxy routes by.
func (c *cluster) routes() (pdrpc.RoutesResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return pdrpc.RoutesResponse{}, errNotBootstrapped
	}
	resp := pdrpc.RoutesResponse{ClusterID: c.persist.cluster, Init: c.init, Offset: c.watchers.at()}
	for _, cell := range c.cells {
		route := pdrpc.Route{Cell: cell.meta}
		if cell.leader != nil {
			route.Leader = *cell.leader
		}
		resp.Routes = append(resp.Routes, route)
	}
	for _, s := range c.stores {
		resp.Stores = append(resp.Stores, s.meta)
	}
	return resp, nil
}

// watch registers a proxy. The registration stays in etcd for ever.
func (c *cluster) watch(addr string) error {
	if !c.watchers.add(c.ctx, addr) {
		return nil
	}
	return c.persist.do(c.ctx, c.persist.put(map[string]string{"addr": addr}, "watchers", addr))
}
