// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/kv"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// counters are the store's figures. sending and receiving are the snapshots at work now, the others count from the start.
type counters struct {
	sending, receiving        atomic.Int64
	sent, received            atomic.Uint64
	writtenBytes, writtenKeys atomic.Uint64
}

func (c *counters) written(args [][]byte) {
	if !kv.IsWrite(args) {
		return
	}
	n := 0
	for _, a := range args[1:] {
		n += len(a)
	}
	c.writtenKeys.Add(1)
	c.writtenBytes.Add(uint64(n))
}

// callTimeout is longer than the PD client's own limit for one call, so that the client notices a dead connection.
const callTimeout = 15 * time.Second

// heartbeatStore reports to PD while the store lives. A refusal changes nothing: a tombstoned store goes on, too.
func (s *Store) heartbeatStore(ctx context.Context) {
	ticker := time.NewTicker(max(s.cfg.StoreHeartbeat, 100*time.Millisecond))
	defer ticker.Stop()
	for {
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		err := s.pd.Call(callCtx, "StoreHeartbeat", &pdrpc.StoreHeartbeatRequest{Stats: s.report()}, &pdrpc.Empty{})
		cancel()
		if err != nil && ctx.Err() == nil {
			slog.Error("store heartbeat failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Store) report() meta.StoreStats {
	capacity, available := s.disk()
	return meta.StoreStats{
		StoreID: s.id.StoreID, Capacity: capacity, Available: available, UsedSize: s.usedSize(),
		CellCount: uint32(s.cellCount.Load()), StartTime: uint32(s.started.Unix()),
		SendingSnapCount: uint32(s.stats.sending.Load()), ReceivingSnapCount: uint32(s.stats.receiving.Load()),
		BytesWritten: s.stats.writtenBytes.Load(), LogLevel: 15,
	}
}

// disk is the state of the file system that the data stands on, not of the volume's quota.
func (s *Store) disk() (capacity, available uint64) {
	if s.cfg.Switches.Capacity > 0 {
		return s.cfg.Switches.Capacity, s.cfg.Switches.Available
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(s.cfg.Data, &fs); err != nil {
		slog.Error("statfs of the data dir failed", "error", err)
		return 0, 0
	}
	return fs.Blocks * uint64(fs.Bsize), fs.Bavail * uint64(fs.Bsize)
}

func (s *Store) usedSize() uint64 {
	info, err := os.Stat(filepath.Join(s.cfg.Data, "cell.db"))
	if err != nil {
		return 0
	}
	return uint64(info.Size())
}

// mailbox holds the newest report of each cell until it has been sent; PD is never waited for by the loop.
type mailbox struct {
	mu      sync.Mutex
	reports map[uint64]*pdrpc.CellHeartbeatRequest
	wake    chan struct{}
}

func newMailbox() *mailbox {
	return &mailbox{reports: map[uint64]*pdrpc.CellHeartbeatRequest{}, wake: make(chan struct{}, 1)}
}

func (m *mailbox) put(r *pdrpc.CellHeartbeatRequest) {
	m.mu.Lock()
	m.reports[r.Cell.ID] = r
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) takeAll() []*pdrpc.CellHeartbeatRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*pdrpc.CellHeartbeatRequest, 0, len(m.reports))
	for cell, r := range m.reports {
		all = append(all, r)
		delete(m.reports, cell)
	}
	return all
}

// heartbeatCell queues a leader's report.
func (s *Store) heartbeatCell(p *peer, now time.Time) {
	s.beats.put(&pdrpc.CellHeartbeatRequest{
		Cell: p.Cell.Clone(), Leader: p.self(s.id.StoreID), Term: p.term(),
		Down: p.downPeers(now, s.cfg.PeerDown), Pending: p.pendingPeers(),
	})
}

// deliverReports sends the queued reports and hands PD's orders to the loop.
func (s *Store) deliverReports(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.beats.wake:
		}
		for _, r := range s.beats.takeAll() {
			var resp pdrpc.CellHeartbeatResponse
			callCtx, cancel := context.WithTimeout(ctx, callTimeout)
			err := s.pd.Call(callCtx, "CellHeartbeat", r, &resp)
			cancel()
			if err != nil {
				if ctx.Err() == nil {
					slog.Warn("cell heartbeat failed", "cell", r.Cell.ID, "error", err)
				}
				continue
			}
			s.post(func(now time.Time) {
				if p := s.peers[r.Cell.ID]; p != nil {
					s.obey(p, pdOrder{resp, r.Cell.Epoch}, now)
				}
			})
		}
	}
}
