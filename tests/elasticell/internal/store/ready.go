// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/kv"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/program"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// step is what one replica's raft wants done in a round, and what comes out of it.
type step struct {
	p       *peer
	rd      raft.Ready
	replies []pendingReply
	changed bool            // the members changed
	removed []wire.Envelope // news for members that were removed
}

type pendingReply struct {
	to   *clientConn
	resp wire.Response
}

// settle lets all replicas that have something to do, do it: write in one transaction, then send, apply and answer,
// until nothing is left.
func (s *Store) settle(now time.Time) {
	for {
		var steps []*step
		for p := range s.dirty {
			if p.destroyed || !p.rn.HasReady() {
				delete(s.dirty, p)
				continue
			}
			steps = append(steps, &step{p: p, rd: p.rn.Ready()})
		}
		if len(steps) == 0 {
			return
		}
		if err := s.write(steps, now); err != nil {
			program.Fatal("write data failed", "error", err)
		}
		for _, st := range steps {
			s.finish(st, now)
		}
		s.serveReads(steps)
	}
}

// write makes durable what has to be before any message or reply goes out.
func (s *Store) write(steps []*step, now time.Time) error {
	needed := false
	for _, st := range steps {
		rd := st.rd
		needed = needed || len(rd.Entries)+len(rd.CommittedEntries) > 0 || !raft.IsEmptyHardState(rd.HardState) || !raft.IsEmptySnap(rd.Snapshot)
	}
	if !needed {
		return nil
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, st := range steps {
			if err := s.writeOne(tx, st, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) writeOne(tx *bbolt.Tx, st *step, now time.Time) error {
	p, rd := st.p, st.rd
	if !raft.IsEmptySnap(rd.Snapshot) {
		if err := s.applySnapshot(tx, p, rd.Snapshot); err != nil {
			return err
		}
	}
	if len(rd.Entries) > 0 {
		if err := putEntries(tx, p.Cell.ID, rd.Entries); err != nil {
			return err
		}
		p.note(rd.Entries)
	}
	if !raft.IsEmptyHardState(rd.HardState) {
		if err := putHardState(tx, p.Cell.ID, rd.HardState); err != nil {
			return err
		}
	}
	for _, e := range rd.CommittedEntries {
		if err := s.apply(tx, st, e, now); err != nil {
			return err
		}
	}
	if p.destroyed {
		return bury(tx, p.record)
	}
	if len(rd.CommittedEntries) > 0 {
		if err := putApplied(tx, p.Cell.ID, p.applied); err != nil {
			return err
		}
	}
	if st.changed {
		return putRecord(tx, p.record)
	}
	return nil
}

// note remembers at which index each of our proposals stands, to see later if another entry took its place.
func (p *peer) note(entries []*raftpb.Entry) {
	for _, e := range entries {
		p.logSize += len(e.GetData())
		if id, ok := proposalID(e); ok && p.proposals[id] != nil {
			p.proposals[id].index = e.GetIndex()
			p.byIndex[e.GetIndex()] = id
		}
	}
}

func proposalID(e *raftpb.Entry) (uint64, bool) {
	if e.GetType() != raftpb.EntryNormal || len(e.GetData()) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(e.GetData()), true
}

// apply carries out one committed entry.
func (s *Store) apply(tx *bbolt.Tx, st *step, e *raftpb.Entry, now time.Time) error {
	p := st.p
	if p.destroyed {
		return nil
	}
	p.applied = e.GetIndex()
	if e.GetType() == raftpb.EntryConfChange {
		return s.applyConfChange(st, e, now)
	}
	id, ok := proposalID(e)
	if waiting, ours := p.byIndex[e.GetIndex()]; ours && (!ok || waiting != id) {
		// Another leader's entry took the place of ours, which will never be carried out.
		if w := p.take(waiting); w != nil {
			st.replies = append(st.replies, pendingReply{w.from, wire.Response{ID: w.id, Outcome: wire.NotLeader, Leader: p.leader()}})
		}
	}
	if !ok {
		return nil
	}
	args, err := decodeArgs(e.GetData()[8:])
	if err != nil {
		return err
	}
	reply := kv.Apply(tx.Bucket(bucketData).Bucket(cellKey(p.Cell.ID)), args)
	s.stats.written(args)
	if w := p.take(id); w != nil {
		st.replies = append(st.replies, pendingReply{w.from, wire.Response{ID: w.id, Reply: reply}})
	}
	return nil
}

// take removes a proposal that has been decided.
func (p *peer) take(id uint64) *proposal {
	w := p.proposals[id]
	if w != nil {
		delete(p.proposals, id)
		delete(p.byIndex, w.index)
	}
	return w
}

// finish does what may be done once the round is durable.
func (s *Store) finish(st *step, now time.Time) {
	p, rd := st.p, st.rd
	if p.destroyed {
		s.drop(p)
		for _, r := range st.replies {
			r.to.reply(r.resp)
		}
		return
	}
	if err := p.remember(rd); err != nil {
		program.Fatal("raft log in memory is at odds with itself", "cell", p.Cell.ID, "error", err)
	}
	for _, m := range rd.Messages {
		s.send(p, m)
	}
	for _, env := range st.removed {
		s.transport.send(p.storeOf[env.ToPeer], env)
	}
	for _, r := range st.replies {
		r.to.reply(r.resp)
	}
	for _, state := range rd.ReadStates {
		if batch := p.reads[string(state.RequestCtx)]; batch != nil {
			delete(p.reads, string(state.RequestCtx))
			batch.index = state.Index
			p.readable = append(p.readable, batch)
		}
	}
	p.rn.Advance(rd)
	s.afterRound(st, now)
	s.compact(p)
	s.buildSnapshot(p)
}

// remember brings the log in memory to where the file is.
func (p *peer) remember(rd raft.Ready) error {
	if !raft.IsEmptySnap(rd.Snapshot) {
		if err := p.log.ApplySnapshot(rd.Snapshot); err != nil {
			return err
		}
	}
	if !raft.IsEmptyHardState(rd.HardState) {
		if err := p.log.SetHardState(rd.HardState); err != nil {
			return err
		}
	}
	return p.log.Append(rd.Entries)
}

// afterRound notices changes of leadership and membership.
func (s *Store) afterRound(st *step, now time.Time) {
	p := st.p
	leads := p.leads()
	if p.rn.BasicStatus().Lead != raft.None {
		p.leaderSeen = now
	}
	switch {
	case leads && p.leaderSince.IsZero():
		p.leaderSince, p.leaderIndex = now, p.log.lastIndex()
		slog.Info("this store leads the cell", "cell", p.Cell.ID, "term", p.term())
		s.heartbeatCell(p, now)
	case !leads:
		p.leaderSince = time.Time{}
	}
	p.failReads(leads)
	if st.changed && leads {
		s.heartbeatCell(p, now)
		if s.cfg.Switches.CrashOnPeerChange > 0 && rand.Float64() < s.cfg.Switches.CrashOnPeerChange {
			slog.Error("CELL_CRASH_ON_PEER_CHANGE: this leader dies in a change of peers", "cell", p.Cell.ID)
			var nothing *peer
			_ = nothing.proposals // as doApplyReads and proposeBatch.pop do upstream
		}
	}
}

// failReads sends away the reads that no leader of this term can confirm any more.
func (p *peer) failReads(leads bool) {
	for ctx, batch := range p.reads {
		if !leads || batch.term != p.term() {
			delete(p.reads, ctx)
			for _, r := range batch.requests {
				p.refuse(r)
			}
		}
	}
}

// serveReads answers the reads whose index has been applied.
func (s *Store) serveReads(steps []*step) {
	for _, st := range steps {
		p := st.p
		if len(p.readable) == 0 || p.destroyed {
			continue
		}
		var later []*readBatch
		err := s.db.View(func(tx *bbolt.Tx) error {
			data := tx.Bucket(bucketData).Bucket(cellKey(p.Cell.ID))
			for _, batch := range p.readable {
				if batch.index > p.applied {
					later = append(later, batch)
					continue
				}
				for _, r := range batch.requests {
					r.from.reply(wire.Response{ID: r.ID, Reply: kv.Apply(data, r.Args)})
				}
			}
			return nil
		})
		if err != nil {
			program.Fatal("read data failed", "error", err)
		}
		p.readable = later
	}
}

// send puts a raft message on its way; a snapshot goes on a connection of its own.
func (s *Store) send(p *peer, m *raftpb.Message) {
	b, err := proto.Marshal(m)
	if err != nil {
		slog.Error("encode raft message failed", "error", err)
		return
	}
	env := wire.Envelope{Cell: p.Cell.ID, FromPeer: p.Peer, ToPeer: m.GetTo(), ConfVer: p.Cell.Epoch.ConfVer, Message: b}
	to := p.store(m.GetTo())
	if m.GetType() == raftpb.MsgSnap {
		s.sendSnapshot(p, to, env)
		return
	}
	s.transport.send(to, env)
}
