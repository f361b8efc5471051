// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/kv"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// Store is one store process.
type Store struct {
	cfg       Config
	pd        *pdrpc.Client
	db        *bbolt.DB
	id        ident
	transport *transport
	beats     *mailbox
	stats     counters
	started   time.Time
	done      chan struct{}

	events   chan event
	requests chan clientRequest

	// Only the loop touches what follows.
	peers  map[uint64]*peer // by cell
	graves map[uint64]record
	dirty  map[*peer]bool
	nextID uint64 // of proposals and rounds of reads

	cellCount atomic.Int64
}

// event is something for the loop to do.
type event func(now time.Time)

// clientRequest is a command and who waits for its answer.
type clientRequest struct {
	wire.Request
	from *clientConn
}

// New returns a store that does nothing yet.
func New(cfg Config) *Store {
	return &Store{
		cfg: cfg, beats: newMailbox(), started: time.Now(), done: make(chan struct{}),
		events: make(chan event, 4096), requests: make(chan clientRequest, 4096),
		peers: map[uint64]*peer{}, graves: map[uint64]record{}, dirty: map[*peer]bool{}, nextID: rand.Uint64(),
	}
}

// Run serves until ctx ends. It returns early only if the store cannot start: every such error is fatal upstream too.
func (s *Store) Run(ctx context.Context) error {
	s.pd = pdrpc.NewClient(s.cfg.PD)
	defer s.pd.Close()
	raftListener, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen on -addr: %w", err)
	}
	defer raftListener.Close()
	if s.db, err = openDB(s.cfg.Data, s.cfg.SyncLog); err != nil {
		return err
	}
	defer s.db.Close()
	if err := s.join(ctx); err != nil {
		return err
	}
	s.transport = newTransport(s)
	if err := s.loadPeers(); err != nil {
		return err
	}
	clientListener, err := net.Listen("tcp", s.cfg.AddrClient) // opens only now that PD has taken the store
	if err != nil {
		return fmt.Errorf("listen on -addr-cli: %w", err)
	}
	defer clientListener.Close()
	slog.Info("store serves", "id", s.id.StoreID, "cells", len(s.peers))

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, work := range []func(context.Context){
		s.deliverReports, s.heartbeatStore, s.pushMetrics, s.checkStale,
		func(ctx context.Context) { accept(ctx, raftListener, s.serveRaft) },
		func(ctx context.Context) { accept(ctx, clientListener, s.serveClient) },
	} {
		wg.Go(func() { work(ctx) })
	}
	s.loop(ctx)
	cancel()
	close(s.done)
	s.pd.Close()
	raftListener.Close()
	clientListener.Close()
	wg.Wait()
	return nil
}

// post hands something to the loop, unless the store ends.
func (s *Store) post(e event) {
	select {
	case s.events <- e:
	case <-s.done:
	}
}

// maxRound bounds what is taken in before the next round of writing.
const maxRound = 1024

// loop drives all cells: take in what has come, then settle it in rounds.
func (s *Store) loop(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.RaftTick)
	defer ticker.Stop()
	beat := time.NewTicker(max(s.cfg.CellHeartbeat, 100*time.Millisecond))
	defer beat.Stop()
	for {
		var requests []clientRequest
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.tick()
		case now := <-beat.C:
			for _, p := range s.peers {
				if p.leads() {
					s.heartbeatCell(p, now)
				}
			}
		case e := <-s.events:
			e(time.Now())
		case r := <-s.requests:
			requests = append(requests, r)
		}
		requests = s.drain(requests)
		now := time.Now()
		// Proposals come last: raft's log then cannot change again before their places in it are noted.
		s.take(requests)
		s.settle(now)
	}
}

func (s *Store) drain(requests []clientRequest) []clientRequest {
	for range maxRound {
		select {
		case e := <-s.events:
			e(time.Now())
		case r := <-s.requests:
			requests = append(requests, r)
		default:
			return requests
		}
	}
	return requests
}

func (s *Store) tick() {
	for _, p := range s.peers {
		p.rn.Tick()
		s.dirty[p] = true
	}
}

