// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve accepts connections on loopback and hands each to do, until the test ends.
func serve(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				do(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// closed returns an address where nobody listens.
func closed(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// within fails the test if do takes long; a probe that outlives its time-out
// would pile up in the pod.
func within(t *testing.T, timeout time.Duration, do func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	began := time.Now()
	err := do(ctx)
	assert.Less(t, time.Since(began), timeout+2*time.Second)
	return err
}

func TestPing(t *testing.T) {
	reply := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			request := make([]byte, len("*1\r\n$4\r\nPING\r\n"))
			if _, err := io.ReadFull(conn, request); err != nil || string(request) != "*1\r\n$4\r\nPING\r\n" {
				return
			}
			_, _ = io.WriteString(conn, text)
		}
	}
	tests := []struct {
		name    string
		proxy   func(net.Conn)
		timeout time.Duration
		want    string // "": it passes
	}{
		{"pong", reply("+PONG\r\n"), 5 * time.Second, ""},
		{"pong in pieces", func(conn net.Conn) {
			reply("+PO")(conn)
			_, _ = io.WriteString(conn, "NG\r\n")
		}, 5 * time.Second, ""},
		{"an error", reply("-command not support: ping\r\n"), 5 * time.Second, `answers PING with "-command not support: ping", want +PONG`},
		{"something else", reply("+OK\r\n"), 5 * time.Second, `answers PING with "+OK"`},
		{"closes", reply(""), 5 * time.Second, "read answer"},
		{"no line ending", reply("+PONG"), 5 * time.Second, "read answer"},
		{"hangs", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, 200 * time.Millisecond, "no answer of 127.0.0.1:"},
		{"never ends its line", func(conn net.Conn) {
			for {
				if _, err := conn.Write(make([]byte, 1024)); err != nil {
					return
				}
			}
		}, 5 * time.Second, "read answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serve(t, tt.proxy)
			err := within(t, tt.timeout, func(ctx context.Context) error { return Ping(ctx, address) })
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	require.ErrorContains(t, Ping(t.Context(), closed(t)), "connection refused")
}

func TestTCP(t *testing.T) {
	// A store's port opens and never says a word.
	address := serve(t, func(conn net.Conn) { _, _ = bufio.NewReader(conn).ReadString('\n') })
	require.NoError(t, TCP(t.Context(), address))
	require.ErrorContains(t, TCP(t.Context(), closed(t)), "connect: ")
}

func TestPD(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"well", 200, `{"health":"true"}`, ""},
		{"well, as later etcds say it", 200, `{"health":"true","reason":""}`, ""},
		{"removed", 503, `{"health":"false"}`, "503 Service Unavailable"},
		{"well with the wrong status", 500, `{"health":"true"}`, "500 Internal Server Error"},
		{"not well with the right one", 200, `{"health":"false"}`, `want 200 and {"health":"true"}`},
		{"something else", 200, `hello`, `"hello"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health" {
					http.NotFound(w, r)
					return
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer server.Close()
			err := PD(t.Context(), server.URL)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
	require.ErrorContains(t, PD(t.Context(), "http://"+closed(t)), "connection refused")
	require.ErrorContains(t, PD(t.Context(), "http://:2379:1"), "/health")
}

func TestPDHangs(t *testing.T) {
	address := serve(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	err := within(t, 200*time.Millisecond, func(ctx context.Context) error { return PD(ctx, "http://"+address) })
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
