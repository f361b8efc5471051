// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"log/slog"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// The steps of an operator, under upstream's names.
const (
	stepTransfer = "transfer_leader"
	stepAdd      = "add_peer"
	stepRemove   = "remove_peer"
)

// step is one change of a cell. Peer is the one added, removed, or made the leader.
type step struct {
	Name string    `json:"name"`
	Peer meta.Peer `json:"peer"`
}

// operator is a plan for one cell. It lives in the PD leader's memory alone, at most as long as its time-out, and is
// carried out through the answers to the cell's heartbeats.
type operator struct {
	CellID    uint64    `json:"cellID"`
	StartAt   time.Time `json:"startAt"`
	EndAt     time.Time `json:"endAt"` // when it is dropped if it is not done
	LastIndex int       `json:"lastIndex"`
	Ops       []step    `json:"ops"`
	kind      kind
}

// kind is the limit an operator counts against.
type kind int

const (
	kindLeader  kind = iota // leaders moved by balance or by the API
	kindReplica             // repair
	kindCell                // balance of replicas
)

func (c *cluster) newOperator(cell *cellInfo, k kind, now time.Time, steps ...step) *operator {
	return &operator{CellID: cell.meta.ID, StartAt: now, EndAt: now.Add(c.cfg.Switches.OperatorTimeout), Ops: steps, kind: k}
}

// advance passes over the steps that are done and says whether the operator is finished or out of time. A peer that
// was added counts as done though nothing has been copied to it yet: that is why a drained store can look drained
// too early.
func (o *operator) advance(cell *cellInfo, now time.Time) bool {
	if now.After(o.EndAt) {
		slog.Warn("operator timed out", "cell", o.CellID, "steps", o.Ops)
		return true
	}
	for o.LastIndex < len(o.Ops) && o.Ops[o.LastIndex].done(cell) {
		o.LastIndex++
	}
	return o.LastIndex == len(o.Ops)
}

func (s step) done(cell *cellInfo) bool {
	switch s.Name {
	case stepAdd:
		_, there := cell.meta.Peer(s.Peer.ID)
		return there
	case stepRemove:
		_, there := cell.meta.Peer(s.Peer.ID)
		return !there
	default:
		return cell.leader != nil && cell.leader.ID == s.Peer.ID
	}
}

// order is what the leader is to do now. A leader is never asked to remove itself: it first hands over to a peer that
// has all data and lives on a store for which fresh holds.
func (o *operator) order(cell *cellInfo, fresh func(store uint64) bool) pdrpc.CellHeartbeatResponse {
	current := o.Ops[o.LastIndex]
	peer := current.Peer
	switch current.Name {
	case stepAdd:
		return pdrpc.CellHeartbeatResponse{AddPeer: &peer}
	case stepTransfer:
		return pdrpc.CellHeartbeatResponse{Transfer: &peer}
	}
	if cell.leader.ID != peer.ID {
		return pdrpc.CellHeartbeatResponse{RemovePeer: &peer}
	}
	if heir, ok := cell.heir(peer, fresh); ok {
		return pdrpc.CellHeartbeatResponse{Transfer: &heir}
	}
	return pdrpc.CellHeartbeatResponse{}
}

// heir returns a peer other than the leaving one that could lead.
func (cell *cellInfo) heir(leaving meta.Peer, fresh func(store uint64) bool) (meta.Peer, bool) {
	for _, p := range cell.meta.Peers {
		if p.ID != leaving.ID && cell.sound(p) && fresh(p.StoreID) {
			return p, true
		}
	}
	return meta.Peer{}, false
}

// sound says that the leader hears of the peer and has nothing to copy to it.
func (cell *cellInfo) sound(p meta.Peer) bool {
	for _, d := range cell.down {
		if d.Peer.ID == p.ID {
			return false
		}
	}
	for _, q := range cell.pending {
		if q.ID == p.ID {
			return false
		}
	}
	return true
}

func (c *cluster) count(k kind) int {
	n := 0
	for _, op := range c.operators {
		if op.kind == k {
			n++
		}
	}
	return n
}

func (c *cluster) replicaOperators() int { return c.count(kindReplica) }