// take proposes writes, and begins a round of reads for each cell.
func (s *Store) take(requests []clientRequest) {
	batches := map[*peer]*readBatch{}
	for _, r := range requests {
		p := s.peers[r.Cell]
		switch {
		case p == nil || !p.initialised() || r.Cluster != s.id.ClusterID:
			r.from.reply(wire.Response{ID: r.ID, Outcome: wire.NoCell})
		case !p.leads():
			p.refuse(r)
		case kv.IsWrite(r.Args):
			s.propose(p, r)
		default:
			if batches[p] == nil {
				batches[p] = &readBatch{term: p.term()}
			}
			batches[p].requests = append(batches[p].requests, r)
		}
	}
	for p, batch := range batches {
		s.nextID++
		ctx := binary.BigEndian.AppendUint64(nil, s.nextID)
		p.reads[string(ctx)] = batch
		p.rn.ReadIndex(ctx)
		s.dirty[p] = true
	}
}

func (s *Store) propose(p *peer, r clientRequest) {
	s.nextID++
	data := appendArgs(binary.BigEndian.AppendUint64(nil, s.nextID), r.Args)
	if err := p.rn.Propose(data); err != nil {
		p.refuse(r) // dropped before it came into the log, as during a transfer
		return
	}
	p.proposals[s.nextID] = &proposal{from: r.from, id: r.ID}
	s.dirty[p] = true
}

// receive takes in what another store sent.
func (s *Store) receive(env wire.Envelope, now time.Time) {
	if env.Cluster != s.id.ClusterID || env.ToStore != s.id.StoreID {
		return
	}
	m := &raftpb.Message{}
	if !env.Remove {
		if err := proto.Unmarshal(env.Message, m); err != nil {
			slog.Error("decode raft message failed", "error", err)
			return
		}
	}
	p := s.addressee(env, m, now)
	if p == nil {
		return
	}
	if env.Remove {
		s.settle(now) // what it was told just before may be what clients wait for
		if !p.destroyed && env.ConfVer > p.Cell.Epoch.ConfVer {
			s.destroy(p, "the cell's members say so")
		}
		return
	}
	if _, member := p.Cell.Peer(env.FromPeer); !member && p.initialised() && env.ConfVer < p.Cell.Epoch.ConfVer {
		// A removed member that does not know it yet.
		s.transport.send(env.FromStore, wire.Envelope{
			Cell: env.Cell, FromPeer: p.Peer, ToPeer: env.FromPeer, ConfVer: p.Cell.Epoch.ConfVer, Remove: true,
		})
		return
	}
	p.heard[env.FromPeer], p.storeOf[env.FromPeer] = now, env.FromStore
	p.SeenConf = max(p.SeenConf, env.ConfVer)
	if err := p.rn.Step(m); err != nil && !errors.Is(err, raft.ErrStepPeerNotFound) && !errors.Is(err, raft.ErrProposalDropped) {
		slog.Warn("raft message refused", "cell", env.Cell, "error", err)
	}
	s.dirty[p] = true
}

// addressee finds the replica that is meant, and makes it if a member of the cell calls a new one into being.
func (s *Store) addressee(env wire.Envelope, m *raftpb.Message, now time.Time) *peer {
	p := s.peers[env.Cell]
	if p != nil && p.Peer == env.ToPeer {
		return p
	}
	if env.Remove || p != nil && env.ToPeer < p.Peer || s.graves[env.Cell].Peer >= env.ToPeer {
		return nil
	}
	switch m.GetType() {
	case raftpb.MsgHeartbeat, raftpb.MsgApp, raftpb.MsgSnap:
	case raftpb.MsgVote, raftpb.MsgPreVote: // the leader that added us may have died before it said anything
	default:
		return nil
	}
	if p != nil { // an older replica of ours, removed without our knowledge
		if env.ConfVer <= p.Cell.Epoch.ConfVer {
			return nil
		}
		s.destroy(p, "a newer replica takes its place")
	}
	fresh := saved{record: record{Cell: meta.Cell{ID: env.Cell}, Peer: env.ToPeer, SeenConf: env.ConfVer}, hard: &raftpb.HardState{}}
	err := s.db.Update(func(tx *bbolt.Tx) error { return putRecord(tx, fresh.record) })
	if err == nil {
		p, err = s.newPeer(fresh, now)
	}
	if err != nil {
		slog.Error("make a new replica failed", "cell", env.Cell, "error", err)
		return nil
	}
	slog.Info("new replica", "cell", env.Cell, "peer", env.ToPeer, "leader", env.FromStore)
	s.peers[env.Cell] = p
	s.cellCount.Store(int64(len(s.peers)))
	return p
}
