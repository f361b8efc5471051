// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"

	"golang.org/x/sync/errgroup"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/dnscheck"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/kubeapi"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

// Up brings a cluster up: with nodes, or a bare control plane if the setup says OnHost. One of the same
// setup that runs already is left as it is.
func Up(ctx context.Context, setup render.Setup, report *Report) (*Cluster, error) {
	c, err := reuse(setup, report)
	if c != nil || err != nil {
		return c, err
	}
	err = report.Phase("leftovers removed", func() error {
		found, err := Clean(ctx, setup.Options.Name, setup.Dirs)
		if found {
			report.Say("          removed the leftovers of an earlier cluster %s", setup.Options.Name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	c = &Cluster{dirs: setup.Dirs}
	if setup.OnHost {
		err = c.upOnHost(ctx, setup, report)
	} else {
		err = c.upWithNodes(ctx, setup, report)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\nwhat runs is left for a look (`cell-cluster status`); the next up or down removes it", err)
	}
	return c, c.update(func(s *State) { s.Complete = true })
}

// reuse returns the cluster that runs already, if it is whole. One that was begun otherwise is an
// error: to remove it is the user's decision.
func reuse(setup render.Setup, report *Report) (*Cluster, error) {
	c, err := Load(setup.Dirs)
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	if err != nil {
		report.Say("          %v", err)
		return nil, nil // an `up` that was killed early; what it left is removed next
	}
	state := c.State()
	if dead := state.dead(); !state.Complete || len(dead) > 0 {
		return nil, nil
	}
	wanted := setup
	wanted.Ports = state.Setup.Ports // chosen anew each time
	if !reflect.DeepEqual(wanted, state.Setup) {
		return nil, fmt.Errorf("cluster %s runs with other settings: take it down first (`cell-cluster down --name %[1]s`) or choose another --name", setup.Options.Name)
	}
	report.Say("          cluster %s runs already", setup.Options.Name)
	return c, nil
}

func (c *Cluster) makeDirs() error {
	dirs := []string{c.dirs.PKI(), c.dirs.Config(""), c.dirs.Logs(), c.dirs.Images(), c.dirs.Nodes()}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make state folder: %w", err)
		}
	}
	return nil
}

// upOnHost brings up a bare control plane on the machine's loopback.
func (c *Cluster) upOnHost(ctx context.Context, setup render.Setup, report *Report) error {
	ports, err := freePorts()
	if err != nil {
		return err
	}
	setup.Ports = ports
	if err := c.begin(setup); err != nil {
		return err
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	if err := report.Phase("apiserver ready", func() error { return c.startAPI(ctx, api) }); err != nil {
		return err
	}
	if err := apply(ctx, api, append(c.fakeNodes(), kubeapi.StorageClass())...); err != nil {
		return err
	}
	return c.startControllers()
}

// begin writes down what the cluster shall be and everything its control plane reads.
func (c *Cluster) begin(setup render.Setup) error {
	if err := os.MkdirAll(string(c.dirs), 0o755); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	err := c.update(func(s *State) {
		s.Setup = setup
		if setup.Options.Nodes > 0 {
			s.Kernel = host.SettingsToRestore()
		}
		for _, n := range setup.Options.RealNodes() {
			s.Nodes = append(s.Nodes, NodeState{Node: n})
		}
	})
	if err != nil {
		return err
	}
	if err := c.makeDirs(); err != nil {
		return err
	}
	return c.writeControlPlane()
}

// upWithNodes brings up a cluster with nodes, in namespaces of its own.
func (c *Cluster) upWithNodes(ctx context.Context, setup render.Setup, report *Report) error {
	// Held until the forwarder has it, so that nobody else takes the port.
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	setup.Ports = render.NetNSPorts(listener.Addr().(*net.TCPAddr).Port)
	nodes := setup.Options.RealNodes()
	err = report.Phase("certificates and files written", func() error {
		if err := c.begin(setup); err != nil {
			return err
		}
		for _, n := range nodes {
			if err := c.writeNode(n); err != nil {
				return err
			}
		}
		return c.writePauseImage()
	})
	if err != nil {
		return err
	}
	if err := report.Phase("networks made", func() error { return c.addNetworks(ctx, nodes) }); err != nil {
		return err
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error {
		return report.Phase("apiserver ready", func() error {
			if err := c.startForward(listener); err != nil {
				return err
			}
			return c.startAPI(ctx, api)
		})
	})
	group.Go(func() error {
		return report.Phase("containerd ready on each node", func() error { return c.eachNode(ctx, c.prepareNode) })
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return c.populate(ctx, api, nodes, report)
}

// populate makes an apiserver with prepared nodes a cluster.
func (c *Cluster) populate(ctx context.Context, api *kubeapi.Client, nodes []plan.Node, report *Report) error {
	err := report.Phase("nodes Ready", func() error { return c.startNodes(ctx, api, nodes) })
	if err != nil {
		return err
	}
	return report.Phase("cluster DNS answers everywhere", func() error { return c.awaitDNS(ctx) })
}

func (c *Cluster) startNodes(ctx context.Context, api *kubeapi.Client, nodes []plan.Node) error {
	var names []string
	for _, n := range nodes {
		if err := c.startKubelet(n); err != nil {
			return err
		}
		names = append(names, n.Name)
	}
	if err := c.startControllers(); err != nil {
		return err
	}
	objects := append(kubeapi.DNSObjects(), kubeapi.StorageClass())
	if err := apply(ctx, api, append(objects, c.fakeNodes()...)...); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := c.addVolumes(ctx, api, n); err != nil {
			return err
		}
	}
	if err := c.startHubProxy(nodes); err != nil {
		return err
	}
	return awaitNodes(ctx, api, nodeTimeout, names)
}

// startHubProxy gives the hub Service addresses too: for the apiserver's webhooks and for `run`. To
// kube-proxy it is the first node, since it insists on being some node.
func (c *Cluster) startHubProxy(nodes []plan.Node) error {
	if len(nodes) == 0 {
		return nil
	}
	const where = "hub"
	setup := c.setup()
	config := setup.KubeProxyConfig(nodes[0].Name, c.dirs.Config(render.KubeProxy+".kubeconfig"))
	if err := writeFiles(map[string]string{c.dirs.Config(render.KubeProxyFile(where)): config}); err != nil {
		return err
	}
	_, err := c.start(launch{name: render.KubeProxy, netns: c.hubNetNS(), args: setup.KubeProxyArgs(where)})
	return err
}

func (c *Cluster) addNetworks(ctx context.Context, nodes []plan.Node) error {
	if err := c.addHub(ctx); err != nil {
		return err
	}
	for i, n := range nodes {
		if err := c.addNodeNetwork(ctx, n, nodes[:i]); err != nil {
			return err
		}
	}
	return nil
}

// awaitDNS asks the cluster's DNS, by its Service's address, from the hub and from every node.
func (c *Cluster) awaitDNS(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	places := []string{c.hubNetNS()}
	for _, n := range c.State().Nodes {
		places = append(places, plan.NodeNetNS(c.name(), n.Node))
	}
	if len(places) == 1 {
		return nil // no node, hence no kube-proxy
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, place := range places {
		group.Go(func() error {
			return poll(ctx, nil, func(context.Context) error {
				return dnscheck.Ask(place, plan.DNSServiceIP+":53", "kubernetes.default.svc."+plan.DNSDomain+".", plan.APIServiceIP)
			})
		})
	}
	return group.Wait()
}

// freePorts finds ports on the machine's loopback that nobody uses.
func freePorts() (render.Ports, error) {
	var ports render.Ports
	for _, port := range []*int{&ports.API, &ports.EtcdClient, &ports.EtcdPeer, &ports.ControllerManager, &ports.Scheduler} {
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return ports, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close() // all at the end, so that no port is found twice
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
