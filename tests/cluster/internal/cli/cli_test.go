// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

func TestControllersOf(t *testing.T) {
	tests := []struct {
		name      string
		with      []string
		fakeNodes int
		want      []string
		wantErr   string
	}{
		{"none", nil, 0, nil, ""},
		{"short names", []string{"controller-manager", "scheduler", "kwok"}, 5, []string{render.ControllerManager, render.Scheduler, render.Kwok}, ""},
		{"full name, twice", []string{"kube-scheduler", "scheduler"}, 0, []string{render.Scheduler}, ""},
		{"unknown", []string{"kubelet"}, 0, nil, "--with kubelet"},
		{"fake nodes that nobody plays", []string{"scheduler"}, 5, nil, "add kwok to --with"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := controllersOf(tt.with, tt.fakeNodes)
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestExtraArgs(t *testing.T) {
	got, err := extraArgs([]string{"kubelet=--v=2", "kubelet=--max-pods=5", "etcd=--quota-backend-bytes=1"})
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"kubelet": {"--v=2", "--max-pods=5"}, "etcd": {"--quota-backend-bytes=1"}}, got)
	got, err = extraArgs(nil)
	require.NoError(t, err)
	assert.Nil(t, got)
	for _, bad := range []string{"kubelet", "kubelet=v", "nobody=--v=2"} {
		_, err := extraArgs([]string{bad})
		assert.ErrorContains(t, err, bad)
	}
}

// TestRefusals runs commands that must fail before they touch the machine.
func TestRefusals(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"up", "--name", "Bad_"}, "--name"},
		{[]string{"up", "--nodes", "2", "--zones", "3"}, "--zones 3"},
		{[]string{"up", "--arg", "x=--y"}, `no component "x"`},
		{[]string{"apiserver", "up", "--with", "x"}, "--with x"},
		{[]string{"status", "-o", "yaml"}, `--output "yaml"`},
		{[]string{"status", "--name", "absent"}, "no such cluster"},
		{[]string{"node", "stop"}, "accepts 1 arg"},
		{[]string{"image", "load"}, "at least 1 arg"},
		{[]string{"build", "--only", "x"}, "--only x"},
		{[]string{"doctor", "--for", "x"}, `--for "x"`},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var out, progress bytes.Buffer
			root := New(&out, &progress)
			root.SetArgs(tt.args)
			assert.ErrorContains(t, root.ExecuteContext(t.Context()), tt.want)
			assert.Empty(t, out.String())
		})
	}
}

func TestDownRefusesAForeignFolder(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/precious", "data")
	root := New(io.Discard, io.Discard)
	root.SetArgs([]string{"down", "--name", "test-foreign", "--state-dir", dir})
	require.ErrorContains(t, root.ExecuteContext(t.Context()), "no cluster's")
	assert.FileExists(t, dir+"/precious")
}

func TestForward(t *testing.T) {
	backend := listen(t)
	go func() {
		conn, err := backend.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		data, _ := io.ReadAll(conn) // until the client has closed its half
		_, _ = conn.Write(append([]byte("echo "), data...))
	}()
	front := listen(t)
	done := make(chan error, 1)
	go func() { done <- forward(front, backend.Addr().String(), io.Discard) }()

	conn := dial(t, front)
	_, err := io.WriteString(conn, "hello")
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "echo hello", string(got))

	require.NoError(t, backend.Close())
	got, err = io.ReadAll(dial(t, front))
	assert.Empty(t, got, "nobody behind it: closed at once (%v)", err)

	require.NoError(t, front.Close())
	assert.ErrorIs(t, <-done, net.ErrClosed)
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func dial(t *testing.T, listener net.Listener) *net.TCPConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return conn.(*net.TCPConn)
}
