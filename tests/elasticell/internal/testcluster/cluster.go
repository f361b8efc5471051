// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Options are what tests change. The zero value is three of everything but proxies, of which there are two.
type Options struct {
	PDs, Stores, Proxies int
	PDFlags, StoreFlags  []string // added to the defaults, and stronger
	Env                  []string // of every process
	InitCells            int      // asked for before the first store starts; 0: nothing is asked for
	SupportCMDs          []string
	PDListRepeat         int // how often stores and proxies are given the list of PDs
}

// Cluster is a set of processes and their addresses.
type Cluster struct {
	T       testing.TB
	Dir     string
	Options Options
	PDs     []*PD
	Stores  []*Store
	Proxies []*Proxy
}

// PD is one PD's addresses and its present process.
type PD struct {
	*Process
	Name, Client, Peer, RPC, Data string
	Flags                         []string
}

// Store is one store's addresses and its present process.
type Store struct {
	*Process
	Name, Addr, Client, Data, Zone string
	Env                            []string
}

// Proxy is one proxy's addresses and its present process.
type Proxy struct {
	*Process
	Name, Addr, Notify string
}

// New makes the plan of a cluster; nothing runs yet.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	o.PDs, o.Stores, o.Proxies = orElse(o.PDs, 3), orElse(o.Stores, 3), orElse(o.Proxies, 2)
	o.PDListRepeat = orElse(o.PDListRepeat, 1)
	c := &Cluster{T: t, Dir: t.TempDir(), Options: o}
	addrs := FreeAddrs(t, "127.0.0.1", 3*o.PDs+2*o.Stores+2*o.Proxies)
	next := func() string {
		a := addrs[0]
		addrs = addrs[1:]
		return a
	}
	for i := range o.PDs {
		name := fmt.Sprintf("pd%d", i)
		c.PDs = append(c.PDs, &PD{Name: name, Client: next(), Peer: next(), RPC: next(), Data: filepath.Join(c.Dir, name)})
	}
	for i := range o.Stores {
		name := fmt.Sprintf("store%d", i)
		c.Stores = append(c.Stores, &Store{Name: name, Addr: next(), Client: next(), Data: filepath.Join(c.Dir, name), Zone: fmt.Sprintf("z%d", i)})
	}
	for i := range o.Proxies {
		c.Proxies = append(c.Proxies, &Proxy{Name: fmt.Sprintf("proxy%d", i), Addr: next(), Notify: next()})
	}
	return c
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// InitialCluster is PD's flag of that name for all planned PDs.
func (c *Cluster) InitialCluster() string {
	var list []string
	for _, pd := range c.PDs {
		list = append(list, pd.Name+"=http://"+pd.Peer)
	}
	return strings.Join(list, ",")
}

// PDList is what stores and proxies are given.
func (c *Cluster) PDList() []string {
	var list []string
	for range c.Options.PDListRepeat {
		for _, pd := range c.PDs {
			list = append(list, pd.RPC)
		}
	}
	return list
}

// StartPD starts, or starts again, one PD; extra flags win.
func (c *Cluster) StartPD(pd *PD, extra ...string) {
	c.T.Helper()
	args := append([]string{
		"-name=" + pd.Name, "-data=" + pd.Data, "-addr-rpc=" + pd.RPC,
		"-urls-client=http://" + pd.Client, "-urls-peer=http://" + pd.Peer, "-initial-cluster=" + c.InitialCluster(),
		"-interval-store-down=30",
	}, c.Options.PDFlags...)
	args = append(append(args, pd.Flags...), extra...)
	pd.Process = Start(c.T, c.Dir, pd.Name, "pd", c.Options.Env, args...)
}

// StartStore starts, or starts again, one store.
func (c *Cluster) StartStore(s *Store, extra ...string) {
	c.T.Helper()
	args := append([]string{
		"-pd=" + strings.Join(c.PDList(), ","), "-data=" + s.Data, "-zone=" + s.Zone, "-rack=" + s.Name,
		"-addr=" + s.Addr, "-addr-cli=" + s.Client, "-interval-heartbeat-store=1", "-interval-heartbeat-cell=1",
		"-interval-raft-tick=100", "-limit-peer-down=20",
	}, c.Options.StoreFlags...)
	// However full this machine's disk is: PD places nothing on a store above 80 %.
	env := append([]string{"CELL_DISK=1000000000000,900000000000"}, c.Options.Env...)
	s.Process = Start(c.T, c.Dir, s.Name, "cell", append(env, s.Env...), append(args, extra...)...)
}

// StartProxy starts, or starts again, one proxy.
func (c *Cluster) StartProxy(p *Proxy) {
	c.T.Helper()
	commands := c.Options.SupportCMDs
	if commands == nil {
		commands = []string{"ping", "set", "get", "del", "exists", "incr", "decr", "append", "mset", "mget", "hset", "hget", "setnx"}
	}
	cfg, err := json.Marshal(map[string]any{
		"addr": p.Addr, "addrNotify": p.Notify, "watcherHeartbeatSec": 1, "pdAddrs": c.PDList(),
		"maxRetries": 100, "retryDuration": 2000, "workerCount": 2, "supportCMDs": commands,
	})
	if err != nil {
		c.T.Fatal(err)
	}
	file := filepath.Join(c.Dir, p.Name+".json")
	if err := os.WriteFile(file, cfg, 0o644); err != nil {
		c.T.Fatal(err)
	}
	p.Process = Start(c.T, c.Dir, p.Name, "proxy", c.Options.Env, "-cfg="+file)
}

// Redis returns a client of one proxy; the test's end closes it. It never repeats a command by itself.
func (c *Cluster) Redis(p *Proxy) *redis.Client {
	client := redis.NewClient(&redis.Options{
		Addr: p.Addr, Protocol: 2, MaxRetries: -1, DisableIdentity: true, ContextTimeoutEnabled: true,
	})
	c.T.Cleanup(func() { _ = client.Close() })
	return client
}
