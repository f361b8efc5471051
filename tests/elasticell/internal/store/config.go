// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package store is the stand-in's store: several cells, each a raft group whose log and data stand in one bbolt file.
// One goroutine drives all raft groups of a store, and writes what they have to write in one transaction a round.
package store

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"time"
)

// Config is what the flags say.
type Config struct {
	PD                 []string
	Addr, AddrClient   string // listened on and published, for life
	AddrPprof          string
	Data               string
	Zone, Rack         string
	ClusterID          uint64
	StoreHeartbeat     time.Duration
	CellHeartbeat      time.Duration
	RaftTick           time.Duration
	ElectionTicks      int
	HeartbeatTicks     int
	PeerDown           time.Duration
	SyncLog            bool // fsync what a machine's crash must not lose
	MetricJob          string
	MetricInstance     string
	MetricAddress      string
	MetricInterval     time.Duration
	EnableMetricsByReq bool

	Switches Switches
}

// Switches come from the environment; README.md lists them.
type Switches struct {
	SnapshotDelay       time.Duration // CELL_SNAPSHOT_DELAY_MS: how long a new replica stays empty
	BootstrapDelay      time.Duration // CELL_BOOTSTRAP_DELAY_MS: the window of the bootstrap race
	CrashOnPeerChange   float64       // CELL_CRASH_ON_PEER_CHANGE: probability that a leader dies in a change of peers
	BreakAfterSnapshot  float64       // CELL_BREAK_AFTER_SNAPSHOT: probability that a snapshot spoils the next start
	CrashOnDestroy      bool          // CELL_CRASH_ON_DESTROY: die of "destroy cell not exist" on finding a cell gone
	Capacity, Available uint64        // CELL_DISK=capacity,available in bytes: what to report in place of statfs
}

// SwitchesFromEnv reads the switches.
func SwitchesFromEnv() Switches {
	s := Switches{
		SnapshotDelay:      envMillis("CELL_SNAPSHOT_DELAY_MS", time.Second),
		BootstrapDelay:     envMillis("CELL_BOOTSTRAP_DELAY_MS", 200*time.Millisecond),
		CrashOnPeerChange:  envFloat("CELL_CRASH_ON_PEER_CHANGE"),
		BreakAfterSnapshot: envFloat("CELL_BREAK_AFTER_SNAPSHOT"),
		CrashOnDestroy:     os.Getenv("CELL_CRASH_ON_DESTROY") != "",
	}
	if capacity, available, ok := strings.Cut(os.Getenv("CELL_DISK"), ","); ok {
		s.Capacity, _ = strconv.ParseUint(capacity, 10, 64)
		s.Available, _ = strconv.ParseUint(available, 10, 64)
	}
	return s
}

func envMillis(name string, otherwise time.Duration) time.Duration {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n >= 0 {
		return time.Duration(n) * time.Millisecond
	}
	return otherwise
}

func envFloat(name string) float64 {
	f, _ := strconv.ParseFloat(os.Getenv(name), 64)
	return f
}

// AddFlags declares the store's flags with upstream's defaults; the function it returns gives the parsed configuration.
func AddFlags(fs *flag.FlagSet) func() Config {
	var c Config
	var pd string
	var store, cell, tick, down, metric uint64
	fs.StringVar(&pd, "pd", "", "PD addresses")
	fs.StringVar(&c.Addr, "addr", ":10800", "Internal address")
	fs.StringVar(&c.AddrClient, "addr-cli", ":6379", "KV client address")
	fs.StringVar(&c.AddrPprof, "addr-pprof", "", "pprof http server address")
	fs.StringVar(&c.Data, "data", "", "The data dir")
	fs.StringVar(&c.Zone, "zone", "", "Zone label")
	fs.StringVar(&c.Rack, "rack", "", "Rack label")
	fs.Uint64Var(&c.ClusterID, "clusterid", 0, "Cluster ID")
	fs.Uint64Var(&store, "interval-heartbeat-store", 10, "Interval(sec): Store heartbeat")
	fs.Uint64Var(&cell, "interval-heartbeat-cell", 30, "Interval(sec): Cell heartbeat")
	fs.Uint64Var(&tick, "interval-raft-tick", 1000, "Interval(ms): Raft tick")
	fs.IntVar(&c.ElectionTicks, "threshold-raft-election", 10, "Threshold: Raft election, after this ticks")
	fs.IntVar(&c.HeartbeatTicks, "threshold-raft-heartbeat", 2, "Threshold: Raft heartbeat, after this ticks")
	fs.Uint64Var(&down, "limit-peer-down", 300, "Limit(sec): Max peer downtime")
	fs.BoolVar(&c.SyncLog, "enable-sync-raftlog", false, "Enable: sync raft log to disk")
	fs.StringVar(&c.MetricJob, "metric-job", "", "prometheus job name")
	fs.StringVar(&c.MetricInstance, "metric-instance", "", "prometheus instance name")
	fs.StringVar(&c.MetricAddress, "metric-address", "", "prometheus proxy address")
	fs.Uint64Var(&metric, "interval-metric-sync", 0, "Interval(sec): metric sync")
	fs.BoolVar(&c.EnableMetricsByReq, "enable-metrics-request", false, "Enable: request metrics")
	addIgnored(fs)
	return func() Config {
		c.StoreHeartbeat, c.CellHeartbeat = time.Duration(store)*time.Second, time.Duration(cell)*time.Second
		c.RaftTick, c.PeerDown = time.Duration(tick)*time.Millisecond, time.Duration(down)*time.Second
		c.MetricInterval = time.Duration(metric) * time.Second
		if pd != "" {
			c.PD = strings.Split(pd, ",")
		}
		c.Switches = SwitchesFromEnv()
		return c
	}
}

// addIgnored declares what the real store knows and the stand-in has no use for.
func addIgnored(fs *flag.FlagSet) {
	for name, otherwise := range map[string]uint64{
		"buffer-cli-read": 256, "buffer-cli-write": 256, "batch-cli-resps": 64, "capacity-cell": 0,
		"interval-split-check": 10, "interval-compact": 10, "interval-report-metric": 10, "interval-retry-sent-snapshot": 10,
		"limit-compact-count": 0, "limit-compact-bytes": 0, "limit-compact-lag": 0, "limit-raft-msg-count": 256,
		"limit-raft-msg-bytes": 1, "limit-raft-entry-bytes": 8, "limit-snap-chunk-bytes": 1024, "limit-snap-chunk-rate": 16,
		"limit-nemo-instance": 1, "threshold-compact": 64, "threshold-split-check": 0, "batch-size-proposal": 1024,
		"batch-size-sent": 64, "worker-count-sent": 64, "worker-count-sent-snap": 4, "worker-count-apply": 64,
	} {
		fs.Uint64(name, otherwise, "(ignored by the stand-in)")
	}
}

// Missing returns the complaint about a required flag that is not set, or "".
func (c Config) Missing() string {
	switch {
	case len(c.PD) == 0:
		return "PD must be set"
	case c.Data == "":
		return "Data dir must be set"
	case c.Rack == "":
		return "Location rack must be set"
	case c.Zone == "":
		return "Location zone must be set"
	}
	return ""
}
