// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) (string, <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			accepted <- conn
		}
	}()
	return l.Addr().String(), accepted
}

func TestValuesTravel(t *testing.T) {
	addr, accepted := listen(t)
	out, err := Dial(addr, ClientGreeting, time.Second)
	require.NoError(t, err)
	defer out.Close()
	want := []Request{{ID: 1, Cluster: 2, Cell: 3, Args: [][]byte{[]byte("get"), []byte("a")}}, {ID: 2}}
	for _, r := range want {
		require.NoError(t, out.Send(r))
	}
	require.NoError(t, out.Flush())
	in, err := Accept(<-accepted, ClientGreeting)
	require.NoError(t, err)
	for _, r := range want {
		var got Request
		require.NoError(t, in.Receive(&got))
		assert.Equal(t, r, got)
	}
}

// Whoever does not greet is neither answered nor cut off; it has to go by itself.
func TestStrangersAreNotAnswered(t *testing.T) {
	addr, accepted := listen(t)
	stranger, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = stranger.Write([]byte("*1\r\n$4\r\nPING\r\n"))
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := Accept(<-accepted, ClientGreeting)
		ended <- err
	}()
	require.NoError(t, stranger.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	_, err = io.ReadFull(stranger, make([]byte, 1))
	var netErr net.Error
	require.ErrorAs(t, err, &netErr)
	assert.True(t, netErr.Timeout())
	assert.Empty(t, ended)
	require.NoError(t, stranger.Close())
	assert.Error(t, <-ended)
}
