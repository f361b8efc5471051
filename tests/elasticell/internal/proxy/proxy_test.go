// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// fakePD answers a proxy's questions.
type fakePD struct {
	mu      sync.Mutex
	offset  pdrpc.Offset
	routes  []pdrpc.Route
	failing bool
	fetched int
}

func (f *fakePD) Routes(_ *pdrpc.RoutesRequest, resp *pdrpc.RoutesResponse) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing {
		return errors.New("cluster not bootstrapped")
	}
	f.fetched++
	resp.Offset, resp.Routes, resp.Stores = f.offset, f.routes, []meta.Store{{ID: 1, ClientAddress: "127.0.0.1:1"}}
	return nil
}

func (f *fakePD) Watch(*pdrpc.WatchRequest, *pdrpc.Empty) error { return nil }

func (f *fakePD) WatchHeartbeat(_ *pdrpc.WatchHeartbeatRequest, resp *pdrpc.WatchHeartbeatResponse) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	resp.Offset = f.offset
	return nil
}

func (f *fakePD) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func start(t *testing.T, f *fakePD) (p *Proxy, ended <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := rpc.NewServer()
	require.NoError(t, server.RegisterName(pdrpc.Service, f))
	go server.Accept(l)
	t.Cleanup(func() { _ = l.Close() })
	p = New(Config{Addr: "127.0.0.1:0", AddrNotify: "127.0.0.1:0", PDAddrs: []string{l.Addr().String()}, WorkerCount: 2, WatcherHeartbeatSec: 1})
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { done <- p.Run(ctx) }()
	return p, done
}

// A heartbeat tells of changes that were not pushed; they are fetched, and a fetch that fails is the proxy's end.
func TestFailedRefreshIsFatal(t *testing.T) {
	f := &fakePD{offset: pdrpc.Offset{Stream: 1}}
	_, ended := start(t, f)
	fetched := func(n int) func() bool {
		return func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.fetched == n }
	}
	require.Eventually(t, fetched(1), 5*time.Second, 10*time.Millisecond)
	f.change(func() { f.offset.Seq++ })
	require.Eventually(t, fetched(2), 5*time.Second, 10*time.Millisecond)
	f.change(func() { f.offset.Stream, f.failing = 2, true })
	select {
	case err := <-ended:
		require.ErrorIs(t, err, errRefresh)
		assert.ErrorContains(t, err, "get cell ranges from pd failed")
	case <-time.After(10 * time.Second):
		t.Fatal("the proxy goes on")
	}
}

func TestPushedRoutes(t *testing.T) {
	a, b := meta.Peer{ID: 11, StoreID: 1}, meta.Peer{ID: 12, StoreID: 2}
	cell := meta.Cell{ID: 1, Epoch: meta.Epoch{ConfVer: 2, CellVer: 1}, Peers: []meta.Peer{a, b}}
	older := cell
	older.Epoch.ConfVer = 1
	r := &routes{
		cells: []pdrpc.Route{{Cell: cell, Leader: a}}, offset: pdrpc.Offset{Stream: 1, Seq: 5},
		stores: map[uint64]meta.Store{1: {ID: 1, ClientAddress: "one:6370"}, 2: {ID: 2, ClientAddress: "two:6370"}},
	}
	r.apply(&pdrpc.Notification{After: pdrpc.Offset{Stream: 1, Seq: 5}, Offset: pdrpc.Offset{Stream: 1, Seq: 6}, Routes: []pdrpc.Route{{Cell: cell, Leader: b}}})
	assert.Equal(t, "two:6370", r.find([]byte("x"), true).addr)
	assert.Equal(t, uint64(6), r.at().Seq)
	r.apply(&pdrpc.Notification{After: pdrpc.Offset{Stream: 1, Seq: 7}, Offset: pdrpc.Offset{Stream: 1, Seq: 8}, Routes: []pdrpc.Route{{Cell: older, Leader: a}}})
	assert.Equal(t, "two:6370", r.find([]byte("x"), true).addr, "news of an older cell is none")
	assert.Equal(t, uint64(6), r.at().Seq, "a gap shows at the next heartbeat")
	r.hint(1, b, a)
	assert.Equal(t, "one:6370", r.find(nil, false).addr)
	r.hint(1, b, meta.Peer{ID: 13, StoreID: 3})
	assert.Equal(t, "one:6370", r.find(nil, false).addr, "a hint against a leader that is none any more")
}

func TestConfig(t *testing.T) {
	whole := `{"addr":":6379","addrNotify":"h:9998","watcherHeartbeatSec":5,"pdAddrs":["h:20800"],"maxRetries":100,"retryDuration":2000,"workerCount":2,"supportCMDs":["PING","get"]}`
	for _, test := range []struct{ name, content, want string }{
		{"whole", whole, ""}, {"not JSON", "{", "parse -cfg"}, {"no addr", `{}`, "addr must be set"},
		{"workerCount", `{"addr":"a","addrNotify":"b","pdAddrs":["c"],"workerCount":3}`, "must be a power of two"},
		{"no PD", `{"addr":"a","addrNotify":"b","workerCount":2}`, "pdAddrs must be set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cfg.json")
			require.NoError(t, os.WriteFile(file, []byte(test.content), 0o600))
			cfg, err := ReadConfig(file)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, map[string]bool{"ping": true, "get": true}, cfg.supported())
			assert.Equal(t, 5*time.Second, cfg.heartbeat())
		})
	}
}
