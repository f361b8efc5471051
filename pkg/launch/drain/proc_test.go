// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tables in testdata are as a little-endian machine prints them, which is
// every machine that the operator is built for. Of port 6379 (18EB) they have
// the listener, clients, the pod's own probes, loopback, closing connections,
// and connections to a store's port 6379 elsewhere.
func TestClients(t *testing.T) {
	n, err := Clients("testdata/net", 6379)
	require.NoError(t, err)
	assert.Equal(t, 4, n, "two over tcp, two over tcp6")

	n, err = Clients("testdata/net", 9998)
	require.NoError(t, err)
	assert.Equal(t, 1, n)

	n, err = Clients("testdata/net", 1)
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestClientsWithoutIPv6(t *testing.T) {
	dir := t.TempDir()
	table, err := os.ReadFile("testdata/net/tcp")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tcp"), table, 0o600))
	n, err := Clients(dir, 6379)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

func TestClientsFails(t *testing.T) {
	_, err := Clients(t.TempDir(), 6379)
	require.ErrorContains(t, err, "neither tcp nor tcp6")

	for _, line := range []string{
		"0: 0502F40A 0903F40A:C350 01",
		"0: 0502F40A:18EB 0903F4:C350 01",
		"0: 0502F40A:18EB 0903F40A0903F40A:C350 01",
		"0: XYZ:18EB 0903F40A:C350 01",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "tcp"), []byte(line), 0o600))
		_, err := Clients(dir, 6379)
		require.ErrorContains(t, err, "is not an address", line)
	}
}

// The real table of this machine, with a connection that is really there.
func TestClientsOfTheKernel(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.2:0")
	require.NoError(t, err)
	defer listener.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}}
	conn, err := dialer.Dial("tcp4", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()

	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	remote := netipOf(t, conn.LocalAddr())
	found := false
	for _, text := range endpoints(string(table)) {
		endpoint, err := parseEndpoint(text)
		require.NoError(t, err)
		found = found || endpoint.String() == remote
	}
	assert.True(t, found, "%s is not in /proc/net/tcp", remote)
}

func netipOf(t *testing.T, address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	require.True(t, ok)
	return tcp.AddrPort().String()
}

// endpoints returns the remote addresses of a table.
func endpoints(table string) []string {
	var all []string
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] != "sl" {
			all = append(all, fields[2])
		}
	}
	return all
}
