// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/atomicfile"
	"github.com/deepfabric/elasticell-operator/pkg/launch/membership"
)

// Network is what the launcher asks of the world outside of its pod. Each call
// ends by itself within a few seconds.
type Network interface {
	// LookupHost resolves a name to IP addresses.
	LookupHost(ctx context.Context, host string) ([]string, error)
	// Dial opens a TCP connection and closes it again.
	Dial(ctx context.Context, address string) error
	// Members asks a PD for the list of PD's members.
	Members(ctx context.Context, from launch.JoinMember) membership.Answer
}

// Launcher starts one component in one pod.
type Launcher struct {
	Component launch.Component
	Pod       Pod
	// PlanText is the plan, where the pod's environment carries it.
	PlanText string
	// PlanPath is where the plan is otherwise; JoinPath, the membership of PD where
	// the plan has none; AnnotationsPath, the pod's annotations. All three are
	// mounted into the pod and may appear and change while the launcher waits.
	PlanPath, JoinPath, AnnotationsPath string
	// LocationWait is how long the annotations may take before a remembered
	// location is used.
	LocationWait time.Duration
	// Retry is the time between two looks; Say, between two lines of log while
	// one wait lasts.
	Retry, Say time.Duration

	Network Network
	// Exec becomes the program; it returns only where that fails.
	Exec func(program string, argv []string) error
	Log  *slog.Logger
}

// Run waits and then becomes the program. It returns nil when ctx ends while it
// waits, and otherwise only with an error.
func (l *Launcher) Run(ctx context.Context) error {
	said := said{log: l.Log, every: l.Say}
	began := time.Now()
	for {
		start, wait, err := l.look(ctx, time.Since(began))
		switch {
		case ctx.Err() != nil:
			l.Log.Info("told to stop while waiting", "for", said.wait.For)
			return nil
		case err != nil:
			return err
		case wait == nil:
			l.Log.Info("starting", "program", start.Program, "args", start.Args, "waited", time.Since(began).Round(time.Millisecond))
			return l.become(ctx, start)
		}
		said.tell(*wait, time.Now())
		select {
		case <-ctx.Done():
		case <-time.After(l.Retry):
		}
	}
}

// look reads the plan and goes through what it asks for, in order, up to the
// first thing that is not there. Everything is read anew each time, since each of
// it, the plan too, may have changed meanwhile.
func (l *Launcher) look(ctx context.Context, waited time.Duration) (launch.Start, *Wait, error) {
	plan, wait, err := l.readPlan()
	if wait != nil || err != nil {
		return launch.Start{}, wait, err
	}
	values := l.Pod.values()
	steps := []func() (*Wait, error){
		func() (*Wait, error) { return l.ownName(ctx, plan, values) },
		func() (*Wait, error) { return l.location(plan, values, waited) },
		func() (*Wait, error) { return l.dialable(ctx, plan, values) },
		func() (*Wait, error) { return l.membership(ctx, plan, values) },
	}
	for _, step := range steps {
		if wait, err := step(); wait != nil || err != nil {
			return launch.Start{}, wait, err
		}
	}
	start, err := plan.Fill(values)
	return start, nil, err
}

func (l *Launcher) readPlan() (launch.Plan, *Wait, error) {
	data, source := []byte(l.PlanText), "the environment's "+launch.PlanVariable
	if l.PlanText == "" {
		var wait *Wait
		var err error
		if data, wait, err = readMounted(l.PlanPath, "this pod's start plan"); wait != nil || err != nil {
			return launch.Plan{}, wait, err
		}
		source = l.PlanPath
	}
	plan, err := launch.Decode(data)
	if err != nil {
		return launch.Plan{}, nil, fmt.Errorf("%s: %w", source, err)
	}
	if plan.Component != l.Component {
		return launch.Plan{}, nil, fmt.Errorf("%s: the plan starts a %s, but this pod is a %s of cluster %s: check the container's command",
			source, plan.Component, l.Component, plan.Cluster)
	}
	return plan, nil, nil
}

// readMounted reads a key of a ConfigMap, and waits for one that is not there yet.
func readMounted(path, what string) ([]byte, *Wait, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Wait{
			For: "the operator to write " + what + ", " + path,
			Now: "there is no such file; after a change of the ConfigMap the kubelet may take a minute to show it",
		}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", what, err)
	}
	return data, nil, nil
}

// become writes the plan's files and execs its program.
func (l *Launcher) become(ctx context.Context, start launch.Start) error {
	for _, file := range start.Files {
		if err := os.MkdirAll(filepath.Dir(file.Path), 0o755); err != nil {
			return fmt.Errorf("make directory for file of start plan: %w", err)
		}
		if err := atomicfile.Write(file.Path, os.FileMode(file.Mode), strings.NewReader(file.Content)); err != nil {
			return fmt.Errorf("write file of start plan: %w", err)
		}
	}
	// The program would never learn of a signal that this process has caught.
	if ctx.Err() != nil {
		return nil
	}
	argv := append([]string{start.Program}, start.Args...)
	if err := l.Exec(start.Program, argv); err != nil {
		return fmt.Errorf("start %s: %w: check that the component's image has this program", start.Program, err)
	}
	return nil
}
