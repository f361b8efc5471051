// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	server := listen(t, "127.0.0.1:0")
	tests := []struct {
		command, want, wantErr string
	}{
		{command: "PING", want: "PING: PONG ("},
		{command: "GET absent", want: "GET absent: (nil) ("},
		{command: "NONSENSE", wantErr: "command not support"},
		{wantErr: "no command"},
	}
	for _, tt := range tests {
		t.Run(tt.command, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), &out, server, time.Minute, strings.Fields(tt.command))
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, out.String(), tt.want)
		})
	}
}

func TestRunWaitsForAServer(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := free.Addr().String()
	require.NoError(t, free.Close())
	require.ErrorContains(t, run(t.Context(), io.Discard, addr, 0, []string{"PING"}), "PING at "+addr)

	done := make(chan error, 1)
	go func() { done <- run(t.Context(), io.Discard, addr, time.Minute, []string{"PING"}) }()
	listen(t, addr)
	require.NoError(t, <-done)
}

// listen plays a proxy that knows PING and GET, and no key.
func listen(t *testing.T, addr string) string {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	answers := map[string]string{"ping": "+PONG\r\n", "get": "$-1\r\n"}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewReader(conn); ; {
					name, err := command(in)
					if err != nil {
						return
					}
					answer, ok := answers[name]
					if !ok {
						answer = "-command not support: " + name + "\r\n"
					}
					if _, err := io.WriteString(conn, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// command reads one command and returns its name.
func command(in *bufio.Reader) (string, error) {
	var words int
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	for _, digit := range strings.TrimSpace(line)[1:] {
		words = words*10 + int(digit-'0')
	}
	var name string
	for i := range words {
		if _, err := in.ReadString('\n'); err != nil { // the length
			return "", err
		}
		word, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		if i == 0 {
			name = strings.ToLower(strings.TrimSpace(word))
		}
	}
	return name, nil
}
