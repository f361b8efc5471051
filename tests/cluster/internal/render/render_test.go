// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

func setup() Setup {
	return Setup{
		Options: plan.Options{Name: "cell", Nodes: 2},
		Dirs:    "/state", Bin: "/bin", Ports: NetNSPorts(40123), CNIBin: "/cni", Snapshotter: "overlayfs",
	}
}

// flags reads a command line of --key=value.
func flags(args []string) map[string]string {
	m := map[string]string{}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		m[key] = value
	}
	return m
}

func TestAPIServerWithNodes(t *testing.T) {
	got := flags(setup().APIServerArgs())
	assert.Equal(t, "40123", got["--secure-port"])
	assert.Equal(t, plan.HubIP, got["--advertise-address"], "pods reach it there")
	assert.Equal(t, "InternalIP", got["--kubelet-preferred-address-types"])
	assert.Equal(t, "Node,RBAC", got["--authorization-mode"])
	assert.Equal(t, "http://127.0.0.1:2379", got["--etcd-servers"])
}

func TestBareAPIServerStaysOnLoopback(t *testing.T) {
	s := setup()
	s.OnHost = true
	got := flags(s.APIServerArgs())
	assert.Equal(t, "127.0.0.1", got["--bind-address"])
	assert.Equal(t, "127.0.0.1", got["--advertise-address"])
	assert.NotContains(t, got, "--kubelet-client-key")
	for _, args := range [][]string{s.EtcdArgs(), s.ControllerManagerArgs(), s.SchedulerArgs(), s.KwokArgs()} {
		assert.NotContains(t, strings.Join(args, " "), "0.0.0.0", "nothing listens beyond the loopback")
	}
}

func TestUsersArgumentsComeLast(t *testing.T) {
	s := setup()
	s.Extra = map[string][]string{ControllerManager: {"--leader-elect=true"}}
	args := s.ControllerManagerArgs()
	assert.Equal(t, "/bin/kube-controller-manager", args[0])
	assert.Equal(t, "--leader-elect=true", args[len(args)-1])
	assert.NotContains(t, s.SchedulerArgs(), "--leader-elect=true")
}

func TestKubelet(t *testing.T) {
	n := plan.NewNode(2, "zone-2")
	args := flags(setup().KubeletArgs(n))
	assert.Equal(t, "node-2", args["--hostname-override"])
	assert.Equal(t, "topology.kubernetes.io/zone=zone-2", args["--node-labels"])
	assert.Equal(t, n.IP(), args["--node-ip"])

	var config map[string]any
	require.NoError(t, json.Unmarshal([]byte(setup().KubeletConfig(n)), &config))
	for key, want := range map[string]any{
		"kind":                        "KubeletConfiguration",
		"containerRuntimeEndpoint":    "unix:///state/nodes/node-2/containerd.sock",
		"address":                     n.IP(),
		"failCgroupV1":                false,
		"cgroupsPerQOS":               false,
		"enforceNodeAllocatable":      []any{},
		"clusterDNS":                  []any{plan.DNSServiceIP},
		"imageGCHighThresholdPercent": float64(100),
		"serializeImagePulls":         false,
		"configMapAndSecretChangeDetectionStrategy": "Watch",
	} {
		assert.Equal(t, want, config[key], key)
	}
	for key, value := range config {
		if path, ok := value.(string); ok && strings.HasPrefix(path, "/") {
			assert.True(t, plan.Dirs("/state").Contains(path), "%s: %s is shared between nodes", key, path)
		}
	}
}

func TestNodesShareNothing(t *testing.T) {
	s := setup()
	a, b := plan.NewNode(1, "zone-1"), plan.NewNode(2, "zone-2")
	assert.NotEqual(t, s.ContainerdConfig(a), s.ContainerdConfig(b))
	assert.NotContains(t, s.ContainerdConfig(a), "node-2")
	assert.NotContains(t, s.CNIConfig(a), b.PodRange())
	assert.Contains(t, s.CNIConfig(a), a.PodRange())
}

func TestContainerdConfig(t *testing.T) {
	got := setup().ContainerdConfig(plan.NewNode(1, "zone-1"))
	for _, line := range []string{
		`version = 2`,
		`restrict_oom_score_adj = true`,
		`netns_mounts_under_state_dir = true`,
		`sandbox_image = "` + PauseImage + `"`,
		`bin_dir = "/cni"`,
		`snapshotter = "overlayfs"`,
		`SystemdCgroup = false`,
		`Root = "/state/nodes/node-1/containerd/state/runc"`,
	} {
		assert.Contains(t, got, line)
	}
	assert.NotContains(t, got, "<no value>")
}

func TestKubeProxyChangesNoLimitOfTheMachine(t *testing.T) {
	var config struct {
		Mode             string
		HostnameOverride string
		Conntrack        map[string]any
		OOMScoreAdj      *int
	}
	require.NoError(t, json.Unmarshal([]byte(setup().KubeProxyConfig("node-1", "/k")), &config))
	assert.Equal(t, "nftables", config.Mode)
	assert.Equal(t, "node-1", config.HostnameOverride)
	assert.Equal(t, map[string]any{"maxPerCore": 0.0, "min": 0.0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}, config.Conntrack)
	require.NotNil(t, config.OOMScoreAdj)
	assert.Zero(t, *config.OOMScoreAdj)
}

func TestCorefile(t *testing.T) {
	got := setup().Corefile()
	assert.Contains(t, got, "bind "+plan.HubIP)
	assert.Contains(t, got, "kubernetes cluster.local")
	assert.Contains(t, got, "rcode NXDOMAIN", "names of the outer world do not exist, rather than fail for now")
	assert.Equal(t, strings.Count(got, "{"), strings.Count(got, "}"))
}

func TestKubeconfig(t *testing.T) {
	got := Kubeconfig("cell", "https://127.0.0.1:1", []byte("ca"), []byte("cert"), []byte("key"))
	assert.Contains(t, got, "server: https://127.0.0.1:1\n")
	assert.Contains(t, got, "certificate-authority-data: Y2E=\n")
	assert.Contains(t, got, "client-certificate-data: Y2VydA==\n")
	assert.Contains(t, got, "client-key-data: a2V5\n")
	assert.NotContains(t, got, "%!")
}

func TestForwardIsKnownByItsFolder(t *testing.T) {
	args := setup().ForwardArgs("/tmp/go-build/cluster")
	assert.Equal(t, []string{"/tmp/go-build/cluster", "internal", "forward", "--to=127.0.0.1:40123", "--cluster=/state/cluster.json"}, args)
}
