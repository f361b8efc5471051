// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// peer is this store's replica of one cell. Only the store's loop touches it.
type peer struct {
	record
	rn      *raft.RawNode
	log     *raftLog
	applied uint64
	logSize int // bytes of entries since the last compaction, about

	proposals map[uint64]*proposal // by the id in the entry
	byIndex   map[uint64]uint64    // log index of a proposal -> its id
	reads     map[string]*readBatch
	readable  []*readBatch // confirmed, waiting for the applied index

	heard       map[uint64]time.Time // last message of each peer, by peer id
	storeOf     map[uint64]uint64    // store of each peer ever heard of
	leaderSince time.Time            // zero while this replica does not lead
	leaderIndex uint64               // the log's end when it began to
	leaderSeen  time.Time            // when a leader was last known
	snap        snapshotJob
	destroyed   bool
}

// proposal is a write that is in the log and not yet answered.
type proposal struct {
	from  *clientConn
	id    uint64 // of the client's request
	index uint64
}

// readBatch are reads that one round of heartbeats confirms.
type readBatch struct {
	term     uint64
	index    uint64
	requests []clientRequest
}

// newPeer starts the raft group of a replica.
func (s *Store) newPeer(sv saved, now time.Time) (*peer, error) {
	ms, err := restoreLog(sv)
	if err != nil {
		return nil, err
	}
	p := &peer{
		record: sv.record, applied: sv.applied,
		proposals: map[uint64]*proposal{}, byIndex: map[uint64]uint64{}, reads: map[string]*readBatch{},
		heard: map[uint64]time.Time{}, storeOf: map[uint64]uint64{}, leaderSeen: now,
	}
	p.log = &raftLog{ms, func() (*raftpb.Snapshot, error) { return s.snapshotFor(p) }}
	p.rn, err = raft.NewRawNode(&raft.Config{
		ID: p.Peer, Applied: p.applied, Storage: p.log, Logger: quietLogger{},
		ElectionTick: s.cfg.ElectionTicks, HeartbeatTick: s.cfg.HeartbeatTicks,
		MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, MaxUncommittedEntriesSize: 64 << 20, MaxCommittedSizePerReady: 4 << 20,
		CheckQuorum: true, PreVote: true, ReadOnlyOption: raft.ReadOnlySafe,
		DisableProposalForwarding: true, StepDownOnRemoval: true,
	})
	if err != nil {
		return nil, fmt.Errorf("start raft of cell %d: %w", p.Cell.ID, err)
	}
	return p, nil
}

func (p *peer) initialised() bool { return len(p.Voters) > 0 }

func (p *peer) leads() bool { return p.rn.BasicStatus().RaftState == raft.StateLeader }

func (p *peer) term() uint64 { return p.rn.BasicStatus().GetTerm() }

// leader is the peer that leads, as far as this one knows; zero if it knows none.
func (p *peer) leader() meta.Peer {
	l, _ := p.Cell.Peer(p.rn.BasicStatus().Lead)
	return l
}

// store returns where to send what is meant for the peer.
func (p *peer) store(id uint64) uint64 {
	if known, ok := p.Cell.Peer(id); ok {
		return known.StoreID
	}
	return p.storeOf[id]
}

// self is this replica as a member of its cell.
func (p *peer) self(store uint64) meta.Peer { return meta.Peer{ID: p.Peer, StoreID: store} }

// ages of silence: what the leader reports to PD as down, and what it holds for sound itself.
func (p *peer) downPeers(now time.Time, limit time.Duration) []meta.DownPeer {
	var down []meta.DownPeer
	for _, other := range p.Cell.Peers {
		silent := now.Sub(p.lastHeard(other.ID))
		if other.ID != p.Peer && silent >= limit {
			down = append(down, meta.DownPeer{Peer: other, DownSeconds: uint64(silent / time.Second)})
		}
	}
	return down
}

// lastHeard is at the earliest the moment this replica became leader: before that nobody spoke to it.
func (p *peer) lastHeard(id uint64) time.Time {
	if t := p.heard[id]; t.After(p.leaderSince) {
		return t
	}
	return p.leaderSince
}

// pendingPeers are the members to which the leader has yet to copy the data.
func (p *peer) pendingPeers() []meta.Peer {
	var pending []meta.Peer
	p.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		if member, ok := p.Cell.Peer(id); ok && id != p.Peer && pr.Match < p.TruncIndex {
			pending = append(pending, member)
		}
	})
	slices.SortFunc(pending, func(a, b meta.Peer) int { return int(a.ID) - int(b.ID) })
	return pending
}

// soundPeers are the members that have the data and were heard of within the limit.
func (p *peer) soundPeers(now time.Time, limit time.Duration) []uint64 {
	sound := []uint64{p.Peer}
	p.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		if id != p.Peer && pr.Match >= p.TruncIndex && now.Sub(p.lastHeard(id)) <= limit {
			sound = append(sound, id)
		}
	})
	return sound
}

// refuse answers with "not leader" and whatever is known of the leader: the request was surely not carried out.
func (p *peer) refuse(r clientRequest) {
	r.from.reply(wire.Response{ID: r.ID, Outcome: wire.NotLeader, Leader: p.leader()})
}
