// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// clientConn is a proxy's connection. The loop only ever queues on it.
type clientConn struct {
	conn *wire.Conn
	out  chan wire.Response
	gone chan struct{}
}

// reply queues an answer. A proxy that does not read is cut off: the loop waits for nobody.
func (c *clientConn) reply(r wire.Response) {
	select {
	case c.out <- r:
	case <-c.gone:
	default:
		_ = c.conn.Close()
	}
}

// serveClient serves one proxy. A plain Redis client is never answered.
func (s *Store) serveClient(raw net.Conn) {
	conn, err := wire.Accept(raw, wire.ClientGreeting)
	if err != nil {
		return
	}
	c := &clientConn{conn: conn, out: make(chan wire.Response, 4096), gone: make(chan struct{})}
	defer close(c.gone)
	go c.write()
	for {
		var r wire.Request
		if err := conn.Receive(&r); err != nil {
			return
		}
		select {
		case s.requests <- clientRequest{r, c}:
		case <-s.done:
			return
		}
	}
}

func (c *clientConn) write() {
	for {
		select {
		case <-c.gone:
			return
		case r := <-c.out:
			err := c.conn.Send(r)
			if len(c.out) == 0 {
				err = errors.Join(err, c.conn.Flush())
			}
			if err != nil {
				_ = c.conn.Close()
				return
			}
		}
	}
}

// deliverBatch hands messages to the loop; a snapshot is held back for a while, during which its receiver has no data.
func (s *Store) deliverBatch(batch []wire.Envelope) {
	if len(batch) == 1 && batch[0].Snapshot {
		s.stats.receiving.Add(1)
		s.stats.received.Add(1)
		defer s.stats.receiving.Add(-1)
		select {
		case <-time.After(s.cfg.Switches.SnapshotDelay):
		case <-s.done:
			return
		}
	}
	s.post(func(now time.Time) {
		for _, env := range batch {
			s.receive(env, now)
		}
	})
}

// appendArgs and decodeArgs are how a command stands in the log.
func appendArgs(b []byte, args [][]byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(args)))
	for _, a := range args {
		b = binary.AppendUvarint(b, uint64(len(a)))
		b = append(b, a...)
	}
	return b
}

var errArgs = errors.New("command in the log is not understood")

func decodeArgs(b []byte) ([][]byte, error) {
	next := func() (uint64, bool) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return 0, false
		}
		b = b[size:]
		return n, true
	}
	count, ok := next()
	if !ok || count > uint64(len(b)) {
		return nil, errArgs
	}
	args := make([][]byte, 0, count)
	for range count {
		n, ok := next()
		if !ok || n > uint64(len(b)) {
			return nil, errArgs
		}
		args, b = append(args, b[:n:n]), b[n:]
	}
	return args, nil
}
