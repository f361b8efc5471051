// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package doctor says what a machine lacks to run a cluster, and how to get it.
package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// Purpose is what the machine shall do.
type Purpose string

// The purposes, each with more needs than the one before.
const (
	ForAPIServer Purpose = "apiserver" // a bare control plane; needs no root
	ForCluster   Purpose = "cluster"   // real nodes
	ForDemo      Purpose = "demo"      // real nodes, images built on the spot, a Redis client
)

// Purposes lists them for messages.
var Purposes = []Purpose{ForAPIServer, ForCluster, ForDemo}

// Level tells how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning" // it may work
	Missing Level = "missing" // it cannot work
)

// Finding is what was found on one subject.
type Finding struct {
	Subject string `json:"subject"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	Package string `json:"package,omitempty"` // Debian's, where one is the remedy
}

// Facts is what the machine is like.
type Facts struct {
	Root         bool
	Distribution string            // ID and ID_LIKE of /etc/os-release
	Programs     map[string]string // path by name; absent: not found
	CNIBin       string            // folder of the CNI plugins; "": not found
	GoVersion    string            // as in "go1.26.8"; "": no Go
	NeedsGo      bool              // something is still to be built
	Capabilities uint64
	Controllers  []string // of cgroups, v1 or v2
	CgroupsRW    bool
	MemoryMiB    int
	DiskMiB      int // free where the cluster and the programs go
	Overlay      bool
	Nodes        int   // how many the cluster shall have
	Inotify      int   // how many inotify instances one user may have
	NFTables     error // of asking nft for its tables; nil also if nft is missing
}

// program is a need for a program.
type program struct {
	name, pkg, why string
	from           Purpose
}

// programs lists what is taken from the distribution rather than built.
var programs = []program{
	{"ip", "iproute2", "makes the nodes' networks", ForCluster},
	{"nsenter", "util-linux", "starts programs in a node's network", ForCluster},
	{"unshare", "util-linux", "gives `run` the cluster's DNS", ForCluster},
	{"nft", "nftables", "is what kube-proxy sets Services up with", ForCluster},
	{"containerd", "containerd", "runs the pods' containers", ForCluster},
	{"ctr", "containerd", "loads images", ForCluster},
	{"containerd-shim-runc-v2", "containerd", "holds each container", ForCluster},
	{"runc", "runc", "starts each container", ForCluster},
	{"buildah", "buildah", "builds images without a daemon", ForDemo},
	{"redis-cli", "redis-tools", "talks to the proxy", ForDemo},
}

// cniPackage brings the plugins that CNIPlugins names.
const cniPackage = "containernetworking-plugins"

// CNIPlugins are the plugins that the nodes use.
var CNIPlugins = []string{"ptp", "host-local", "loopback"}

// Sizes below which a cluster is no pleasure.
const (
	minMemoryMiB = 3 << 10
	minDiskMiB   = 6 << 10
)

// minGo is the version that tools/*/go.mod ask for. A Go from 1.21 on fetches a newer one by itself.
var minGo = [2]int{1, 21}

// Examine judges the facts. The findings come in the order in which one would mend them.
func Examine(f Facts, purpose Purpose) []Finding {
	var findings []Finding
	if purpose != ForAPIServer {
		findings = append(findings, f.root(), f.kernel())
	}
	for _, p := range programs {
		if slices.Index(Purposes, p.from) <= slices.Index(Purposes, purpose) {
			findings = append(findings, f.program(p))
		}
	}
	if purpose != ForAPIServer {
		findings = append(findings, f.cni(), f.netfilter(), f.inotify())
	}
	return append(findings, f.golang(), f.size("memory", f.MemoryMiB, minMemoryMiB), f.size("disk", f.DiskMiB, minDiskMiB))
}

// Packages lists the Debian packages that would mend findings, each once.
func Packages(findings []Finding) []string {
	var list []string
	for _, f := range findings {
		if f.Level == Missing && f.Package != "" && !slices.Contains(list, f.Package) {
			list = append(list, f.Package)
		}
	}
	return list
}

// Err is nil if nothing is missing, else it says all that is.
func Err(findings []Finding) error {
	var lines []string
	for _, f := range findings {
		if f.Level == Missing {
			lines = append(lines, fmt.Sprintf("  %s: %s: %s", f.Subject, f.Message, f.Remedy))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("this machine lacks:\n%s", strings.Join(lines, "\n"))
}

// CanInstall tells whether we may install packages ourselves.
func (f Facts) CanInstall() bool { return f.Root && f.debian() }

func (f Facts) debian() bool {
	return slices.ContainsFunc(strings.Fields(f.Distribution), func(id string) bool {
		return id == "debian" || id == "ubuntu"
	})
}

func (f Facts) install(pkg string) string {
	switch {
	case !f.debian():
		return "install it with your package manager (Debian calls the package " + pkg + ")"
	case !f.Root:
		return "sudo apt-get install " + pkg
	}
	return "apt-get install " + pkg
}

const (
	capNetAdmin = 12
	capSysAdmin = 21
)

func (f Facts) root() Finding {
	finding := Finding{Subject: "root", Level: OK, Message: "may make namespaces and mounts"}
	const needed = 1<<capNetAdmin | 1<<capSysAdmin
	switch {
	case !f.Root:
		finding.Level, finding.Message = Missing, "nodes are network namespaces with mounts, which only root may make"
		finding.Remedy = "run it with sudo, or use kind: make demo CLUSTER=kind"
	case f.Capabilities&needed != needed:
		finding.Level, finding.Message = Missing, "root here lacks CAP_NET_ADMIN or CAP_SYS_ADMIN, as in an unprivileged container"
		finding.Remedy = "run it on the machine itself or in a privileged container"
	}
	return finding
}

func (f Facts) kernel() Finding {
	finding := Finding{Subject: "cgroups", Level: OK, Message: "writable"}
	for _, controller := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(f.Controllers, controller) {
			finding.Level, finding.Message = Missing, "the kernel offers no "+controller+" controller"
			finding.Remedy = "enable it at boot (cgroup_enable=" + controller + ")"
		}
	}
	if f.Root && !f.CgroupsRW {
		finding.Level, finding.Message = Missing, "/sys/fs/cgroup is read-only, as in a container"
		finding.Remedy = "run it on the machine itself or in a privileged container with its own cgroup namespace"
	}
	if finding.Level == OK && !f.Overlay {
		finding.Subject, finding.Level = "overlayfs", Warning
		finding.Message, finding.Remedy = "not offered by the kernel: images are copied whole for each container", "modprobe overlay"
	}
	return finding
}

func (f Facts) program(p program) Finding {
	finding := Finding{Subject: p.name, Level: OK, Message: f.Programs[p.name]}
	if finding.Message == "" {
		finding.Level, finding.Message = Missing, "not found; it "+p.why
		finding.Remedy, finding.Package = f.install(p.pkg), p.pkg
	}
	return finding
}

func (f Facts) cni() Finding {
	finding := Finding{Subject: "CNI plugins", Level: OK, Message: f.CNIBin}
	if f.CNIBin == "" {
		finding.Level, finding.Message = Missing, "no folder with "+strings.Join(CNIPlugins, ", ")+" found; they connect pods"
		finding.Remedy, finding.Package = f.install(cniPackage), cniPackage
	}
	return finding
}

func (f Facts) netfilter() Finding {
	if f.NFTables != nil && f.Programs["nft"] != "" && f.Root {
		return Finding{
			Subject: "nf_tables", Level: Missing, Message: f.NFTables.Error(),
			Remedy: "use a kernel with nf_tables (modprobe nf_tables)",
		}
	}
	return Finding{Subject: "nf_tables", Level: OK, Message: "offered by the kernel"}
}

// How many inotify instances the programs take, counted with Kubernetes 1.36.
const (
	inotifyPerNode = 8
	inotifyElse    = 24
)

func (f Facts) inotify() Finding {
	finding := Finding{Subject: "inotify", Level: OK, Message: fmt.Sprintf("%d instances", f.Inotify)}
	if need := f.Nodes*inotifyPerNode + inotifyElse; f.Inotify < need {
		finding.Level = Missing
		finding.Message += fmt.Sprintf(", and %d nodes need %d", f.Nodes, need)
		finding.Remedy = fmt.Sprintf("sysctl -w fs.inotify.max_user_instances=%d", 2*need)
	}
	return finding
}

func (f Facts) golang() Finding {
	finding := Finding{Subject: "go", Level: OK, Message: f.GoVersion}
	var major, minor int
	if _, err := fmt.Sscanf(f.GoVersion, "go%d.%d", &major, &minor); err != nil {
		finding.Message = "not found"
	}
	if major > minGo[0] || major == minGo[0] && minor >= minGo[1] {
		return finding
	}
	if !f.NeedsGo {
		finding.Message += ", and not needed: all programs are built"
		return finding
	}
	finding.Level = Missing
	finding.Message += fmt.Sprintf("; Go %d.%d or newer builds Kubernetes' programs", minGo[0], minGo[1])
	finding.Remedy = "get it from https://go.dev/dl/ and put it on the PATH"
	return finding
}

func (f Facts) size(subject string, have, want int) Finding {
	finding := Finding{Subject: subject, Level: OK, Message: fmt.Sprintf("%d MiB", have)}
	if have < want {
		finding.Level = Warning
		finding.Message += fmt.Sprintf(", and three nodes and the programs want %d", want)
		finding.Remedy = "take a larger machine if pods or builds fail"
	}
	return finding
}
