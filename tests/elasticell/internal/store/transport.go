// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// transport carries raft messages to other stores, one connection each. What cannot be sent is dropped: raft repeats.
type transport struct {
	s *Store

	mu    sync.Mutex
	addrs map[uint64]string
	lines map[uint64]chan wire.Envelope
	asked time.Time // when PD was last asked for addresses
}

const (
	lineLength  = 4096
	dialTimeout = 2 * time.Second
)

func newTransport(s *Store) *transport {
	return &transport{s: s, addrs: map[uint64]string{}, lines: map[uint64]chan wire.Envelope{}}
}

// send queues a message for a store; to store 0, which nobody knows, it goes nowhere.
func (t *transport) send(store uint64, env wire.Envelope) {
	if store == 0 {
		return
	}
	env.Cluster, env.FromStore, env.ToStore = t.s.id.ClusterID, t.s.id.StoreID, store
	t.mu.Lock()
	line := t.lines[store]
	if line == nil {
		line = make(chan wire.Envelope, lineLength)
		t.lines[store] = line
		go t.deliver(store, line)
	}
	t.mu.Unlock()
	select {
	case line <- env:
	default:
	}
}

// deliver sends what is queued for one store, in batches.
func (t *transport) deliver(store uint64, line chan wire.Envelope) {
	var conn *wire.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for {
		var batch []wire.Envelope
		select {
		case <-t.s.done:
			return
		case env := <-line:
			batch = append(batch, env)
		}
		for more := true; more && len(batch) < 256; {
			select {
			case env := <-line:
				batch = append(batch, env)
			default:
				more = false
			}
		}
		var err error
		if conn, err = t.write(conn, store, batch); err != nil {
			slog.Debug("store not reached", "store", store, "error", err)
			t.unreachable(store, batch)
			select {
			case <-time.After(200 * time.Millisecond):
			case <-t.s.done:
				return
			}
		}
	}
}

var errNoAddress = errors.New("address of the store unknown")

// write sends on the connection or on a new one; it returns the connection that is good for more, or nil.
func (t *transport) write(conn *wire.Conn, store uint64, batch []wire.Envelope) (*wire.Conn, error) {
	if conn == nil {
		addr := t.address(store)
		if addr == "" {
			t.refresh()
			return nil, errNoAddress
		}
		var err error
		if conn, err = wire.Dial(addr, wire.RaftGreeting, dialTimeout); err != nil {
			t.refresh()
			return nil, err
		}
		go closeWhenPeerDoes(conn)
	}
	if err := errors.Join(conn.Send(batch), conn.Flush()); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// closeWhenPeerDoes notices the end of a connection on which nothing is ever received.
func closeWhenPeerDoes(conn *wire.Conn) {
	var nothing struct{ X int }
	_ = conn.Receive(&nothing)
	_ = conn.Close()
}

func (t *transport) unreachable(store uint64, batch []wire.Envelope) {
	t.s.post(func(time.Time) {
		for _, env := range batch {
			if p := t.s.peers[env.Cell]; p != nil && p.store(env.ToPeer) == store {
				p.rn.ReportUnreachable(env.ToPeer)
			}
		}
	})
}

func (t *transport) address(store uint64) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addrs[store]
}

// refreshEvery keeps a dead store from making us ask PD all the time.
const refreshEvery = time.Second

// refresh asks PD where the stores are, once in a while.
func (t *transport) refresh() {
	t.mu.Lock()
	if time.Since(t.asked) < refreshEvery {
		t.mu.Unlock()
		return
	}
	t.asked = time.Now()
	t.mu.Unlock()
	var resp pdrpc.StoresResponse
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := t.s.pd.Call(ctx, "Stores", &pdrpc.StoresRequest{}, &resp); err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, store := range resp.Stores {
		t.addrs[store.ID] = store.Address
	}
}

// accept serves each connection until ctx ends, and closes all of them then.
func accept(ctx context.Context, l net.Listener, serve func(net.Conn)) {
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for conn := range open {
			_ = conn.Close()
		}
	})
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			break
		}
		mu.Lock()
		open[conn] = true
		mu.Unlock()
		wg.Go(func() {
			serve(conn)
			_ = conn.Close()
			mu.Lock()
			delete(open, conn)
			mu.Unlock()
		})
		if ctx.Err() != nil {
			_ = conn.Close()
		}
	}
	wg.Wait()
}

// serveRaft receives from another store.
func (s *Store) serveRaft(raw net.Conn) {
	conn, err := wire.Accept(raw, wire.RaftGreeting)
	if err != nil {
		return
	}
	for {
		var batch []wire.Envelope
		if err := conn.Receive(&batch); err != nil {
			return
		}
		s.deliverBatch(batch)
	}
}
