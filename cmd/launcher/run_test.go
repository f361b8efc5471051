// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ran is how a command ended.
type ran struct {
	code           int
	stdout, stderr string
}

func runCommand(t *testing.T, env map[string]string, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, environment{
		getenv: func(name string) string { return env[name] },
		stdout: &stdout, stderr: &stderr,
		exec:    func(string, []string) error { return nil },
		procNet: "../../pkg/launch/drain/testdata/net",
	})
	return ran{code, stdout.String(), stderr.String()}
}

func TestCommandLine(t *testing.T) {
	pod := map[string]string{"POD_NAME": "demo-pd-0", "POD_IP": "127.0.0.1"}
	tests := []struct {
		name string
		args string
		env  map[string]string
		code int
		says string
	}{
		{"nothing", "", nil, 2, "cell-launcher install DEST"},
		{"help", "--help", nil, 2, "cell-launcher drain proxy"},
		{"unknown", "start", nil, 2, `unknown command "start"`},
		{"version", "version", nil, 0, "dev"},
		{"help of one", "pd --help", pod, 0, "/etc/cell/plan/$POD_NAME"},
		{"help of another", "store -h", pod, 0, "/etc/cell/plan/store"},
		{"unknown flag", "pd --plans x", pod, 2, "-plans"},
		{"too many arguments", "pd demo-pd-0", pod, 2, "takes no arguments"},
		{"no pod", "pd", nil, 1, "POD_NAME is empty"},
		{"install nowhere", "install", nil, 2, "want one destination"},
		{"install into nothing", "install /nonexistent/cell-launcher", nil, 1, "write /nonexistent/cell-launcher"},
		{"probe nothing", "probe", nil, 2, "want one of pd"},
		{"probe unknown", "probe etcd", pod, 2, `"etcd" is none of`},
		{"probe two", "probe pd store", pod, 2, "want one of"},
		{"probe tcp without address", "probe tcp", pod, 2, "tcp wants HOST:PORT"},
		{"drain nothing", "drain", nil, 2, "want proxy"},
		{"drain a store", "drain store", nil, 2, "want proxy"},
		{"drain without port", "drain proxy --address 127.0.0.1", nil, 2, "missing port"},
		{"drain with a bad port", "drain proxy --address :redis", nil, 2, "is not a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runCommand(t, tt.env, strings.Fields(tt.args)...)
			assert.Equal(t, tt.code, got.code)
			assert.Contains(t, got.stdout+got.stderr, tt.says)
		})
	}
}

func TestProbe(t *testing.T) {
	pd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"health":"true"}`)
	}))
	defer pd.Close()
	address := strings.TrimPrefix(pd.URL, "http://")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()

	passes := [][]string{
		{"probe", "pd", "--address", address},
		{"probe", "--timeout=5s", "pd", "--address=" + address},
		{"probe", "store", "--address", silent.Addr().String()},
		{"probe", "tcp", silent.Addr().String()},
		{"probe", "tcp", silent.Addr().String(), "--timeout", "5s"},
	}
	for _, args := range passes {
		assert.Equal(t, ran{}, runCommand(t, nil, args...), "%q", args)
	}

	got := runCommand(t, nil, "probe", "proxy", "--timeout", "100ms", "--address", silent.Addr().String())
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.stderr, "has no route to a store")
	assert.Equal(t, 1, strings.Count(got.stderr, "\n"), "one line: %s", got.stderr)

	// Without --address it is the pod's IP and the program's own port.
	got = runCommand(t, map[string]string{"POD_IP": "::1"}, "probe", "pd", "--timeout", "100ms")
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.stderr, "http://[::1]:2379/health")
}

func TestDrain(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	got := runCommand(t, nil, "drain", "proxy", "--grace", "1ms", "--max", "20ms", "--log", log)
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "not drained: 4 client connections remain")
	logged, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Contains(t, string(logged), "cell-launcher drain: not drained: 4 client connections")

	// A log that is not there stops nothing.
	got = runCommand(t, nil, "drain", "proxy", "--grace=1ms", "--max=20ms", "--address=:1", "--log=/nonexistent/log")
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "drained: no client connection is left")
}
