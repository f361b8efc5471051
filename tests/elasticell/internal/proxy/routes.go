// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// routes says which store leads the cell of a key. It is held locked while it is fetched anew, and all traffic stalls
// for so long, as upstream's does.
type routes struct {
	pd *pdrpc.Client

	mu      sync.RWMutex
	cluster uint64
	init    *meta.InitParams
	cells   []pdrpc.Route // by start
	stores  map[uint64]meta.Store
	offset  pdrpc.Offset
}

// destination is where a command goes. Addr is empty while nobody knows who leads.
type destination struct {
	cluster, cell uint64
	leader        meta.Peer
	addr          string
}

// refresh fetches everything from PD.
func (r *routes) refresh(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var resp pdrpc.RoutesResponse
	if err := r.pd.Call(ctx, "Routes", &pdrpc.RoutesRequest{}, &resp); err != nil {
		return fmt.Errorf("get cell ranges from pd failed: %w", err)
	}
	known := map[uint64]meta.Peer{}
	for _, route := range r.cells {
		known[route.Cell.ID] = route.Leader
	}
	for i, route := range resp.Routes {
		if old := known[route.Cell.ID]; route.Leader == (meta.Peer{}) && old != route.Leader {
			resp.Routes[i].Leader = old // a fresh PD leader knows no leaders: better the old one than none
		}
	}
	slices.SortFunc(resp.Routes, byStart)
	r.cluster, r.init, r.cells, r.offset = resp.ClusterID, resp.Init, resp.Routes, resp.Offset
	r.stores = map[uint64]meta.Store{}
	for _, s := range resp.Stores {
		r.stores[s.ID] = s
	}
	return nil
}

func byStart(a, b pdrpc.Route) int { return bytes.Compare(a.Cell.Start, b.Cell.Start) }

// apply takes in what PD has pushed. A gap before it leaves the offset behind, and the next heartbeat shows that.
func (r *routes) apply(n *pdrpc.Notification) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, route := range n.Routes {
		at := slices.IndexFunc(r.cells, func(old pdrpc.Route) bool { return old.Cell.ID == route.Cell.ID })
		switch {
		case at < 0:
			r.cells = append(r.cells, route)
			slices.SortStableFunc(r.cells, byStart)
		case route.Cell.Epoch.ConfVer >= r.cells[at].Cell.Epoch.ConfVer:
			r.cells[at] = route
		}
	}
	for _, s := range n.Stores {
		r.stores[s.ID] = s
	}
	if n.After == r.offset {
		r.offset = n.Offset
	}
}

// find returns where a command for the key goes; without a key it is the first cell.
func (r *routes) find(key []byte, hasKey bool) destination {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var place []byte
	if hasKey {
		place = meta.RouteKey(r.init, key)
	}
	for _, route := range r.cells {
		if !hasKey || route.Cell.Contains(place) {
			return destination{r.cluster, route.Cell.ID, route.Leader, r.stores[route.Leader.StoreID].ClientAddress}
		}
	}
	return destination{cluster: r.cluster}
}

// hint takes over what a store says about a leader, if it is news.
func (r *routes) hint(cell uint64, was, is meta.Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, route := range r.cells {
		if route.Cell.ID == cell && route.Leader == was && is.StoreID != 0 {
			r.cells[i].Leader = is
		}
	}
}

func (r *routes) at() pdrpc.Offset {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.offset
}

// callTimeout bounds a heartbeat to PD.
const callTimeout = 10 * time.Second
