// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/kubeapi"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

// Generous, for a busy machine with two cores.
const (
	apiTimeout  = 2 * time.Minute
	nodeTimeout = 2 * time.Minute
	dnsTimeout  = time.Minute
)

// hubNetNS is the namespace in which the control plane runs: the machine's own for a bare one.
func (c *Cluster) hubNetNS() string {
	if c.setup().OnHost {
		return ""
	}
	return plan.HubNetNS(c.name())
}

// startAPI starts etcd and the apiserver and waits until it takes requests.
func (c *Cluster) startAPI(ctx context.Context, api *kubeapi.Client) error {
	setup := c.setup()
	if _, err := c.start(launch{name: render.Etcd, netns: c.hubNetNS(), args: setup.EtcdArgs()}); err != nil {
		return err
	}
	apiserver, err := c.start(launch{name: render.APIServer, netns: c.hubNetNS(), args: setup.APIServerArgs()})
	if err != nil {
		return err
	}
	err = apiserver.await(ctx, apiTimeout, "wait for the apiserver", api.Healthy)
	if err == nil {
		return nil
	}
	for _, dead := range c.State().dead() {
		if dead.Name == render.Etcd {
			return fmt.Errorf("start etcd: it ended\n%s", dead.tail())
		}
	}
	return err
}

// startForward starts the way from the machine's loopback into the hub's namespace. The socket was
// opened here and is handed down: it stays the machine's, while the forwarder itself is in the hub.
func (c *Cluster) startForward(listener *net.TCPListener) error {
	socket, err := listener.File()
	if err != nil {
		return fmt.Errorf("start forwarder: %w", err)
	}
	defer socket.Close()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start forwarder: %w", err)
	}
	_, err = c.start(launch{
		name: render.Forward, netns: c.hubNetNS(), args: c.setup().ForwardArgs(self), files: []*os.File{socket},
	})
	return err
}

// ControllerComponents are the parts of a control plane that a bare apiserver goes without unless asked.
var ControllerComponents = []string{render.ControllerManager, render.Scheduler, render.Kwok}

// startControllers starts those components that make an apiserver act.
func (c *Cluster) startControllers() error {
	setup := c.setup()
	args := map[string]func() []string{
		render.ControllerManager: setup.ControllerManagerArgs,
		render.Scheduler:         setup.SchedulerArgs,
		render.Kwok:              setup.KwokArgs,
		render.CoreDNS:           setup.CoreDNSArgs,
	}
	for _, name := range setup.Controllers {
		if _, err := c.start(launch{name: name, netns: c.hubNetNS(), args: args[name]()}); err != nil {
			return err
		}
	}
	return nil
}

// client is an administrator's connection from the machine.
func (c *Cluster) client() (*kubeapi.Client, error) {
	return kubeapi.New(c.setup().LocalServer(), c.dirs.Cert(render.CertCA), c.dirs.Cert(render.CertAdmin), c.dirs.Key(render.CertAdmin))
}

// apply applies objects, several at a time. It waits for namespaces, which the apiserver makes by
// itself a moment after it is ready.
func apply(ctx context.Context, api *kubeapi.Client, objects ...kubeapi.Placed) error {
	const atOnce = 16
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, object := range objects {
		group.Go(func() error {
			var failed error
			err := poll(ctx, nil, func(ctx context.Context) error {
				failed = api.Apply(ctx, object.Path, object.Body)
				if kubeapi.IsNotFound(failed) {
					return failed
				}
				return nil
			})
			return errors.Join(err, failed)
		})
	}
	return group.Wait()
}

// fakeNodes are the nodes for KWOK.
func (c *Cluster) fakeNodes() []kubeapi.Placed {
	options := c.setup().Options
	var nodes []kubeapi.Placed
	for i := 1; i <= options.FakeNodes; i++ {
		nodes = append(nodes, kubeapi.FakeNode(i, options.ZoneCount(), options.Nodes > 0, render.FakeNodeAnnotation, render.FakeNodeValue))
	}
	return nodes
}

// awaitNodes waits until the apiserver calls all named nodes Ready.
func awaitNodes(ctx context.Context, api *kubeapi.Client, timeout time.Duration, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return poll(ctx, nil, func(ctx context.Context) error {
		ready, err := readyNodes(ctx, api)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !slices.Contains(ready, name) {
				return fmt.Errorf("node %s is not Ready", name)
			}
		}
		return nil
	})
}

func readyNodes(ctx context.Context, api *kubeapi.Client) ([]string, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := api.Get(ctx, "/api/v1/nodes", &list); err != nil {
		return nil, err
	}
	var ready []string
	for _, node := range list.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" {
				ready = append(ready, node.Metadata.Name)
			}
		}
	}
	return ready, nil
}
