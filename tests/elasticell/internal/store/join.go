// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// A store that cannot say who it is does not start.
var (
	errNotBootstrapped = errors.New("the data dir holds a store, but PD's cluster is not bootstrapped")
	errOtherCluster    = errors.New("the data dir belongs to another cluster")
)

// joinTimeout bounds one question to PD at the start.
const joinTimeout = 30 * time.Second

// join finds out who this store is, bootstraps the cluster if it is the first, and registers.
func (s *Store) join(ctx context.Context) error {
	var info pdrpc.InfoResponse
	if err := s.ask(ctx, "Info", &pdrpc.InfoRequest{}, &info); err != nil {
		return fmt.Errorf("get cluster from pd failed: %w", err)
	}
	id, hasData, err := readIdent(s.db)
	if err != nil {
		return fmt.Errorf("read store identity: %w", err)
	}
	switch {
	case hasData && !info.Bootstrapped:
		return errNotBootstrapped
	case hasData && id.ClusterID != info.ClusterID:
		return fmt.Errorf("%w: data %d, pd %d", errOtherCluster, id.ClusterID, info.ClusterID)
	case !hasData:
		if id, err = s.newIdent(ctx, info.ClusterID); err != nil {
			return err
		}
	}
	s.id = id
	if !info.Bootstrapped {
		if err := s.bootstrap(ctx, info.Init); err != nil {
			return err
		}
	}
	if err := s.ask(ctx, "PutStore", &pdrpc.PutStoreRequest{Store: s.meta()}, &pdrpc.Empty{}); err != nil {
		return fmt.Errorf("register at pd: %w", err)
	}
	return nil
}

// newIdent takes an id and keeps it, before anything can go wrong with the registration.
func (s *Store) newIdent(ctx context.Context, cluster uint64) (ident, error) {
	var alloc pdrpc.AllocResponse
	if err := s.ask(ctx, "Alloc", &pdrpc.AllocRequest{Count: 1}, &alloc); err != nil {
		return ident{}, fmt.Errorf("alloc store id: %w", err)
	}
	id := ident{ClusterID: cluster, StoreID: alloc.First}
	return id, writeIdent(s.db, id)
}

func (s *Store) meta() meta.Store {
	return meta.Store{
		ID: s.id.StoreID, Address: s.cfg.Addr, ClientAddress: s.cfg.AddrClient,
		Labels: []meta.Label{{Key: "zone", Value: s.cfg.Zone}, {Key: "rack", Value: s.cfg.Rack}},
	}
}

func (s *Store) ask(ctx context.Context, method string, req pdrpc.Request, resp any) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	return s.pd.Call(ctx, method, req, resp)
}

// initialIndex and initialTerm are where a bootstrapped cell's log begins: above nothing, so that a new replica always
// needs a snapshot.
const (
	initialIndex = 5
	initialTerm  = 5
)

// bootstrap makes the first cells and offers them to PD. A store that loses the race keeps its cells all the same, as
// upstream's does: PD then hears of two cells for the same keys. Start one store, and only then the others.
func (s *Store) bootstrap(ctx context.Context, params *meta.InitParams) error {
	ranges := meta.InitialRanges(params)
	var alloc pdrpc.AllocResponse
	if err := s.ask(ctx, "Alloc", &pdrpc.AllocRequest{Count: uint64(2 * len(ranges))}, &alloc); err != nil {
		return fmt.Errorf("alloc cell ids: %w", err)
	}
	var cells []meta.Cell
	for i, r := range ranges {
		cell := alloc.First + uint64(2*i)
		cells = append(cells, meta.Cell{
			ID: cell, Start: r[0], End: r[1], Epoch: meta.Epoch{ConfVer: 1, CellVer: 1},
			Peers: []meta.Peer{{ID: cell + 1, StoreID: s.id.StoreID}},
		})
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error { return writeInitial(tx, cells) }); err != nil {
		return fmt.Errorf("write first cells: %w", err)
	}
	time.Sleep(s.cfg.Switches.BootstrapDelay)
	var resp pdrpc.BootstrapResponse
	if err := s.ask(ctx, "Bootstrap", &pdrpc.BootstrapRequest{Store: s.meta(), Cells: cells}, &resp); err != nil {
		return fmt.Errorf("bootstrap cluster: %w", err)
	}
	slog.Info("bootstrapped", "cells", len(cells), "another-store-was-first", resp.Already)
	return nil
}

func writeInitial(tx *bbolt.Tx, cells []meta.Cell) error {
	for _, cell := range cells {
		index, term := uint64(initialIndex), uint64(initialTerm)
		r := record{Cell: cell, Peer: cell.Peers[0].ID, Voters: []uint64{cell.Peers[0].ID}, TruncIndex: index, TruncTerm: term}
		_, err := resetData(tx, cell.ID)
		if err := errors.Join(err, putRecord(tx, r), putApplied(tx, cell.ID, index),
			putHardState(tx, cell.ID, &raftpb.HardState{Term: &term, Commit: &index})); err != nil {
			return err
		}
	}
	return nil
}

// loadPeers starts the raft group of every replica on disk. One that a snapshot has spoilt keeps the whole store from
// starting, for good.
func (s *Store) loadPeers() error {
	var all []saved
	err := s.db.View(func(tx *bbolt.Tx) (err error) { all, err = readSaved(tx); return err })
	if err != nil {
		return fmt.Errorf("read cells: %w", err)
	}
	now := time.Now()
	for _, sv := range all {
		if sv.Tombstone {
			s.graves[sv.Cell.ID] = sv.record
			continue
		}
		if sv.Broken {
			return fmt.Errorf("find no peer for store %d in cell %d peers:<> peers:<>", s.id.StoreID, sv.Cell.ID)
		}
		p, err := s.newPeer(sv, now)
		if err != nil {
			return err
		}
		if len(sv.Voters) == 1 && sv.Voters[0] == sv.Peer {
			_ = p.rn.Campaign() // alone: nobody else could
			s.dirty[p] = true
		}
		s.peers[sv.Cell.ID] = p
	}
	s.cellCount.Store(int64(len(s.peers)))
	return nil
}
