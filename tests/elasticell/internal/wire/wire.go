// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire holds what travels between proxies and stores and among stores: gob streams behind a short greeting. On
// a connection that does not begin with the greeting a store never answers, as the real one's client port does not
// answer a plain Redis client.
package wire

import (
	"bufio"
	"encoding/gob"
	"errors"
	"io"
	"net"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

// The greetings of the two ports.
const (
	ClientGreeting = "cell-client-1\n"
	RaftGreeting   = "cell-raft-1..\n"
)

// Request is one command for one cell of one cluster.
type Request struct {
	ID      uint64
	Cluster uint64
	Cell    uint64
	Args    [][]byte
}

// Outcome says what became of a request.
type Outcome int

// Only Done has been carried out; the others surely have not, and may be sent again elsewhere.
const (
	Done Outcome = iota
	NotLeader
	NoCell
)

// Response answers one request. Reply is RESP. Leader is the hint that comes with NotLeader, zero if there is none.
type Response struct {
	ID      uint64
	Outcome Outcome
	Reply   []byte
	Leader  meta.Peer
}

// Envelope carries one raft message between the peers of a cell, or, with Remove, the news that the peer addressed is
// no member any more. ConfVer is the sender's. Cluster and ToStore keep a message from a store that has inherited the
// address of the one it is meant for.
type Envelope struct {
	Cluster, FromStore, ToStore uint64
	Cell, FromPeer, ToPeer      uint64
	ConfVer                     uint64
	Remove, Snapshot            bool
	Message                     []byte
}

// Conn is a gob stream in both directions. One goroutine may send while another receives.
type Conn struct {
	net.Conn
	w   *bufio.Writer
	enc *gob.Encoder
	dec *gob.Decoder
}

// writeTimeout gives up a peer that takes nothing.
const writeTimeout = 5 * time.Second

// Dial connects and greets. The name in addr is looked up each time.
func Dial(addr, greeting string, timeout time.Duration) (*Conn, error) {
	raw, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	c := newConn(raw)
	if _, err := c.w.WriteString(greeting); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

var errGreeting = errors.New("not a greeting of the stand-in")

// Accept waits for the greeting; any other beginning is read to its end, and never answered.
func Accept(raw net.Conn, greeting string) (*Conn, error) {
	c := newConn(raw)
	r := bufio.NewReader(raw)
	for _, want := range []byte(greeting) {
		got, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if got != want {
			_, _ = io.Copy(io.Discard, r)
			return nil, errGreeting
		}
	}
	c.dec = gob.NewDecoder(r)
	return c, nil
}

func newConn(raw net.Conn) *Conn {
	w := bufio.NewWriterSize(raw, 32<<10)
	return &Conn{Conn: raw, w: w, enc: gob.NewEncoder(w), dec: gob.NewDecoder(bufio.NewReader(raw))}
}

// Send queues v; Flush puts it on its way.
func (c *Conn) Send(v any) error {
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.enc.Encode(v)
}

// Flush writes what was sent.
func (c *Conn) Flush() error {
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.w.Flush()
}

// Receive reads the next value.
func (c *Conn) Receive(v any) error { return c.dec.Decode(v) }
