// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
)

// statusTail is how much `status` shows of the log of each dead component.
const statusTail = 5

// Status is what `status` shows, and what `up` prints for machines.
type Status struct {
	Name       string            `json:"name"`
	Kubeconfig string            `json:"kubeconfig"`
	Server     string            `json:"server"` // the apiserver's URL
	Bin        string            `json:"bin"`    // folder with kubectl, helm and the others
	StateDir   string            `json:"stateDir"`
	Complete   bool              `json:"complete"` // `up` went to its end
	Healthy    bool              `json:"healthy"`  // complete, nothing dead, and the apiserver answers
	APIServer  string            `json:"apiserver"`
	Nodes      []NodeStatus      `json:"nodes"`
	Components []ComponentStatus `json:"components"`
	Phases     []Phase           `json:"phases,omitempty"` // of this very `up`
}

// NodeStatus is how a node fares.
type NodeStatus struct {
	Name  string `json:"name"`
	Zone  string `json:"zone"`
	IP    string `json:"ip"`
	State string `json:"state"` // running, stopped, cut, or stopped,cut: as commanded
	Ready bool   `json:"ready"` // as the apiserver sees it
}

// ComponentStatus is how a program fares.
type ComponentStatus struct {
	Name  string   `json:"name"`
	Node  string   `json:"node,omitempty"`
	PID   int      `json:"pid"`
	Alive bool     `json:"alive"`
	Log   string   `json:"log"`
	Tail  []string `json:"tail,omitempty"` // the end of a dead one's log
}

// Status looks at everything that belongs to the cluster.
func (c *Cluster) Status(ctx context.Context) Status {
	state := c.State()
	status := Status{
		Name: c.name(), Kubeconfig: c.dirs.Kubeconfig(), Server: state.Setup.LocalServer(), Bin: state.Setup.Bin,
		StateDir: string(c.dirs), Complete: state.Complete, Healthy: state.Complete, APIServer: "ready",
	}
	for _, component := range state.Components {
		seen := ComponentStatus{
			Name: component.Name, Node: component.Node, PID: component.Process.PID,
			Alive: component.Process.Alive(), Log: component.Log,
		}
		if !seen.Alive {
			seen.Tail = host.Tail(component.Log, statusTail)
			status.Healthy = false
		}
		status.Components = append(status.Components, seen)
	}
	ready, err := c.askReady(ctx)
	if err != nil {
		status.APIServer, status.Healthy = err.Error(), false
	}
	for _, n := range state.Nodes {
		status.Nodes = append(status.Nodes, NodeStatus{
			Name: n.Name, Zone: n.Zone, IP: n.IP(), State: commanded(n), Ready: slices.Contains(ready, n.Name),
		})
	}
	return status
}

func commanded(n NodeState) string {
	switch {
	case n.Stopped && n.Cut:
		return "stopped,cut"
	case n.Stopped:
		return "stopped"
	case n.Cut:
		return "cut"
	}
	return "running"
}

func (c *Cluster) askReady(ctx context.Context) ([]string, error) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	api, err := c.client()
	if err != nil {
		return nil, err
	}
	if err := api.Healthy(ctx); err != nil {
		return nil, err
	}
	return readyNodes(ctx, api)
}

// Write shows the status to people.
func (s Status) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "cluster\t%s\nkubeconfig\t%s\nprograms\t%s\nstate\t%s\napiserver\t%s, %s\n",
		s.Name, s.Kubeconfig, s.Bin, s.StateDir, s.Server, s.APIServer)
	if !s.Complete {
		fmt.Fprintf(w, "\n`up` did not come to its end\n")
	}
	if len(s.Nodes) > 0 {
		fmt.Fprintf(w, "\nNODE\tZONE\tIP\tSTATE\tREADY\n")
	}
	for _, n := range s.Nodes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\n", n.Name, n.Zone, n.IP, n.State, n.Ready)
	}
	fmt.Fprintf(w, "\nCOMPONENT\tNODE\tPID\tSTATE\tLOG\n")
	for _, component := range s.Components {
		state := "running"
		if !component.Alive {
			state = "DEAD"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", component.Name, orDash(component.Node), component.PID, state, component.Log)
	}
	for _, component := range s.Components {
		if component.Alive {
			continue
		}
		fmt.Fprintf(w, "\n%s %s is dead; the end of its log:\n", component.Name, component.Node)
		for _, line := range component.Tail {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	return w.Flush()
}

// Err is nil of a healthy cluster.
func (s Status) Err() error {
	if s.Healthy {
		return nil
	}
	return errors.New("cluster " + s.Name + " is not healthy")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
