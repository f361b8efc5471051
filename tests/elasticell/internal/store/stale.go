// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/program"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// destroy buries a replica that is no member any more.
func (s *Store) destroy(p *peer, why string) {
	if s.cfg.Switches.CrashOnDestroy && p.initialised() {
		slog.Error("CELL_CRASH_ON_DESTROY: this store dies once of finding its cells gone")
		_ = s.db.Update(func(tx *bbolt.Tx) error {
			for _, gone := range s.peers {
				if gone.leader().ID == 0 {
					if err := bury(tx, gone.record); err != nil {
						return err
					}
				}
			}
			return bury(tx, p.record)
		})
		program.Fatal("destroy cell not exist", "cell", p.Cell.ID)
	}
	slog.Info("replica destroyed", "cell", p.Cell.ID, "peer", p.Peer, "why", why)
	if err := s.db.Update(func(tx *bbolt.Tx) error { return bury(tx, p.record) }); err != nil {
		program.Fatal("destroy a replica failed", "error", err)
	}
	p.destroyed = true
	s.drop(p)
}

// drop forgets a buried replica. Its reads may be asked elsewhere; of its writes nobody knows, so they stay unanswered.
func (s *Store) drop(p *peer) {
	if s.peers[p.Cell.ID] == p {
		delete(s.peers, p.Cell.ID)
	}
	s.graves[p.Cell.ID] = record{Cell: p.Cell, Peer: p.Peer, Tombstone: true}
	s.cellCount.Store(int64(len(s.peers)))
	delete(s.dirty, p)
	for _, batch := range p.reads {
		p.readable = append(p.readable, batch)
	}
	for _, batch := range p.readable {
		for _, r := range batch.requests {
			r.from.reply(wire.Response{ID: r.ID, Outcome: wire.NoCell})
		}
	}
	p.reads, p.readable = nil, nil
	if n := len(p.proposals); n > 0 {
		slog.Warn("writes of a removed replica are never answered", "cell", p.Cell.ID, "peer", p.Peer, "writes", n)
	}
}

// checkStale asks PD about replicas without a leader: all their former fellows may be gone.
func (s *Store) checkStale(ctx context.Context) {
	limit := max(3*time.Duration(s.cfg.ElectionTicks)*s.cfg.RaftTick, 5*time.Second)
	ticker := time.NewTicker(limit)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		suspects := make(chan []*peer, 1)
		s.post(func(now time.Time) {
			var list []*peer
			for _, p := range s.peers {
				if now.Sub(p.leaderSeen) > limit && p.leader().ID == 0 {
					list = append(list, p)
				}
			}
			suspects <- list
		})
		select {
		case <-ctx.Done():
			return
		case list := <-suspects:
			for _, p := range list {
				s.askPD(ctx, p)
			}
		}
	}
}

// askPD destroys the replica if PD knows a later set of members without it. PD's knowledge must be later than that of
// the leader that made the replica, too: a new member's leader may be ahead of PD.
func (s *Store) askPD(ctx context.Context, p *peer) {
	var resp pdrpc.CellResponse
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := s.pd.Call(ctx, "Cell", &pdrpc.CellRequest{ID: p.Cell.ID}, &resp); err != nil || !resp.Found {
		return
	}
	s.post(func(time.Time) {
		_, member := resp.Cell.Peer(p.Peer)
		if !member && !p.destroyed && resp.Cell.Epoch.ConfVer > max(p.Cell.Epoch.ConfVer, p.SeenConf) {
			s.destroy(p, "PD says so")
		}
	})
}
