// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"os"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

// Dirs is where the cluster keeps its files.
func (c *Cluster) Dirs() plan.Dirs { return c.dirs }

// RunCommand is the command line and the environment by which a command runs in the cluster's network,
// with its DNS, kubectl on the PATH and the kubeconfig set. node "" is the control plane's network.
func (c *Cluster) RunCommand(node string, command []string) (args, env []string, err error) {
	if c.setup().OnHost {
		return nil, nil, errors.New("run: a bare apiserver has no network of its own")
	}
	netns := c.hubNetNS()
	if node != "" {
		n, err := c.node(node)
		if err != nil {
			return nil, nil, err
		}
		netns = plan.NodeNetNS(c.name(), n.Node)
	}
	env = append(os.Environ(), "KUBECONFIG="+c.dirs.Kubeconfig(), "PATH="+c.setup().Bin+":"+os.Getenv("PATH"))
	// A mount namespace of its own, so that the resolver's file is another for this command alone.
	args = []string{
		"nsenter", "--net=" + host.NetNSPath(netns), "--",
		"unshare", "--mount", "--propagation=private", "--",
		"sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, c.dirs.Config("run-resolv.conf"),
	}
	return append(args, command...), env, nil
}
