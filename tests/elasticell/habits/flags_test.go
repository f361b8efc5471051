// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// A missing flag ends a program with 255 and a plain sentence; what PD cannot bind to is fatal.
func TestFlagsThatStopAProgram(t *testing.T) {
	dir := t.TempDir()
	pd := func(args ...string) []string { return append([]string{"pd"}, args...) }
	whole := []string{"-name=a", "-data=" + filepath.Join(dir, "data"), "-addr-rpc=127.0.0.1:0", "-initial-cluster=a=http://127.0.0.1:1", "-urls-advertise-peer=http://127.0.0.1:1"}
	for _, test := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"pd without -name", pd(), 255, "-name must be set"},
		{"pd without -data", pd("-name=a"), 255, "-data must be set"},
		{"pd without -addr-rpc", pd("-name=a", "-data=b"), 255, "-addr-rpc must be set"},
		{"pd without -initial-cluster", pd("-name=a", "-data=b", "-addr-rpc=127.0.0.1:0"), 255, "-initial-cluster must be set"},
		{"pd on a name", pd(append(whole, "-urls-client=http://pd-0.peers:1")...), 1, "expected IP in URL for binding"},
		{"pd not in its own list", pd(append(whole, "-name=b", "-urls-client=http://127.0.0.1:0", "-urls-peer=http://127.0.0.1:0")...), 1, "couldn't find local name"},
		{"cell without -pd", []string{"cell"}, 255, "PD must be set"},
		{"cell without -data", []string{"cell", "-pd=a:1"}, 255, "Data dir must be set"},
		{"cell without -rack", []string{"cell", "-pd=a:1", "-data=b", "-zone=z"}, 255, "rack must be set"},
		{"cell without -zone", []string{"cell", "-pd=a:1", "-data=b", "-rack=r"}, 255, "zone must be set"},
		{"proxy without -cfg", []string{"proxy"}, 255, "-cfg must be set"},
		{"proxy with a wrong -cfg", []string{"proxy", "-cfg=" + filepath.Join(dir, "none")}, 1, "read -cfg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := testcluster.Start(t, t.TempDir(), "program", test.args[0], nil, test.args[1:]...)
			requireExit(t, p, test.code, test.says)
		})
	}
}

// -version prints the version, which CELL_VERSION replaces.
func TestVersion(t *testing.T) {
	for _, name := range []string{"pd", "cell", "proxy"} {
		cmd := exec.Command(filepath.Join(testcluster.Programs(t), name), "-version")
		cmd.Env = append(cmd.Environ(), "CELL_VERSION=2.0-demo")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err)
		assert.Contains(t, string(out), "2.0-demo")
	}
}

// A store or a proxy that finds no PD at its start ends after one pass over its list.
func TestNoPDAtStart(t *testing.T) {
	c := testcluster.New(t, testcluster.Options{PDs: 2, Stores: 1, Proxies: 1, Env: []string{"CELL_PD_DIAL_WAIT_MS=500"}})
	begin := time.Now()
	c.StartStore(c.Stores[0])
	c.StartProxy(c.Proxies[0])
	requireExit(t, c.Stores[0].Process, 1, "grpc: the client connection is closing")
	requireExit(t, c.Proxies[0].Process, 1, "get cell ranges from pd failed")
	assert.Greater(t, time.Since(begin), time.Second, "each dead address costs its time, refused or not")
}
