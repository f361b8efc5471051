// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// templates are the pod templates of a cluster.
func templates(t *testing.T, c *v1alpha1.CellCluster) map[naming.Component]*corev1.PodTemplateSpec {
	t.Helper()
	pd, err := PDStatefulSet(c, 3, launcherImage)
	require.NoError(t, err)
	store, err := StoreStatefulSet(c, 3, launcherImage)
	require.NoError(t, err)
	proxy, err := ProxyDeployment(c, nil, launcherImage)
	require.NoError(t, err)
	return map[naming.Component]*corev1.PodTemplateSpec{
		naming.PD: &pd.Spec.Template, naming.Store: &store.Spec.Template, naming.Proxy: &proxy.Spec.Template,
	}
}

// planIn reads the plan off a template as the launcher gets it to see.
func planIn(t *testing.T, template *corev1.PodTemplateSpec) launch.Plan {
	t.Helper()
	env := template.Spec.Containers[0].Env
	i := slices.IndexFunc(env, func(e corev1.EnvVar) bool { return e.Name == launch.PlanVariable })
	require.GreaterOrEqual(t, i, 0)
	plan, err := launch.Decode([]byte(kubernetesExpands(env[i].Value, func(string) (string, bool) { return "EXPANDED", true })))
	require.NoError(t, err)
	return plan
}

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// Each field of the configuration becomes exactly one argument, or one field of the proxy's file.
func TestPlanArguments(t *testing.T) {
	tests := map[string]struct {
		component naming.Component
		set       func(*v1alpha1.CellClusterSpec)
		want      string
	}{
		"pd.maxReplicas":      {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.MaxReplicas = new(int32(5)) }, "-limit-replicas=5"},
		"pd.maxStoreDownTime": {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.MaxStoreDownTime = duration(90 * time.Minute) }, "-interval-store-down=5400"},
		"pd.leaderLease":      {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.LeaderLease = duration(1500 * time.Millisecond) }, "-interval-leader-lease=2"},
		"pd.storageThreshold": {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.StorageThreshold = new(int32(60)) }, "-threshold-rate-storage=60"},
		"pd.logLevel":         {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.LogLevel = "debug" }, "-log-level=debug"},
		"pd.limits.leader":    {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.Limits = &v1alpha1.PDLimits{Leader: new(int32(1))} }, "-limit-schedule-leader=1"},
		"pd.limits.cell":      {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.Limits = &v1alpha1.PDLimits{Cell: new(int32(0))} }, "-limit-schedule-cell=0"},
		"pd.limits.replica":   {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.Config.Limits = &v1alpha1.PDLimits{Replica: new(int32(3))} }, "-limit-schedule-replica=3"},
		"pd.extraArgs":        {naming.PD, func(s *v1alpha1.CellClusterSpec) { s.PD.ExtraArgs = []string{"-x=$(Y) $$(Z) $$"} }, "-x=$(Y) $$(Z) $$"},

		"store.syncLog, by default on": {naming.Store, func(s *v1alpha1.CellClusterSpec) {}, "-enable-sync-raftlog"},
		"store.logLevel":               {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.Config.LogLevel = "warn" }, "-log-level=warn"},
		"store.cellCapacity":           {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.Config.CellCapacity = new(int64(1 << 20)) }, "-capacity-cell=1048576"},
		"store.storeHeartbeatInterval": {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.Config.StoreHeartbeatInterval = duration(9 * time.Second) }, "-interval-heartbeat-store=9"},
		"store.cellHeartbeatInterval":  {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.Config.CellHeartbeatInterval = duration(time.Millisecond) }, "-interval-heartbeat-cell=1"},
		"store.raftTickInterval":       {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.Config.RaftTickInterval = duration(250 * time.Millisecond) }, "-interval-raft-tick=250"},
		"store.raftTickInterval, tiny": {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.Config.RaftTickInterval = duration(time.Microsecond) }, "-interval-raft-tick=1"},
		"store.peerDownTime":           {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.Config.PeerDownTime = duration(time.Minute) }, "-limit-peer-down=60"},
		"store.extraArgs":              {naming.Store, func(s *v1alpha1.CellClusterSpec) { s.Store.ExtraArgs = []string{"-y"} }, "-y"},

		"proxy.logLevel":  {naming.Proxy, func(s *v1alpha1.CellClusterSpec) { s.Proxy.Config.LogLevel = "fatal" }, "-log-level=fatal"},
		"proxy.extraArgs": {naming.Proxy, func(s *v1alpha1.CellClusterSpec) { s.Proxy.ExtraArgs = []string{"-z"} }, "-z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := small(t)
			test.set(&c.Spec)
			args := planIn(t, templates(t, c)[test.component]).Args
			assert.Equal(t, 1, count(args, test.want), "%q", args)
		})
	}
	t.Run("store.syncLog off", func(t *testing.T) {
		c := small(t)
		c.Spec.Store.Config.SyncLog = new(false)
		assert.NotContains(t, planIn(t, templates(t, c)[naming.Store]).Args, "-enable-sync-raftlog")
	})
	t.Run("extra arguments come last, so that they win", func(t *testing.T) {
		c := small(t)
		c.Spec.PD.ExtraArgs = []string{"-log-level=error"}
		args := planIn(t, templates(t, c)[naming.PD]).Args
		assert.Equal(t, "-log-level=error", args[len(args)-1])
	})
}

