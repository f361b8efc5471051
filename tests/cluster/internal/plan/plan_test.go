// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	good := Options{Name: "cell", Nodes: 3, VolumesPerNode: 6}
	tests := []struct {
		name   string
		change func(*Options)
		want   string // part of the error; "": none
	}{
		{"defaults", func(*Options) {}, ""},
		{"name with a dash", func(o *Options) { o.Name = "cell-2" }, ""},
		{"no name", func(o *Options) { o.Name = "" }, "--name"},
		{"name with a dot", func(o *Options) { o.Name = "a.b" }, "--name"},
		{"name ends with a dash", func(o *Options) { o.Name = "a-" }, "--name"},
		{"name with a path", func(o *Options) { o.Name = "../x" }, "--name"},
		{"name too long", func(o *Options) { o.Name = strings.Repeat("a", maxNameLen+1) }, "--name"},
		{"negative nodes", func(o *Options) { o.Nodes = -1 }, "--nodes"},
		{"too many nodes", func(o *Options) { o.Nodes = MaxNodes + 1 }, "--nodes"},
		{"as many zones as nodes", func(o *Options) { o.Zones = 3 }, ""},
		{"more zones than nodes", func(o *Options) { o.Zones = 4 }, "--zones 4: use 1 to the number of nodes (3)"},
		{"zones of fake nodes alone", func(o *Options) { o.Nodes, o.Zones, o.FakeNodes = 0, 5, 10 }, ""},
		{"too many fake nodes", func(o *Options) { o.FakeNodes = MaxFakeNodes + 1 }, "--kwok-nodes"},
		{"negative volumes", func(o *Options) { o.VolumesPerNode = -1 }, "--volumes-per-node"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			options := good
			tt.change(&options)
			err := options.Validate()
			if tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
		})
	}
}

func TestRealNodesGoRoundTheZones(t *testing.T) {
	zones := func(o Options) []string {
		var list []string
		for _, n := range o.RealNodes() {
			list = append(list, n.Zone)
		}
		return list
	}
	assert.Equal(t, []string{"zone-1", "zone-2", "zone-3", "zone-1"}, zones(Options{Nodes: 4}))
	assert.Equal(t, []string{"zone-1", "zone-2", "zone-1"}, zones(Options{Nodes: 3, Zones: 2}))
	assert.Equal(t, []string{"zone-1", "zone-2"}, zones(Options{Nodes: 2}), "two nodes cannot be in three zones")
	assert.Empty(t, zones(Options{FakeNodes: 5}))
}

func TestAddressesAreDistinct(t *testing.T) {
	seen := map[string]string{HubIP: "hub"}
	for i := 1; i <= MaxNodes; i++ {
		n := NewNode(i, "zone-1")
		for _, address := range []string{n.IP(), n.PodRange(), n.Port(), NodeNetNS("cell", n)} {
			require.Empty(t, seen[address], "%s of %s", address, n.Name)
			seen[address] = n.Name
		}
		assert.LessOrEqual(t, len(n.Port()), 15, "the kernel takes no longer name of a device")
	}
	assert.Equal(t, "172.30.1.2", NewNode(2, "").IP())
	assert.Equal(t, "10.244.2.0/24", NewNode(2, "").PodRange())
}

func TestOwnsNetNS(t *testing.T) {
	tests := []struct {
		netns string
		want  bool
	}{
		{HubNetNS("a"), true},
		{NodeNetNS("a", NewNode(1, "")), true},
		{HubNetNS("a-b"), false},
		{NodeNetNS("a-b", NewNode(1, "")), false},
		{"cni-1234", false},
		{"a", false},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, OwnsNetNS("a", tt.netns), tt.netns)
	}
}

func TestDirs(t *testing.T) {
	dirs := Dirs("/var/lib/cell-cluster/cell")
	require.NoError(t, dirs.Validate())
	assert.ErrorContains(t, Dirs("relative").Validate(), "absolute path")
	assert.ErrorContains(t, Dirs("/a/../b").Validate(), "absolute path")
	assert.ErrorContains(t, Dirs("/"+strings.Repeat("x", 100)).Validate(), "too long")

	assert.True(t, dirs.Contains("/var/lib/cell-cluster/cell/logs/etcd.log"))
	assert.False(t, dirs.Contains("/var/lib/cell-cluster/cell-2/logs/etcd.log"))
	assert.False(t, dirs.Contains(dirs.LockFile()), "the lock must survive the folder")
	assert.Equal(t, string(dirs)+"/logs/node-1.kubelet.log", dirs.Log("kubelet", "node-1"))
	assert.Equal(t, string(dirs)+"/logs/etcd.log", dirs.Log("etcd", ""))
}
