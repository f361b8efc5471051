// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// innerEnv marks the run inside namespaces of its own, and holds the file that stands as /etc/hosts there.
const innerEnv = "CELL_TEST_HOSTS"

// PDs and stores that come back with their data on other IPs, under the same names, rejoin by themselves, one after the
// other, under load. Names of our own need an /etc/hosts of our own, hence namespaces, hence root.
func TestMovedUnderTheSameNames(t *testing.T) {
	if os.Getenv(innerEnv) != "" {
		t.Skip("this is the inner run")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a mount and a network namespace")
	}
	t.Parallel()
	hosts := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"), 0o644))
	script := `ip link set lo up && mount --bind "$1" /etc/hosts && exec "$2" -test.run '^TestMovedInner$' -test.v`
	cmd := exec.Command("unshare", "--mount", "--net", "sh", "-c", script, "sh", hosts, os.Args[0])
	cmd.Env = append(os.Environ(), innerEnv+"="+hosts, "CELL_TEST_BIN="+testcluster.Programs(t))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Log(string(out))
}

// names gives each member a host name and lets it move to another address.
type names struct {
	t    *testing.T
	ip   map[string]string
	next int
}

func (n *names) move(name string) string {
	n.t.Helper()
	n.next++
	n.ip[name] = fmt.Sprintf("127.0.1.%d", n.next)
	lines := []string{"127.0.0.1 localhost"}
	for name, ip := range n.ip {
		lines = append(lines, ip+" "+name)
	}
	require.NoError(n.t, os.WriteFile(os.Getenv(innerEnv), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	return n.ip[name]
}

func TestMovedInner(t *testing.T) {
	if os.Getenv(innerEnv) == "" {
		t.Skip("run by TestMovedUnderTheSameNames")
	}
	n := &names{t: t, ip: map[string]string{}}
	c := testcluster.New(t, testcluster.Options{InitCells: 4, PDListRepeat: 8, StoreFlags: []string{"-interval-heartbeat-cell=1"}})
	place := func(pd *testcluster.PD) {
		ip, host := n.move(pd.Name+".pd"), pd.Name+".pd"
		pd.Client, pd.Peer, pd.RPC = ip+":2379", host+":2380", host+":20800"
		pd.Flags = []string{"-urls-peer=http://" + ip + ":2380", "-urls-advertise-peer=http://" + host + ":2380", "-urls-advertise-client=http://" + host + ":2379"}
	}
	for _, pd := range c.PDs {
		place(pd)
	}
	for _, s := range c.Stores {
		n.move(s.Name + ".store")
		s.Addr, s.Client = s.Name+".store:10800", s.Name+".store:6370"
	}
	c.Up()
	load := c.StartLoad(6)
	for i := range 3 {
		s := c.Stores[i]
		s.Term()
		n.move(s.Name + ".store")
		time.Sleep(5200 * time.Millisecond) // Go looks at the hosts file every five seconds
		c.StartStore(s)
		c.AwaitFull(60 * time.Second)

		pd := c.PDs[i]
		pd.Term()
		place(pd)
		time.Sleep(5200 * time.Millisecond)
		c.StartPD(pd)
		testcluster.Await(t, 2*time.Minute, "the moved PD answers", func() bool {
			a, err := pd.API("GET", systemPath, "")
			return err == nil && a.Status == 200
		})
		c.AwaitFull(60 * time.Second)
	}
	result := load.Stop(t)
	t.Logf("%+v", result)
	require.Less(t, result.Stall, 5*time.Second)
	for _, s := range c.Stores {
		require.True(t, s.Alive())
	}
}
