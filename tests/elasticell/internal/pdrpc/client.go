// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdrpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/rpc"
	"os"
	"reflect"
	"strconv"
	"sync"
	"time"
)

// ErrClosing is what every call answers after one failed pass over the list: upstream's client never comes back from it.
var ErrClosing = errors.New("grpc: the client connection is closing")

// Client calls PD at the first address that accepts a connection. When that breaks, it goes once over the list; a dead
// address costs DialWait, during which every caller waits; if none answers, the client is closed for good.
type Client struct {
	Addrs       []string
	DialWait    time.Duration // for one address; refused or silent alike
	CallTimeout time.Duration // for one call on a live connection

	mu     sync.Mutex
	conn   *rpc.Client
	closed bool
}

// NewClient returns a client with upstream's five seconds, or CELL_PD_DIAL_WAIT_MS.
func NewClient(addrs []string) *Client {
	wait := 5 * time.Second
	if ms, err := strconv.Atoi(os.Getenv("CELL_PD_DIAL_WAIT_MS")); err == nil && ms > 0 {
		wait = time.Duration(ms) * time.Millisecond
	}
	return &Client{Addrs: addrs, DialWait: wait, CallTimeout: 5 * time.Second}
}

// Call asks PD. Refusals come back as PD worded them. A PD that knows no leader is asked again until ctx ends.
func (c *Client) Call(ctx context.Context, method string, req Request, resp any) error {
	for {
		conn, err := c.connect(nil)
		if err != nil {
			return err
		}
		err = CallOnce(ctx, conn, Service+"."+method, req, resp, c.CallTimeout)
		var refused rpc.ServerError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused):
			if string(refused) != NotLeader {
				return err
			}
			if err := sleep(ctx, 200*time.Millisecond); err != nil {
				return fmt.Errorf("call PD %s: %s: %w", method, NotLeader, err)
			}
		case ctx.Err() != nil:
			return fmt.Errorf("call PD %s: %w", method, ctx.Err())
		default:
			slog.Warn("connection to PD broken", "method", method, "error", err)
			if _, err := c.connect(conn); err != nil {
				return err
			}
		}
	}
}

// Refused says whether err is PD's refusal with this text.
func Refused(err error, text string) bool {
	var refused rpc.ServerError
	return errors.As(err, &refused) && string(refused) == text
}

// connect returns the connection, making a new one if there is none or the present one is the broken one. Holding the
// lock while it dials is on purpose: so does upstream, and all callers stall with it.
func (c *Client) connect(broken *rpc.Client) (*rpc.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosing
	}
	if c.conn != nil && c.conn != broken {
		return c.conn, nil
	}
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
	for _, addr := range c.Addrs {
		conn, err := dialFor(addr, c.DialWait)
		if err != nil {
			slog.Warn("PD does not answer", "address", addr, "error", err)
			continue
		}
		c.conn = rpc.NewClient(&deadlineConn{Conn: conn})
		return c.conn, nil
	}
	c.closed = true
	slog.Error("no PD answered in one pass over the list; giving up for good", "addresses", c.Addrs)
	return nil, ErrClosing
}

// Close ends the client.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// dialFor tries one address again and again until wait is over; the name is looked up afresh each time.
func dialFor(addr string, wait time.Duration) (net.Conn, error) {
	deadline := time.Now().Add(wait)
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Until(deadline))
		if err == nil {
			return conn, nil
		}
		if time.Until(deadline) <= 200*time.Millisecond {
			time.Sleep(time.Until(deadline))
			return nil, err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// CallOnce makes one call. After an error that is no refusal the connection must not be used again. The answer is
// received in a value of its own, so that one that comes too late disturbs nobody.
func CallOnce(ctx context.Context, conn *rpc.Client, method string, req, resp any, timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	received := reflect.New(reflect.TypeOf(resp).Elem())
	pending := conn.Go(method, req, received.Interface(), make(chan *rpc.Call, 1))
	select {
	case <-pending.Done:
		if pending.Error == nil {
			reflect.ValueOf(resp).Elem().Set(received.Elem())
		}
		return pending.Error
	case <-timer.C:
		return fmt.Errorf("%s not answered within %s", method, timeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Dial connects to one RPC address, once.
func Dial(addr string, timeout time.Duration) (*rpc.Client, error) {
	conn, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	return rpc.NewClient(&deadlineConn{Conn: conn}), nil
}

// deadlineConn gives up a write that a silent network does not take.
type deadlineConn struct{ net.Conn }

func (c *deadlineConn) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	return c.Conn.Write(b)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
