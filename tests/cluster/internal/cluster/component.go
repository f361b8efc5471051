// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
)

// tailLines is how much of a log is shown with an error.
const tailLines = 12

// launch is a component to be started.
type launch struct {
	name  string
	node  string // "": the control plane's
	netns string // "": the machine's own
	args  []string
	env   []string
	files []*os.File
}

// running is a component that was started by this very command.
type running struct {
	Component
	ended <-chan struct{}
}

// start starts a component and writes it down.
func (c *Cluster) start(l launch) (*running, error) {
	daemon := host.Daemon{Args: l.args, NetNS: l.netns, Log: c.dirs.Log(l.name, l.node), Env: l.env, Files: l.files}
	process, ended, err := daemon.Start()
	if err != nil {
		return nil, err
	}
	component := Component{Name: l.name, Node: l.node, Process: process, Log: daemon.Log}
	err = c.update(func(s *State) {
		s.Components = slices.DeleteFunc(s.Components, func(old Component) bool {
			return old.Name == l.name && old.Node == l.node
		})
		s.Components = append(s.Components, component)
	})
	return &running{Component: component, ended: ended}, err
}

// await waits until a component does what the condition asks. It gives up at once if the component
// ends, and shows its log then.
func (r *running) await(ctx context.Context, timeout time.Duration, what string, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := poll(ctx, r.ended, condition)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w\n%s", what, err, r.tail())
}

// tail shows the end of the component's log, with its name.
func (c Component) tail() string {
	return fmt.Sprintf("the end of %s:\n    %s", c.Log, strings.Join(host.Tail(c.Log, tailLines), "\n    "))
}

const pollInterval = 50 * time.Millisecond

// poll calls a condition until it has no error. The error is the condition's last, with the reason
// why there is no further try.
func poll(ctx context.Context, ended <-chan struct{}, condition func(context.Context) error) error {
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("the program ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(pollInterval):
		}
	}
}
