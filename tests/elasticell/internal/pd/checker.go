// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"log/slog"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

// check returns what the cell's replicas want done, or nil. The order of the checks is upstream's: a peer that is down
// is removed before, and whether or not, there is a store to replace it on.
func (c *cluster) check(cell *cellInfo, now time.Time) *operator {
	for _, check := range []func(*cellInfo, time.Time) *operator{
		c.checkDown, c.checkLeaving, c.checkTooFew, c.checkTooMany, c.checkPlace,
	} {
		if op := check(cell, now); op != nil {
			return op
		}
	}
	return nil
}

// checkDown removes a peer when both it and its store have been silent for longer than -interval-store-down. To a
// fresh PD leader a store without a heartbeat has been silent for ever.
func (c *cluster) checkDown(cell *cellInfo, now time.Time) *operator {
	for _, d := range cell.down {
		store := c.stores[d.Peer.StoreID]
		if store == nil || now.Sub(store.heartbeat) < c.cfg.StoreDown || time.Duration(d.DownSeconds)*time.Second < c.cfg.StoreDown {
			continue
		}
		if _, there := cell.meta.Peer(d.Peer.ID); there && len(cell.meta.Peers) > 1 {
			return c.newOperator(cell, kindReplica, now, step{stepRemove, d.Peer})
		}
	}
	return nil
}

// checkLeaving replaces a peer on a store that is being removed. Without a store to go to it stays, silently.
func (c *cluster) checkLeaving(cell *cellInfo, now time.Time) *operator {
	for _, p := range cell.meta.Peers {
		if store := c.stores[p.StoreID]; store != nil && store.meta.State != meta.Up {
			if op := c.replace(cell, p, kindReplica, now); op != nil {
				return op
			}
		}
	}
	return nil
}

func (c *cluster) checkTooFew(cell *cellInfo, now time.Time) *operator {
	if len(cell.meta.Peers) >= c.cfg.MaxReplicas {
		return nil
	}
	target, ok := c.target(cell, nil, now)
	if !ok {
		return nil
	}
	return c.withNewPeer(cell, target, func(added meta.Peer) *operator {
		return c.newOperator(cell, kindReplica, now, step{stepAdd, added})
	})
}

func (c *cluster) checkTooMany(cell *cellInfo, now time.Time) *operator {
	if len(cell.meta.Peers) <= c.cfg.MaxReplicas {
		return nil
	}
	worst := c.worstPeer(cell)
	return c.newOperator(cell, kindReplica, now, step{stepRemove, worst})
}

// checkPlace moves a peer of a whole cell to where it stands further apart from the others.
func (c *cluster) checkPlace(cell *cellInfo, now time.Time) *operator {
	if len(cell.down) > 0 || len(cell.pending) > 0 || len(cell.meta.Peers) != c.cfg.MaxReplicas {
		return nil
	}
	for _, p := range cell.meta.Peers {
		store := c.stores[p.StoreID]
		target, ok := c.target(cell, &p, now)
		if store == nil || !ok {
			continue
		}
		others := c.storesOf(cell, p)
		if isolation(c.cfg.LocationLabels, c.stores[target].meta, others) > isolation(c.cfg.LocationLabels, store.meta, others) {
			return c.replace(cell, p, kindReplica, now)
		}
	}
	return nil
}

// replace plans a new peer for an old one: add, hand over if the old one leads, remove.
func (c *cluster) replace(cell *cellInfo, old meta.Peer, k kind, now time.Time) *operator {
	target, ok := c.target(cell, &old, now)
	if !ok {
		return nil
	}
	return c.replaceOn(cell, old, target, k, now)
}

func (c *cluster) replaceOn(cell *cellInfo, old meta.Peer, target uint64, k kind, now time.Time) *operator {
	return c.withNewPeer(cell, target, func(added meta.Peer) *operator {
		steps := []step{{stepAdd, added}}
		if cell.leader != nil && cell.leader.ID == old.ID {
			heir, ok := cell.heir(old, func(id uint64) bool { s := c.stores[id]; return s != nil && c.fresh(s, now) })
			if ok {
				steps = append(steps, step{stepTransfer, heir})
			}
		}
		return c.newOperator(cell, k, now, append(steps, step{stepRemove, old})...)
	})
}

func (c *cluster) withNewPeer(cell *cellInfo, store uint64, plan func(meta.Peer) *operator) *operator {
	peer, err := c.ids.alloc(c.ctx, 1)
	if err != nil {
		slog.Warn("no id for a new peer", "cell", cell.meta.ID, "error", err)
		return nil
	}
	return plan(meta.Peer{ID: peer, StoreID: store})
}
