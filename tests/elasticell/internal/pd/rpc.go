// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"errors"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// handlers are the RPC methods; a follower passes each on to the leader.
type handlers struct{ s *Server }

// leaderOr runs f on the leader's cluster, or forwards.
func (h *handlers) leaderOr(method string, req pdrpc.Request, resp any, f func(*cluster) error) error {
	c := h.s.leading.Load()
	if c == nil {
		return h.s.forwardRPC(method, req, resp)
	}
	err := f(c)
	if errors.Is(err, errNotLeaderAnyMore) {
		return errors.New(pdrpc.NotLeader)
	}
	return err
}

// Info answers the cluster's identity.
func (h *handlers) Info(req *pdrpc.InfoRequest, resp *pdrpc.InfoResponse) error {
	return h.leaderOr("Info", req, resp, func(c *cluster) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		*resp = pdrpc.InfoResponse{ClusterID: c.persist.cluster, Bootstrapped: c.bootstrapped, Init: c.init, MaxReplicas: c.cfg.MaxReplicas}
		return nil
	})
}

// Alloc gives out ids.
func (h *handlers) Alloc(req *pdrpc.AllocRequest, resp *pdrpc.AllocResponse) error {
	return h.leaderOr("Alloc", req, resp, func(c *cluster) (err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		resp.First, err = c.ids.alloc(c.ctx, max(req.Count, 1))
		return err
	})
}

// Bootstrap makes the cluster of its first store.
func (h *handlers) Bootstrap(req *pdrpc.BootstrapRequest, resp *pdrpc.BootstrapResponse) error {
	return h.leaderOr("Bootstrap", req, resp, func(c *cluster) (err error) {
		resp.Already, err = c.bootstrap(req.Store, req.Cells)
		return err
	})
}

// PutStore registers a store.
func (h *handlers) PutStore(req *pdrpc.PutStoreRequest, resp *pdrpc.Empty) error {
	return h.leaderOr("PutStore", req, resp, func(c *cluster) error { return c.putStore(req.Store) })
}

// Stores lists all stores.
func (h *handlers) Stores(req *pdrpc.StoresRequest, resp *pdrpc.StoresResponse) error {
	return h.leaderOr("Stores", req, resp, func(c *cluster) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.stores {
			resp.Stores = append(resp.Stores, s.meta)
		}
		return nil
	})
}

// StoreHeartbeat takes a store's sign of life.
func (h *handlers) StoreHeartbeat(req *pdrpc.StoreHeartbeatRequest, resp *pdrpc.Empty) error {
	return h.leaderOr("StoreHeartbeat", req, resp, func(c *cluster) error { return c.storeHeartbeat(req.Stats) })
}

// CellHeartbeat takes a cell leader's report.
func (h *handlers) CellHeartbeat(req *pdrpc.CellHeartbeatRequest, resp *pdrpc.CellHeartbeatResponse) error {
	return h.leaderOr("CellHeartbeat", req, resp, func(c *cluster) (err error) {
		*resp, err = c.cellHeartbeat(req)
		return err
	})
}

// Cell answers one cell as PD knows it.
func (h *handlers) Cell(req *pdrpc.CellRequest, resp *pdrpc.CellResponse) error {
	return h.leaderOr("Cell", req, resp, func(c *cluster) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if cell := c.cells[req.ID]; cell != nil {
			resp.Found, resp.Cell = true, cell.meta
		}
		return nil
	})
}

// Routes answers the whole routing table.
func (h *handlers) Routes(req *pdrpc.RoutesRequest, resp *pdrpc.RoutesResponse) error {
	return h.leaderOr("Routes", req, resp, func(c *cluster) (err error) {
		*resp, err = c.routes()
		return err
	})
}

// Watch registers a proxy's notification address.
func (h *handlers) Watch(req *pdrpc.WatchRequest, resp *pdrpc.Empty) error {
	return h.leaderOr("Watch", req, resp, func(c *cluster) error { return c.watch(req.Addr) })
}

// WatchHeartbeat tells a proxy how far the stream of route changes is.
func (h *handlers) WatchHeartbeat(req *pdrpc.WatchHeartbeatRequest, resp *pdrpc.WatchHeartbeatResponse) error {
	return h.leaderOr("WatchHeartbeat", req, resp, func(c *cluster) error {
		resp.Offset = c.watchers.at()
		return nil
	})
}