func count(args []string, want string) int {
	n := 0
	for _, a := range args {
		if a == want {
			n++
		}
	}
	return n
}

// What Elasticell needs to be able to start and to be found, see the habits of the real one.
func TestPlanAddresses(t *testing.T) {
	made := templates(t, small(t))
	values := launch.Values{
		launch.PodName: "demo-pd-1", launch.PodIP: "10.0.0.7", launch.Host: "demo-pd-1.demo-pd-peer.ns.svc",
		launch.InitialCluster: "x", launch.InitialClusterState: "new", launch.Zone: "z", launch.Rack: "r",
	}
	fill := func(c naming.Component) launch.Start {
		start, err := planIn(t, made[c]).Fill(values)
		require.NoError(t, err)
		return start
	}
	pd := fill(naming.PD)
	assert.Equal(t, "/usr/local/bin/pd", pd.Program)
	assert.Contains(t, pd.Args, "-urls-client=http://10.0.0.7:2379", "PD binds to IPs only, and followers forward to this address")
	assert.Contains(t, pd.Args, "-addr-rpc=demo-pd-1.demo-pd-peer.ns.svc:20800", "PD's address is a name for life")
	assert.Contains(t, pd.Args, "-labels-location=zone,rack")

	store := fill(naming.Store)
	assert.Equal(t, "/usr/local/bin/cell", store.Program)
	address := "demo-pd.ns.svc:20800"
	assert.Contains(t, store.Args, "-pd="+strings.Join(slices.Repeat([]string{address}, 8), ","), "a store gives PD up after one pass over the list")
	assert.Contains(t, store.Args, "-zone=z")
	assert.True(t, planIn(t, made[naming.Store]).Location)
	assert.Equal(t, []string{address}, planIn(t, made[naming.Store]).WaitFor)

	proxy := fill(naming.Proxy)
	assert.Equal(t, "/usr/local/bin/proxy", proxy.Program)
	require.Len(t, proxy.Files, 1)
	assert.Contains(t, proxy.Args, "-cfg="+proxy.Files[0].Path)
	var config proxyConfig
	require.NoError(t, json.Unmarshal([]byte(proxy.Files[0].Content), &config))
	assert.Equal(t, ":6379", config.Addr)
	assert.Equal(t, "10.0.0.7:9998", config.AddrNotify, "PD dials this address")
	assert.Equal(t, slices.Repeat([]string{address}, 8), config.PDAddrs)
	for _, command := range []string{"ping", "get", "set", "del"} {
		assert.Contains(t, config.SupportCMDs, command)
	}
}

func TestProxyFile(t *testing.T) {
	c := small(t)
	c.Spec.Proxy.Config = &v1alpha1.ProxyConfig{
		LogLevel: "info", MaxRetries: new(int32(0)), RetryDuration: duration(1500 * time.Millisecond), WorkerCount: new(int32(16)), SupportCMDs: []string{"ping"},
	}
	var config proxyConfig
	require.NoError(t, json.Unmarshal([]byte(planIn(t, templates(t, c)[naming.Proxy]).Files[0].Content), &config))
	assert.EqualValues(t, 0, config.MaxRetries)
	assert.EqualValues(t, 1500, config.RetryDuration, "in milliseconds")
	assert.EqualValues(t, 16, config.WorkerCount)
	assert.Equal(t, []string{"ping"}, config.SupportCMDs)
}

func TestCommandsAreUnique(t *testing.T) {
	commands := redisCommands()
	slices.Sort(commands)
	assert.Equal(t, slices.Compact(slices.Clone(commands)), commands)
}

// A rest of a second counts as one: rounded down to 0 it would turn a limit off.
func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", time.Nanosecond: "1", 999 * time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Hour: "3600",
	} {
		assert.Equal(t, want, seconds(d), d.String())
	}
}

func TestProxyDrain(t *testing.T) {
	tests := map[int64][]string{
		60: {"--grace", "5s", "--max", "55s"},
		12: {"--grace", "5s", "--max", "7s"},
		7:  {"--grace", "2s", "--max", "2s"},
		3:  {"--grace", "0s", "--max", "0s"},
	}
	for grace, want := range tests {
		c := small(t)
		c.Spec.Proxy.TerminationGracePeriodSeconds = &grace
		command := templates(t, c)[naming.Proxy].Spec.Containers[0].Lifecycle.PreStop.Exec.Command
		assert.Equal(t, append([]string{"/launcher/cell-launcher", "drain", "proxy"}, want...), command)
	}
}

func TestStartConfigMap(t *testing.T) {
	c := small(t)
	join := launch.Join{State: launch.JoinExisting, Members: []launch.JoinMember{PDMember(c, 0), PDMember(c, 2)}}
	made, err := StartConfigMap(c, join, nil)
	require.NoError(t, err)
	back, err := launch.DecodeJoin([]byte(made.Data[launch.JoinKey]))
	require.NoError(t, err)
	assert.Equal(t, join, back)
	assert.Equal(t, launch.JoinMember{
		Name:      "demo-pd-2",
		PeerURL:   "http://demo-pd-2.demo-pd-peer.ns.svc:2380",
		ClientURL: "http://demo-pd-2.demo-pd-peer.ns.svc:2379",
	}, back.Members[1])
	assert.Len(t, made.Data, 1)

	_, err = StartConfigMap(c, launch.Join{State: launch.JoinNew}, nil)
	assert.ErrorContains(t, err, "members", "a membership of nobody must not reach a pod")
}
