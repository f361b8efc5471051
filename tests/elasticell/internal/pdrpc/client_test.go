// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdrpc

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakePD answers Info, after saying a number of times that it does not lead.
type fakePD struct {
	notLeader atomic.Int32
	refusal   error
}

func (f *fakePD) Info(_ *InfoRequest, resp *InfoResponse) error {
	if f.notLeader.Add(-1) >= 0 {
		return errors.New(NotLeader)
	}
	resp.ClusterID = 42
	return f.refusal
}

// servePD serves on addr until stop is called, which also breaks the connections.
func servePD(t *testing.T, addr string, f *fakePD) (at string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	server := rpc.NewServer()
	require.NoError(t, server.RegisterName(Service, f))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go server.ServeConn(conn)
		}
	}()
	return l.Addr().String(), func() { cancel(); _ = l.Close() }
}

// deadAddr is an address that refuses.
func deadAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

const wait = 300 * time.Millisecond

func client(addrs ...string) *Client {
	return &Client{Addrs: addrs, DialWait: wait, CallTimeout: 2 * time.Second}
}

func TestDeadAddressesCostTheirTime(t *testing.T) {
	live, stop := servePD(t, "127.0.0.1:0", &fakePD{})
	defer stop()
	begin := time.Now()
	var resp InfoResponse
	require.NoError(t, client(deadAddr(t), deadAddr(t), live).Call(t.Context(), "Info", &InfoRequest{}, &resp))
	assert.Equal(t, uint64(42), resp.ClusterID)
	assert.GreaterOrEqual(t, time.Since(begin), 2*wait)
}

func TestOneFailedPassIsTheEnd(t *testing.T) {
	addr, stop := servePD(t, "127.0.0.1:0", &fakePD{})
	c := client(addr, deadAddr(t))
	require.NoError(t, c.Call(t.Context(), "Info", &InfoRequest{}, &InfoResponse{}))
	stop()
	require.ErrorIs(t, c.Call(t.Context(), "Info", &InfoRequest{}, &InfoResponse{}), ErrClosing)
	_, stop = servePD(t, addr, &fakePD{})
	defer stop()
	require.ErrorIs(t, c.Call(t.Context(), "Info", &InfoRequest{}, &InfoResponse{}), ErrClosing, "for good")
}

func TestRepeatedListSurvives(t *testing.T) {
	addr, stop := servePD(t, "127.0.0.1:0", &fakePD{})
	c := client(addr, addr, addr, addr, addr, addr)
	require.NoError(t, c.Call(t.Context(), "Info", &InfoRequest{}, &InfoResponse{}))
	stop()
	answered := make(chan error, 1)
	go func() { answered <- c.Call(t.Context(), "Info", &InfoRequest{}, &InfoResponse{}) }()
	time.Sleep(2 * wait) // two entries of the list are used up
	_, stop = servePD(t, addr, &fakePD{})
	defer stop()
	require.NoError(t, <-answered)
}

func TestNotLeaderIsAskedAgain(t *testing.T) {
	f := &fakePD{}
	f.notLeader.Store(3)
	addr, stop := servePD(t, "127.0.0.1:0", f)
	defer stop()
	require.NoError(t, client(addr).Call(t.Context(), "Info", &InfoRequest{}, &InfoResponse{}))

	f.notLeader.Store(1 << 20)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := client(addr).Call(ctx, "Info", &InfoRequest{}, &InfoResponse{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, NotLeader)
}

func TestRefusalsComeBackAsTheyAre(t *testing.T) {
	addr, stop := servePD(t, "127.0.0.1:0", &fakePD{refusal: errors.New(StoreIsTombstone)})
	defer stop()
	err := client(addr).Call(t.Context(), "Info", &InfoRequest{}, &InfoResponse{})
	assert.True(t, Refused(err, StoreIsTombstone), "%v", err)
	assert.False(t, Refused(err, DuplicatedAddress))
}
