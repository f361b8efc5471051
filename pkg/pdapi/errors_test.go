// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// roundTripper is a transport made of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var refused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

func TestRefusals(t *testing.T) {
	tests := []struct {
		message string
		is      error
		class   string
	}{
		{"cluster is already bootstrapped", ErrAlreadyBootstrapped, "already_bootstrapped"},
		{"cluster not bootstrapped", ErrNotBootstrapped, "not_bootstrapped"},
		{"Peer 99999 not found", ErrNotFound, "not_found"},
		{"Cell 9999 not found", ErrNotFound, "not_found"},
		{"Scheduler not performed by limit", ErrLimited, "limited"},
		{"store has been removed", ErrTombstone, "tombstone"},
		{"something new", nil, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.message, func(t *testing.T) {
			err := answering(200, `{"code":1,"error":"`+tt.message+`","value":null}`).TransferLeader(context.Background(), 4, 22)
			var api *APIError
			require.ErrorAs(t, err, &api)
			assert.Equal(t, APIError{Op: "transfer leader of cell 4 to peer 22", Endpoint: "http://pd-0:2379", Code: 1, Message: tt.message, kind: tt.is}, *api)
			assert.Equal(t, tt.class, Class(err))
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
		})
	}
}

// One failure at each of two members, and what is made of both.
func TestAttempts(t *testing.T) {
	body := func(status int, text string) roundTripper {
		return func(r *http.Request) (*http.Response, error) { return canned{status: status, body: text}.RoundTrip(r) }
	}
	down := roundTripper(func(*http.Request) (*http.Response, error) { return nil, refused })
	slow := roundTripper(func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded })
	panics := body(500, "PANIC: runtime error: invalid memory address\ngoroutine 1")
	follower := body(500, "redirect to not leader")
	page := body(404, "404 page not found")
	good := body(200, newSystem)

	tests := []struct {
		name         string
		first, other roundTripper
		read, leader string // classes
	}{
		{"both away", down, slow, "unreachable", "unreachable"},
		{"both know no leader", panics, follower, "unknown", "no_leader"},
		{"one away, one knows no leader", down, panics, "unknown", "no_leader"},
		{"one away, one is something else", page, down, "garbage", "garbage"},
		{"something else, and one that knows no leader", page, panics, "unknown", "no_leader"},
		{"the second works", slow, good, "ok", "ok"},
		{"the second works though the first talks nonsense", page, good, "ok", "ok"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New([]string{"a:1", "http://b:1/"}, Options{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host == "a:1" {
					return tt.first(r)
				}
				return tt.other(r)
			})})
			_, err := c.System(context.Background())
			assert.Equal(t, tt.read, Class(err), "%v", err)
			if err != nil {
				assert.Contains(t, err.Error(), "get system at http://a:1: ")
				assert.Contains(t, err.Error(), "get system at http://b:1: ")
			}
			_, _, err = c.Leader(context.Background())
			assert.Equal(t, tt.leader, Class(err), "%v", err)
		})
	}
}

func TestMessages(t *testing.T) {
	ctx := context.Background()
	c := New([]string{"http://a:1", "http://b:1"}, Options{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "a:1" {
			return nil, refused
		}
		return canned{status: 500, body: "redirect to not leader\n"}.RoundTrip(r)
	})})
	_, _, err := c.Leader(ctx)
	assert.EqualError(t, err, "find leader: no PD leads: find leader at http://a:1: PD is unreachable: dial tcp: connection refused; "+
		"find leader at http://b:1: PD cannot tell: HTTP 500: redirect to not leader; an election takes about 7 s; if it lasts longer, restart the PDs one by one")
	assert.ErrorIs(t, err, ErrUnknown, "without a leader nothing is known")
	assert.NotErrorIs(t, err, ErrUnreachable, "one unreachable member is not PD")

	_, err = New(nil, Options{}).Stores(ctx)
	assert.ErrorIs(t, err, ErrUnreachable)
	assert.Contains(t, err.Error(), "no endpoint is known")
	_, _, err = New(nil, Options{}).Leader(ctx)
	assert.ErrorIs(t, err, ErrUnreachable)
	_, err = New([]string{"http://bad host\x00"}, Options{}).Stores(ctx)
	assert.ErrorIs(t, err, ErrUnreachable)
}

// A write goes on to another member only where it was surely not carried out.
func TestWritesAreNotRepeated(t *testing.T) {
	answer := func(status int, text string) func() (*http.Response, error) {
		return func() (*http.Response, error) { return canned{status: status, body: text}.RoundTrip(nil) }
	}
	failed := func(err error) func() (*http.Response, error) {
		return func() (*http.Response, error) { return nil, err }
	}
	tests := []struct {
		name  string
		first func() (*http.Response, error)
		asked int
	}{
		{"nobody was reached", failed(refused), 2},
		{"no leader is known", answer(500, "PANIC: runtime error"), 2},
		{"a follower called itself", answer(500, "redirect to not leader"), 2},
		{"forwarded, and no answer came", answer(500, "redirect failed"), 1},
		{"time-out", failed(context.DeadlineExceeded), 1},
		{"the connection broke", failed(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), 1},
		{"nonsense", answer(200, "<html>"), 1},
		{"refused", answer(200, `{"code":1,"error":"store has been removed"}`), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			c := New([]string{"a:1", "b:1"}, Options{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				if asked++; asked == 1 {
					return tt.first()
				}
				return canned{status: 200, body: `{"code":0,"error":"","value":null}`}.RoundTrip(nil)
			})})
			err := c.DownStore(context.Background(), 18)
			assert.Equal(t, tt.asked, asked)
			assert.Equal(t, tt.asked == 2, err == nil, "%v", err)
		})
	}
}

func TestCancelledCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	asked := 0
	c := New([]string{"a:1", "b:1"}, Options{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		asked++
		cancel()
		return nil, context.Canceled
	})})
	_, err := c.Stores(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, ErrUnreachable, "PD is not to blame")
	_, _, err = c.Leader(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2, asked, "nobody else is asked")
	assert.Equal(t, "canceled", Class(err))
}

func TestChangeErrors(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"unhealthy", rpctypes.ErrUnhealthy, "unhealthy_cluster"},
		{"not enough started", rpctypes.ErrMemberNotEnoughStarted, "unhealthy_cluster"},
		{"listed", rpctypes.ErrPeerURLExist, "member_exists"},
		{"not listed", rpctypes.ErrMemberNotFound, "not_found"},
		{"no etcd leader", rpctypes.ErrNoLeader, "unknown"},
		{"removed member", rpctypes.ErrStopped, "unknown"},
		{"another refusal of etcd", rpctypes.ErrMemberBadURLs, "unknown"},
		{"nobody there", status.Error(codes.Unavailable, "connection refused"), "unreachable"},
		{"time-out", context.DeadlineExceeded, "unreachable"},
		{"caller gave up", context.Canceled, "canceled"},
		{"not etcd", status.Error(codes.Unimplemented, "unknown service"), "unknown"},
		{"no endpoints", errors.New("etcdclient: no available endpoints"), "unreachable"},
	}
	c := New([]string{"http://a:1"}, Options{}).(*client)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := c.changeError(request{op: "add member", target: "http://x:2380"}, tt.err)
			assert.Equal(t, tt.want, Class(err))
			assert.ErrorIs(t, err, tt.err)
			assert.Contains(t, err.Error(), "add member http://x:2380 at http://a:1: ")
		})
	}
	assert.Equal(t, "error", Class(errors.New("x")))
	assert.Equal(t, "ok", Class(nil))
}
