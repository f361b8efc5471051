// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fit is a machine that lacks nothing.
func fit() Facts {
	f := Facts{
		Root: true, Distribution: "debian", Programs: map[string]string{}, CNIBin: "/opt/cni/bin", GoVersion: "go1.26.8", NeedsGo: true,
		Capabilities: 1<<capNetAdmin | 1<<capSysAdmin, Controllers: []string{"cpu", "memory", "pids"}, CgroupsRW: true,
		MemoryMiB: 8 << 10, DiskMiB: 20 << 10, Overlay: true, Nodes: 3, Inotify: 128,
	}
	for _, p := range programs {
		f.Programs[p.name] = "/usr/bin/" + p.name
	}
	return f
}

func TestExamine(t *testing.T) {
	without := func(names ...string) func(*Facts) {
		return func(f *Facts) {
			f.Programs = maps.Clone(f.Programs)
			for _, name := range names {
				delete(f.Programs, name)
			}
		}
	}
	tests := []struct {
		name     string
		purpose  Purpose
		change   func(*Facts)
		want     string // part of the error; "": none
		packages []string
	}{
		{"fit", ForDemo, func(*Facts) {}, "", nil},
		{"no root", ForCluster, func(f *Facts) { f.Root = false }, "run it with sudo", nil},
		{"no root for an apiserver", ForAPIServer, func(f *Facts) { f.Root, f.CgroupsRW = false, false }, "", nil},
		{"root in a container", ForCluster, func(f *Facts) { f.Capabilities = 1 << capNetAdmin }, "CAP_SYS_ADMIN", nil},
		{"cgroups read-only", ForCluster, func(f *Facts) { f.CgroupsRW = false }, "read-only", nil},
		{"no memory controller", ForCluster, func(f *Facts) { f.Controllers = []string{"cpu", "pids"} }, "cgroup_enable=memory", nil},
		{"no containerd", ForCluster, without("containerd", "ctr", "containerd-shim-runc-v2"), "containerd: not found", []string{"containerd"}},
		{"no runc, no nft", ForCluster, without("runc", "nft"), "apt-get install runc", []string{"nftables", "runc"}},
		{"no containerd for an apiserver", ForAPIServer, without("containerd"), "", nil},
		{"no buildah for a cluster", ForCluster, without("buildah"), "", nil},
		{"no buildah for the demo", ForDemo, without("buildah", "redis-cli"), "redis-cli", []string{"buildah", "redis-tools"}},
		{"no CNI plugins", ForCluster, func(f *Facts) { f.CNIBin = "" }, "ptp, host-local, loopback", []string{cniPackage}},
		{"no nf_tables", ForCluster, func(f *Facts) { f.NFTables = errors.New("not supported") }, "modprobe nf_tables", nil},
		{"more nodes than inotify allows", ForCluster, func(f *Facts) { f.Nodes = 14 }, "sysctl -w fs.inotify.max_user_instances=272", nil},
		{"as many nodes as inotify allows", ForCluster, func(f *Facts) { f.Nodes = 13 }, "", nil},
		{"no Go", ForAPIServer, func(f *Facts) { f.GoVersion = "" }, "https://go.dev/dl/", nil},
		{"Debian 12's own Go", ForCluster, func(f *Facts) { f.GoVersion = "go1.19.8" }, "Go 1.21 or newer", nil},
		{"no Go, and nothing to build", ForCluster, func(f *Facts) { f.GoVersion, f.NeedsGo = "", false }, "", nil},
		{"little memory is only a warning", ForCluster, func(f *Facts) { f.MemoryMiB, f.DiskMiB, f.Overlay = 1024, 100, false }, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			facts := fit()
			tt.change(&facts)
			findings := Examine(facts, tt.purpose)
			err := Err(findings)
			if tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
			assert.Equal(t, tt.packages, Packages(findings))
			for _, f := range findings {
				assert.Equal(t, f.Level == OK, f.Remedy == "", "a remedy for each fault and for nothing else: %+v", f)
			}
		})
	}
}

func TestRemedyFitsTheDistribution(t *testing.T) {
	tests := []struct {
		name, distribution string
		root, canInstall   bool
		want               string
	}{
		{"root on Debian", "debian", true, true, "apt-get install runc"},
		{"root on Ubuntu", "ubuntu debian", true, true, "apt-get install runc"},
		{"user on Mint", "linuxmint ubuntu debian", false, false, "sudo apt-get install runc"},
		{"root on Fedora", "fedora", true, false, "package manager"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			facts := fit()
			facts.Distribution, facts.Root = tt.distribution, tt.root
			delete(facts.Programs, "runc")
			assert.Equal(t, tt.canInstall, facts.CanInstall())
			for _, f := range Examine(facts, ForCluster) {
				if f.Subject == "runc" {
					assert.Contains(t, f.Remedy, tt.want)
					return
				}
			}
			require.Fail(t, "runc was not examined")
		})
	}
}

func TestGatherSeesThisMachine(t *testing.T) {
	facts := Gather(t.Context(), t.TempDir())
	assert.NotEmpty(t, facts.GoVersion, "this test was built by it")
	assert.Positive(t, facts.MemoryMiB)
	assert.Positive(t, facts.DiskMiB)
}
