// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

const killTimeout = 20 * time.Second

// ownPrograms are the programs that may run for a cluster. Pods' programs are known by their cgroup.
var ownPrograms = []string{
	render.Etcd, render.APIServer, render.ControllerManager, render.Scheduler, render.CoreDNS, render.Kwok,
	render.KubeProxy, render.Kubelet, render.Containerd, "containerd-shim-runc-v2", "runc", "ctr", "cell-cluster", "nsenter",
}

// Clean removes everything of a cluster, whatever state it is in: what `up` recorded, and what a
// killed `up` did not get to record. It tells whether there was anything.
func Clean(ctx context.Context, name string, dirs plan.Dirs) (found bool, err error) {
	namespaces, err := host.NetNSNames(func(netns string) bool { return plan.OwnsNetNS(name, netns) })
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(string(dirs)); errors.Is(err, os.ErrNotExist) && len(namespaces) == 0 {
		return false, nil
	}
	if err := refuseForeign(dirs); err != nil {
		return false, err
	}
	owned := host.Owned{StateDir: string(dirs), Programs: ownPrograms}
	for _, netns := range namespaces {
		owned.NetNS = append(owned.NetNS, host.NetNSInode(netns))
	}
	var kernel map[string]string
	if c, err := Load(dirs); err == nil {
		for _, component := range c.State().Components {
			owned.Recorded = append(owned.Recorded, component.Process)
		}
		kernel = c.State().Kernel
	}
	ids := containerIDs(dirs, "*")
	if err := killOwned(owned, ids); err != nil {
		return true, fmt.Errorf("end processes of cluster %s: %w", name, err)
	}
	if err := host.RemoveContainerCgroups(ids); err != nil {
		return true, err
	}
	removeShimSockets(dirs, "*")
	removeNetworkRecords(ids)
	removeLogLinks(dirs)
	for _, netns := range namespaces {
		if err := host.DeleteNetNS(ctx, netns); err != nil {
			return true, err
		}
	}
	if err := host.RestoreSettings(kernel); err != nil {
		return true, err
	}
	return true, host.RemoveAll(string(dirs))
}

// refuseForeign keeps us from removing a folder that was never a cluster's, given by mistake.
func refuseForeign(dirs plan.Dirs) error {
	entries, err := os.ReadDir(string(dirs))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read state folder: %w", err)
	}
	state := filepath.Base(dirs.StateFile())
	for _, e := range entries {
		if e.Name() == state || e.Name() == state+newSuffix {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s has files but no %s, so it is no cluster's: choose another --state-dir, or empty it yourself", string(dirs), state)
	}
	return nil
}

// ownedByNode are the signs of a node's processes.
func (c *Cluster) ownedByNode(n plan.Node) host.Owned {
	owned := host.Owned{
		NetNS:    []uint64{host.NetNSInode(plan.NodeNetNS(c.name(), n))},
		StateDir: c.dirs.Node(n),
		Programs: ownPrograms,
	}
	for _, component := range c.State().Components {
		if component.Node == n.Name {
			owned.Recorded = append(owned.Recorded, component.Process)
		}
	}
	return owned
}

// killOwned ends processes in rounds, for as long as it finds any: one that is about to end may have
// started another.
func killOwned(owned host.Owned, containers []string) error {
	const rounds = 20
	for range rounds {
		all, err := host.Processes()
		if err != nil {
			return err
		}
		processes, err := host.ContainerProcesses(containers)
		if err != nil {
			return err
		}
		for _, p := range host.Leftovers(all, owned) {
			processes = append(processes, p.Process)
		}
		if len(processes) == 0 {
			return nil
		}
		if err := host.KillAll(processes, killTimeout); err != nil {
			return err
		}
	}
	return fmt.Errorf("new processes kept appearing in %d rounds", rounds)
}

// taskDir is where containerd keeps a folder for each running container, named by its id.
func taskDir(dirs plan.Dirs, node string) string {
	return filepath.Join(dirs.Nodes(), node, "containerd/state/io.containerd.runtime.v2.task/k8s.io")
}

// containerIDs lists the containers of nodes; node may be a pattern.
func containerIDs(dirs plan.Dirs, node string) []string {
	matches, _ := filepath.Glob(filepath.Join(taskDir(dirs, node), "*")) // the pattern is well-formed
	for i, match := range matches {
		matches[i] = filepath.Base(match)
	}
	return matches
}

// removeShimSockets removes the sockets of containers' shims. They are the one thing that a containerd
// puts into a folder common to all, under a name that only its own files tell.
func removeShimSockets(dirs plan.Dirs, node string) {
	files, _ := filepath.Glob(filepath.Join(taskDir(dirs, node), "*", "address"))
	for _, file := range files {
		address, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if socket, ok := strings.CutPrefix(strings.TrimSpace(string(address)), "unix://"); ok {
			_ = os.Remove(socket) // nobody listens any more; an empty file in /run harms nobody
		}
	}
}

// removeNetworkRecords removes what the library that calls CNI plugins remembers of each pod, in a
// folder common to all.
func removeNetworkRecords(ids []string) {
	for _, id := range ids {
		files, _ := filepath.Glob("/var/lib/cni/results/" + render.PodNetwork + "-" + id + "-*")
		for _, file := range files {
			_ = os.Remove(file) // a small file that nobody reads
		}
	}
}

// removeLogLinks removes the links that a kubelet sets in /var/log/containers, wherever its logs are.
func removeLogLinks(dirs plan.Dirs) {
	links, _ := filepath.Glob("/var/log/containers/*.log")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && dirs.Contains(target) {
			_ = os.Remove(link)
		}
	}
}
