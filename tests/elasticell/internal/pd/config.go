// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pd is the stand-in's placement driver: an embedded etcd, PD's own leader on top of it, the HTTP API of
// Elasticell, and the scheduling of replicas and leaders.
package pd

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"time"
)

// Config is what the flags say. Durations are flags in seconds.
type Config struct {
	Name, Data, AddrRPC                    string
	URLsClient, URLsPeer                   string
	URLsAdvertiseClient, URLsAdvertisePeer string
	InitialCluster, InitialClusterState    string
	MaxReplicas                            int
	StoreDown                              time.Duration
	Lease                                  int64 // seconds
	StorageRate                            int   // percent
	LocationLabels                         []string
	LimitLeader, LimitCell, LimitReplica   int
	Debug                                  bool // etcd's log too

	Switches Switches
}

// Switches come from the environment; README.md lists them.
type Switches struct {
	OperatorTimeout  time.Duration // CELL_PD_OPERATOR_TIMEOUT_S: life of an operator, 5 min
	HeartbeatWindow  time.Duration // CELL_PD_HEARTBEAT_WINDOW_MS: how long a store heartbeat holds its copy of the store
	NoWedge          bool          // CELL_PD_NO_WEDGE: campaign again after leadership was lost
	CrashOnRegaining bool          // CELL_PD_CRASH_ON_REGAIN: panic on leading a second time while proxies are registered
}

// SwitchesFromEnv reads the switches.
func SwitchesFromEnv() Switches {
	return Switches{
		OperatorTimeout:  envDuration("CELL_PD_OPERATOR_TIMEOUT_S", time.Second, 5*time.Minute),
		HeartbeatWindow:  envDuration("CELL_PD_HEARTBEAT_WINDOW_MS", time.Millisecond, 0),
		NoWedge:          os.Getenv("CELL_PD_NO_WEDGE") != "",
		CrashOnRegaining: os.Getenv("CELL_PD_CRASH_ON_REGAIN") != "",
	}
}

func envDuration(name string, unit, otherwise time.Duration) time.Duration {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil || n < 0 {
		return otherwise
	}
	return time.Duration(n) * unit
}

// AddFlags declares PD's flags, with upstream's defaults; the function it returns gives the parsed configuration.
func AddFlags(fs *flag.FlagSet) func() Config {
	var c Config
	var labels string
	var down int
	fs.StringVar(&c.Name, "name", "", "PD instance name")
	fs.StringVar(&c.Data, "data", "", "The data dir")
	fs.StringVar(&c.AddrRPC, "addr-rpc", "", "Addr: RPC")
	fs.StringVar(&c.URLsClient, "urls-client", "http://127.0.0.1:2371", "URLS: embed etcd client urls")
	fs.StringVar(&c.URLsAdvertiseClient, "urls-advertise-client", "", "URLS(advertise): embed etcd client urls")
	fs.StringVar(&c.URLsPeer, "urls-peer", "http://127.0.0.1:2381", "URLS: embed etcd peer urls")
	fs.StringVar(&c.URLsAdvertisePeer, "urls-advertise-peer", "", "URLS(advertise): embed etcd peer urls")
	fs.StringVar(&c.InitialCluster, "initial-cluster", "", "Initial: embed etcd initial cluster")
	fs.StringVar(&c.InitialClusterState, "initial-cluster-state", "new", "Initial: embed etcd initial cluster state")
	fs.StringVar(&labels, "labels-location", "zone,rack", "Labels: the location labels of stores")
	fs.IntVar(&c.MaxReplicas, "limit-replicas", 3, "Limit: Count of peer replicas")
	fs.IntVar(&down, "interval-store-down", 3600, "Interval(sec): Max store down")
	fs.Int64Var(&c.Lease, "interval-leader-lease", 5, "Interval(sec): PD leader lease")
	fs.IntVar(&c.StorageRate, "threshold-rate-storage", 80, "Threshold: Max storage rate of used for scheduler")
	fs.IntVar(&c.LimitLeader, "limit-schedule-leader", 16, "Limit: Max count of transfer leader operator")
	fs.IntVar(&c.LimitCell, "limit-schedule-cell", 12, "Limit: Max count of move cell operator")
	fs.IntVar(&c.LimitReplica, "limit-schedule-replica", 16, "Limit: Max count of add replica operator")
	// Known to the real PD and without effect here.
	fs.Uint64("limit-snapshots", 3, "Limit: snapshots of one store (ignored)")
	fs.Int("threshold-pause-watcher", 10, "Threshold: Pause watcher (ignored)")
	fs.Int("interval-heartbeat-watcher", 5, "Interval(sec): Watcher heartbeat (ignored: the proxy's own is used)")
	return func() Config {
		c.StoreDown = time.Duration(down) * time.Second
		c.LocationLabels = strings.Split(labels, ",")
		if c.URLsAdvertiseClient == "" {
			c.URLsAdvertiseClient = c.URLsClient
		}
		if c.URLsAdvertisePeer == "" {
			c.URLsAdvertisePeer = c.URLsPeer
		}
		c.Switches = SwitchesFromEnv()
		return c
	}
}

// Missing returns the complaint about a required flag that is not set, or "".
func (c Config) Missing() string {
	for _, f := range []struct{ name, value string }{
		{"name", c.Name}, {"data", c.Data}, {"addr-rpc", c.AddrRPC}, {"initial-cluster", c.InitialCluster},
	} {
		if f.value == "" {
			return "PD -" + f.name + " must be set"
		}
	}
	return ""
}
