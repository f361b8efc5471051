// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// backends are the connections to the stores, one an address.
type backends struct {
	mu  sync.Mutex
	all map[string]*backend
}

// backend is the line to one store. What is under way when it breaks is never answered, nor failed.
type backend struct {
	addr string

	mu      sync.Mutex
	conn    *wire.Conn
	out     chan wire.Request
	nextID  uint64
	waiting map[uint64]chan wire.Response
	failed  time.Time // last time nobody answered there
}

const (
	storeDialTimeout = 2 * time.Second
	storeRedialAfter = 200 * time.Millisecond // so that those who queued behind a failed attempt do not repeat it one by one
)

var errNotReached = errors.New("store was not reached a moment ago")

func newBackends() *backends {
	return &backends{all: map[string]*backend{}}
}

func (b *backends) to(addr string) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	line := b.all[addr]
	if line == nil {
		line = &backend{addr: addr}
		b.all[addr] = line
	}
	return line
}

// send puts a request on the line and returns where its answer will come, if ever. An error means that it surely has
// not been sent.
func (b *backend) send(r wire.Request) (<-chan wire.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil {
		if time.Since(b.failed) < storeRedialAfter {
			return nil, errNotReached
		}
		conn, err := wire.Dial(b.addr, wire.ClientGreeting, storeDialTimeout)
		if err != nil {
			b.failed = time.Now()
			return nil, err
		}
		b.conn, b.waiting, b.out = conn, map[uint64]chan wire.Response{}, make(chan wire.Request, 1024)
		go b.receive(conn)
		go b.transmit(conn, b.out)
	}
	b.nextID++
	r.ID = b.nextID
	answer := make(chan wire.Response, 1)
	b.waiting[r.ID] = answer
	b.out <- r
	return answer, nil
}

// transmit writes the requests, as many as there are in one go.
func (b *backend) transmit(conn *wire.Conn, out <-chan wire.Request) {
	for r := range out {
		err := conn.Send(r)
		if err == nil && len(out) == 0 {
			err = conn.Flush()
		}
		if err != nil {
			_ = conn.Close() // receive then tidies up
			for range out {
			}
			return
		}
	}
}

func (b *backend) receive(conn *wire.Conn) {
	for {
		var resp wire.Response
		if err := conn.Receive(&resp); err != nil {
			b.broken(conn, err)
			return
		}
		b.mu.Lock()
		answer := b.waiting[resp.ID]
		delete(b.waiting, resp.ID)
		b.mu.Unlock()
		if answer != nil {
			answer <- resp
		}
	}
}

// broken forgets the line and everything under way on it.
func (b *backend) broken(conn *wire.Conn, err error) {
	_ = conn.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	slog.Warn("connection to store broken", "store", b.addr, "error", err, "never-answered", len(b.waiting))
	close(b.out)
	b.conn, b.waiting, b.out = nil, nil, nil
}
