// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// snapshotJob is the cell's snapshot on its way from being wanted to being used.
type snapshotJob struct {
	wanted  bool
	running bool
	ready   *raftpb.Snapshot
}

// image is a snapshot's content.
type image struct {
	Cell meta.Cell
	Keys [][]byte
	Vals [][]byte
}

// snapshotFor gives raft the snapshot that is ready; otherwise raft asks again at the follower's next answer. It may be
// called in the middle of a write, and so only notes the wish.
func (s *Store) snapshotFor(p *peer) (*raftpb.Snapshot, error) {
	if ready := p.snap.ready; ready != nil && ready.GetMetadata().GetIndex() >= p.TruncIndex {
		p.snap.ready = nil // the data is large: not kept for another follower
		return ready, nil
	}
	p.snap.wanted = true
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

// buildSnapshot begins to read the cell's data, as of now, aside from the loop.
func (s *Store) buildSnapshot(p *peer) {
	if !p.snap.wanted || p.snap.running || !p.initialised() || p.destroyed {
		return
	}
	tx, err := s.db.Begin(false)
	if err != nil {
		slog.Error("read for a snapshot failed", "cell", p.Cell.ID, "error", err)
		return
	}
	term, err := p.log.Term(p.applied)
	if err != nil {
		_ = tx.Rollback()
		slog.Error("term for a snapshot unknown", "cell", p.Cell.ID, "error", err)
		return
	}
	p.snap = snapshotJob{running: true}
	cell, voters, applied, epoch := p.Cell.Clone(), p.Voters, p.applied, p.Cell.Epoch
	go func() {
		data, err := readImage(tx, cell)
		_ = tx.Rollback()
		s.post(func(time.Time) {
			p.snap.running = false
			if err != nil || p.Cell.Epoch != epoch {
				return // raft will ask again
			}
			p.snap.ready = &raftpb.Snapshot{Data: data, Metadata: &raftpb.SnapshotMetadata{
				Index: &applied, Term: &term, ConfState: &raftpb.ConfState{Voters: voters},
			}}
		})
	}()
}

func readImage(tx *bbolt.Tx, cell meta.Cell) ([]byte, error) {
	img := image{Cell: cell}
	err := tx.Bucket(bucketData).Bucket(cellKey(cell.ID)).ForEach(func(k, v []byte) error {
		img.Keys, img.Vals = append(img.Keys, k), append(img.Vals, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = gob.NewEncoder(&b).Encode(img)
	return b.Bytes(), err
}

// applySnapshot replaces the replica by the snapshot's content.
func (s *Store) applySnapshot(tx *bbolt.Tx, p *peer, snap *raftpb.Snapshot) error {
	var img image
	if err := gob.NewDecoder(bytes.NewReader(snap.GetData())).Decode(&img); err != nil {
		return fmt.Errorf("decode snapshot of cell %d: %w", p.Cell.ID, err)
	}
	data, err := resetData(tx, p.Cell.ID)
	if err != nil {
		return err
	}
	for i, k := range img.Keys {
		if err := data.Put(k, img.Vals[i]); err != nil {
			return err
		}
	}
	m := snap.GetMetadata()
	p.Cell, p.Voters, p.applied = img.Cell, m.GetConfState().GetVoters(), m.GetIndex()
	p.TruncIndex, p.TruncTerm, p.logSize = m.GetIndex(), m.GetTerm(), 0
	for id, w := range p.proposals {
		if w.index <= m.GetIndex() {
			p.take(id) // whether it was carried out nobody here can tell: it stays without an answer
		}
	}
	if f := s.cfg.Switches.BreakAfterSnapshot; f > 0 && rand.Float64() < f {
		slog.Error("CELL_BREAK_AFTER_SNAPSHOT: this store will not start again", "cell", p.Cell.ID)
		p.Broken = true
	}
	slog.Info("snapshot applied", "cell", p.Cell.ID, "index", p.applied, "keys", len(img.Keys))
	if err := deleteLog(tx, p.Cell.ID, 0, ^uint64(0)); err != nil {
		return err
	}
	if err := putApplied(tx, p.Cell.ID, p.applied); err != nil {
		return err
	}
	return putRecord(tx, p.record)
}

// snapshotTimeout is how long raft waits for a follower to show that it has taken a snapshot, before sending another.
const snapshotTimeout = 15 * time.Second

// sendSnapshot sends on a connection of its own. Success is reported by nobody: the follower's next answer shows it.
func (s *Store) sendSnapshot(p *peer, to uint64, env wire.Envelope) {
	s.stats.sending.Add(1)
	env.Cluster, env.FromStore, env.ToStore, env.Snapshot = s.id.ClusterID, s.id.StoreID, to, true
	addr := s.transport.address(to)
	go func() {
		wait := snapshotTimeout + s.cfg.Switches.SnapshotDelay
		err := sendAlone(addr, env)
		s.stats.sending.Add(-1)
		s.stats.sent.Add(1)
		if err != nil {
			slog.Warn("send snapshot failed", "cell", env.Cell, "to", to, "error", err)
			wait = time.Second
		}
		select {
		case <-time.After(wait):
		case <-s.done:
			return
		}
		s.post(func(time.Time) {
			if p.destroyed || !p.leads() {
				return
			}
			// Only a follower still in the state of waiting for a snapshot takes notice.
			p.rn.ReportSnapshot(env.ToPeer, raft.SnapshotFailure)
			s.dirty[p] = true
		})
	}()
}

func sendAlone(addr string, env wire.Envelope) error {
	conn, err := wire.Dial(addr, wire.RaftGreeting, 2*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Send([]wire.Envelope{env}); err != nil {
		return err
	}
	return conn.Flush()
}

// The log is cut once it is this long, and this much is left for followers that are a little behind.
const (
	compactEntries = 4000
	compactBytes   = 4 << 20
	keepEntries    = 1000
)

// compact cuts the log of what has been applied long ago.
func (s *Store) compact(p *peer) {
	length := p.applied - min(p.applied, p.TruncIndex)
	keep := uint64(keepEntries)
	if p.logSize > compactBytes {
		keep = min(keep, 64)
	} else if length < compactEntries {
		return
	}
	if length <= keep {
		return
	}
	to := p.applied - keep
	term, err := p.log.Term(to)
	if err != nil {
		return
	}
	from := p.TruncIndex
	p.TruncIndex, p.TruncTerm, p.logSize = to, term, 0
	err = s.db.Update(func(tx *bbolt.Tx) error {
		if err := deleteLog(tx, p.Cell.ID, from, to+1); err != nil {
			return err
		}
		return putRecord(tx, p.record)
	})
	if err == nil {
		err = p.log.Compact(to)
	}
	if err != nil {
		slog.Error("cut of the log failed", "cell", p.Cell.ID, "error", err)
	}
}
