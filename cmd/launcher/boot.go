// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/boot"
)

// bootAs returns the command that becomes the component.
func bootAs(component launch.Component) func(context.Context, environment, []string) error {
	return func(ctx context.Context, env environment, args []string) error {
		flags := newFlags(string(component), env)
		plan := flags.String("plan", "", "the start plan, where $"+launch.PlanVariable+" is empty (default "+filepath.Join(launch.PlanDir, launch.Key(component, "$POD_NAME"))+")")
		join := flags.String("join", filepath.Join(launch.StartDir, launch.JoinKey), "the membership of PD, where the plan has none")
		annotations := flags.String("annotations", launch.AnnotationsPath, "the pod's annotations, written by the downward API")
		locationWait := flags.Duration("location-wait", 10*time.Second, "how long zone and rack may take before remembered ones are used")
		timeout := flags.Duration("ask-timeout", 2*time.Second, "how long a DNS server or a member of PD may take to answer")
		rest, err := parse(flags, args)
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			return fmt.Errorf("%w: takes no arguments, got %q", errUsage, rest)
		}
		pod, err := boot.PodFromEnv(env.getenv)
		if err != nil {
			return err
		}
		if *plan == "" {
			*plan = filepath.Join(launch.PlanDir, launch.Key(component, pod.Name))
		}
		launcher := boot.Launcher{
			Component:       component,
			Pod:             pod,
			PlanText:        env.getenv(launch.PlanVariable),
			PlanPath:        *plan,
			JoinPath:        *join,
			AnnotationsPath: *annotations,
			LocationWait:    *locationWait,
			Retry:           500 * time.Millisecond,
			Say:             10 * time.Second,
			Network:         boot.NewNetwork(*timeout),
			Exec:            env.exec,
			Log:             slog.New(slog.NewTextHandler(env.stderr, nil)).With("launcher", component, "pod", pod.Name),
		}
		return launcher.Run(ctx)
	}
}
