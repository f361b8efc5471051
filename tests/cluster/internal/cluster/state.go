// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster brings a cluster up and down, and does to its nodes what happens to nodes.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

// NodeState is a node and what was done to it.
type NodeState struct {
	plan.Node
	Stopped bool `json:"stopped"` // by `node stop`
	Cut     bool `json:"cut"`     // by `node cut`
}

// Component is a program that was started and shall run.
type Component struct {
	Name    string       `json:"name"`
	Node    string       `json:"node,omitempty"` // "": the control plane's
	Process host.Process `json:"process"`
	Log     string       `json:"log"`
}

// State is what is written down of a cluster. A process is recorded as soon as it runs, so that even
// an `up` that was killed leaves nothing behind that the next one does not know of.
type State struct {
	Setup      render.Setup `json:"setup"`
	Nodes      []NodeState  `json:"nodes"`
	Components []Component  `json:"components"`
	Complete   bool         `json:"complete"` // `up` went to its end

	// Kernel is the machine's settings that kubelets changed, as they were before.
	Kernel map[string]string `json:"kernel,omitempty"`
}

// Cluster is a cluster at hand.
type Cluster struct {
	dirs plan.Dirs

	mu    sync.Mutex // guards state; several nodes start at once
	state State
}

// ErrNone says that there is no cluster of that name.
var ErrNone = errors.New("no such cluster")

// Load reads what `up` wrote down. The error is [ErrNone] where nothing is.
func Load(dirs plan.Dirs) (*Cluster, error) {
	data, err := os.ReadFile(dirs.StateFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s: bring one up with `cell-cluster up`, or say which with --name or --state-dir", ErrNone, string(dirs))
	}
	if err != nil {
		return nil, fmt.Errorf("read cluster's state: %w", err)
	}
	c := &Cluster{dirs: dirs}
	if err := json.Unmarshal(data, &c.state); err != nil {
		return nil, fmt.Errorf("read cluster's state %s: %w", dirs.StateFile(), err)
	}
	return c, nil
}

// State is a copy of what is known.
func (c *Cluster) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	s.Nodes, s.Components = slices.Clone(s.Nodes), slices.Clone(s.Components)
	return s
}

// newSuffix marks a state file that is being written.
const newSuffix = ".new"

// update changes the state and writes it down.
func (c *Cluster) update(change func(*State)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.state)
	data, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return fmt.Errorf("write cluster's state: %w", err)
	}
	file := c.dirs.StateFile()
	if err := os.WriteFile(file+newSuffix, data, 0o600); err != nil {
		return fmt.Errorf("write cluster's state: %w", err)
	}
	if err := os.Rename(file+newSuffix, file); err != nil {
		return fmt.Errorf("write cluster's state: %w", err)
	}
	return nil
}

func (c *Cluster) setup() render.Setup { return c.state.Setup }

func (c *Cluster) name() string { return c.state.Setup.Options.Name }

// node looks a node up by name.
func (c *Cluster) node(name string) (NodeState, error) {
	state := c.State()
	var names []string
	for _, n := range state.Nodes {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return NodeState{}, fmt.Errorf("no node %q: there are %v", name, names)
}

func (c *Cluster) updateNode(name string, change func(*NodeState)) error {
	return c.update(func(s *State) {
		for i := range s.Nodes {
			if s.Nodes[i].Name == name {
				change(&s.Nodes[i])
			}
		}
	})
}

// dead lists the components that should run and do not.
func (s State) dead() []Component {
	return slices.DeleteFunc(slices.Clone(s.Components), func(c Component) bool { return c.Process.Alive() })
}
