// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/kubeapi"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

const containerdTimeout = time.Minute

// startRuntime starts a node's containerd and waits until it answers.
func (c *Cluster) startRuntime(ctx context.Context, n plan.Node) error {
	containerd, err := c.start(launch{
		name: render.Containerd, node: n.Name, netns: plan.NodeNetNS(c.name(), n),
		args: c.setup().ContainerdArgs(n),
		env:  []string{"TMPDIR=" + c.dirs.Node(n, "tmp")}, // its temporary mounts go with the node
	})
	if err != nil {
		return err
	}
	return containerd.await(ctx, containerdTimeout, "wait for containerd of "+n.Name, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", c.dirs.ContainerdSocket(n))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// startKubelet starts what makes a machine with a containerd a node.
func (c *Cluster) startKubelet(n plan.Node) error {
	setup, netns := c.setup(), plan.NodeNetNS(c.name(), n)
	if _, err := c.start(launch{name: render.Kubelet, node: n.Name, netns: netns, args: setup.KubeletArgs(n)}); err != nil {
		return err
	}
	_, err := c.start(launch{name: render.KubeProxy, node: n.Name, netns: netns, args: setup.KubeProxyArgs(n.Name)})
	return err
}

// prepareNode makes everything a node needs before its kubelet starts.
func (c *Cluster) prepareNode(ctx context.Context, n plan.Node) error {
	if err := c.startRuntime(ctx, n); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(c.dirs.Images(), "*.tar"))
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	for _, archive := range archives {
		if err := c.importImage(ctx, n, archive); err != nil {
			return err
		}
	}
	return nil
}

// AddNode adds a node; zone "" continues the round of the zones. It returns when the node is Ready.
func (c *Cluster) AddNode(ctx context.Context, zone string) (plan.Node, error) {
	if c.setup().OnHost {
		return plan.Node{}, errors.New("add node: this is a bare apiserver; fake nodes come with `apiserver up --with kwok --kwok-nodes N`")
	}
	nodes := c.State().Nodes
	index := len(nodes) + 1
	if index > plan.MaxNodes {
		return plan.Node{}, fmt.Errorf("add node: a cluster has at most %d", plan.MaxNodes)
	}
	if zone == "" {
		zone = plan.Zone(index, c.setup().Options.ZoneCount())
	}
	n := plan.NewNode(index, zone)
	var others []plan.Node
	for _, other := range nodes {
		others = append(others, other.Node)
	}
	if err := c.update(func(s *State) { s.Nodes = append(s.Nodes, NodeState{Node: n}) }); err != nil {
		return n, err
	}
	if err := c.addNodeNetwork(ctx, n, others); err != nil {
		return n, err
	}
	if err := c.writeNode(n); err != nil {
		return n, err
	}
	api, err := c.client()
	if err != nil {
		return n, err
	}
	if err := c.addVolumes(ctx, api, n); err != nil {
		return n, err
	}
	if err := c.prepareNode(ctx, n); err != nil {
		return n, err
	}
	if err := c.startKubelet(n); err != nil {
		return n, err
	}
	return n, awaitNodes(ctx, api, nodeTimeout, []string{n.Name})
}

// StopNode does what a power cut does: all programs and pods of the node end at once, and its cable
// is dead. With keepPods only kubelet, kube-proxy and containerd end, as in an upgrade of them.
func (c *Cluster) StopNode(name string, keepPods bool) error {
	n, err := c.node(name)
	if err != nil {
		return err
	}
	if err := c.updateNode(name, func(n *NodeState) { n.Stopped = true }); err != nil {
		return err
	}
	if keepPods {
		return c.killRecorded(name)
	}
	ctx := context.Background() // short, and not to be left half done
	if err := c.setCable(ctx, n.Node, false); err != nil {
		return err
	}
	ids := containerIDs(c.dirs, name)
	if err := killOwned(c.ownedByNode(n.Node), ids); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	if err := c.forget(name); err != nil {
		return err
	}
	if err := host.RemoveContainerCgroups(ids); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	removeShimSockets(c.dirs, name)
	// What a machine keeps in /run is gone after a power cut.
	return host.RemoveAll(c.dirs.Node(n.Node, "containerd", "state"))
}

// killRecorded ends the recorded programs of a node and nothing else.
func (c *Cluster) killRecorded(node string) error {
	var processes []host.Process
	for _, component := range c.State().Components {
		if component.Node == node {
			processes = append(processes, component.Process)
		}
	}
	if err := host.KillAll(processes, killTimeout); err != nil {
		return fmt.Errorf("stop %s: %w", node, err)
	}
	return c.forget(node)
}

// forget takes a node's components off the record: they shall not run.
func (c *Cluster) forget(node string) error {
	return c.update(func(s *State) {
		kept := s.Components[:0]
		for _, component := range s.Components {
			if component.Node != node {
				kept = append(kept, component)
			}
		}
		s.Components = kept
	})
}

// StartNode starts a stopped node again and returns when it is Ready, unless its cable is cut.
func (c *Cluster) StartNode(ctx context.Context, name string) error {
	n, err := c.node(name)
	if err != nil {
		return err
	}
	if !n.Stopped {
		return fmt.Errorf("start %s: it is not stopped", name)
	}
	if err := c.setCable(ctx, n.Node, !n.Cut); err != nil {
		return err
	}
	if err := os.Remove(c.dirs.ContainerdSocket(n.Node)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("start %s: %w", name, err)
	}
	since := time.Now()
	if err := c.prepareNode(ctx, n.Node); err != nil {
		return err
	}
	if err := c.startKubelet(n.Node); err != nil {
		return err
	}
	if err := c.updateNode(name, func(n *NodeState) { n.Stopped = false }); err != nil {
		return err
	}
	if n.Cut {
		return nil
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	return awaitRenewed(ctx, api, name, since)
}

// CutNode pulls a node's cable: it runs on, and nobody reaches it.
func (c *Cluster) CutNode(ctx context.Context, name string) error {
	return c.changeCable(ctx, name, true)
}

// JoinNode plugs the cable in again.
func (c *Cluster) JoinNode(ctx context.Context, name string) error {
	return c.changeCable(ctx, name, false)
}

func (c *Cluster) changeCable(ctx context.Context, name string, cut bool) error {
	n, err := c.node(name)
	if err != nil {
		return err
	}
	if !n.Stopped {
		if err := c.setCable(ctx, n.Node, !cut); err != nil {
			return err
		}
	}
	return c.updateNode(name, func(n *NodeState) { n.Cut = cut })
}

// awaitRenewed waits until a node is Ready by a sign of life after an instant: the apiserver calls a
// node Ready for most of a minute after its death.
func awaitRenewed(ctx context.Context, api *kubeapi.Client, name string, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	return poll(ctx, nil, func(ctx context.Context) error {
		var lease struct {
			Spec struct{ RenewTime time.Time }
		}
		if err := api.Get(ctx, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+name, &lease); err != nil {
			return err
		}
		if lease.Spec.RenewTime.Before(since) {
			return fmt.Errorf("node %s gave no sign of life yet", name)
		}
		return awaitNodes(ctx, api, nodeTimeout, []string{name})
	})
}

// eachNode does something with all running nodes at once.
func (c *Cluster) eachNode(ctx context.Context, do func(context.Context, plan.Node) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range c.State().Nodes {
		if !n.Stopped {
			group.Go(func() error { return do(ctx, n.Node) })
		}
	}
	return group.Wait()
}
