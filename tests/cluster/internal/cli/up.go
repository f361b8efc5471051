// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/cluster"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/doctor"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/programs"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

const usualNodes = 3

// bring is what the two kinds of `up` are told.
type bring struct {
	options plan.Options
	extra   []string // --arg
	prepare preparation
}

func (b *bring) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&b.options.FakeNodes, "kwok-nodes", 0, "further nodes that KWOK plays: their pods become ready and nothing runs")
	flags.StringArrayVar(&b.extra, "arg", nil, "COMPONENT=--flag=value: a further argument of a component, as in kube-controller-manager=--node-monitor-grace-period=20s")
	b.prepare.addFlags(cmd)
}

func (a *app) up() *cobra.Command {
	var b bring
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a cluster up, or say that it is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			controllers := []string{render.ControllerManager, render.Scheduler, render.CoreDNS}
			if b.options.FakeNodes > 0 {
				controllers = append(controllers, render.Kwok)
			}
			setup, err := a.bringUp(cmd.Context(), b, doctor.ForCluster, controllers)
			if err != nil {
				return err
			}
			return a.print(setup, func(w io.Writer) error { return writeUsage(w, setup) })
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&b.options.Nodes, "nodes", usualNodes, "how many nodes")
	flags.IntVar(&b.options.Zones, "zones", 0, "over how many zones they are spread (default 3, or the number of nodes if that is less)")
	flags.IntVar(&b.options.VolumesPerNode, "volumes-per-node", 6, "how many local volumes each node offers")
	b.addFlags(cmd)
	return cmd
}

func (a *app) apiserver() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apiserver",
		Short: "A bare control plane on the loopback, without nodes and without root",
	}
	var b bring
	var with []string
	up := &cobra.Command{
		Use:   "up",
		Short: "Bring a bare control plane up and print the path of its kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			controllers, err := controllersOf(with, b.options.FakeNodes)
			if err != nil {
				return err
			}
			setup, err := a.bringUp(cmd.Context(), b, doctor.ForAPIServer, controllers)
			if err != nil {
				return err
			}
			return a.print(setup, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, setup.Kubeconfig)
				return err
			})
		},
	}
	up.Flags().StringSliceVar(&with, "with", nil, "further components: controller-manager, scheduler, kwok")
	b.addFlags(up)
	cmd.AddCommand(up, a.takeDown(defaultAPIServerName))
	return cmd
}

// controllersOf spells out what --with names.
func controllersOf(with []string, fakeNodes int) ([]string, error) {
	var list []string
	for _, name := range with {
		full := name
		if name != render.Kwok && !strings.HasPrefix(name, "kube-") {
			full = "kube-" + name
		}
		if !slices.Contains(cluster.ControllerComponents, full) {
			return nil, fmt.Errorf("--with %s: use some of controller-manager, scheduler, kwok", name)
		}
		if !slices.Contains(list, full) {
			list = append(list, full)
		}
	}
	if fakeNodes > 0 && !slices.Contains(list, render.Kwok) {
		return nil, errors.New("--kwok-nodes: nobody would play them: add kwok to --with")
	}
	return list, nil
}

// bringUp checks the machine, builds what is missing and brings the cluster up.
func (a *app) bringUp(ctx context.Context, b bring, purpose doctor.Purpose, controllers []string) (cluster.Status, error) {
	begin := time.Now()
	onHost, fallback := purpose == doctor.ForAPIServer, defaultName
	if onHost {
		fallback = defaultAPIServerName
	}
	dirs, err := a.choose(fallback)
	if err != nil {
		return cluster.Status{}, err
	}
	b.options.Name = a.name
	if err := b.options.Validate(); err != nil {
		return cluster.Status{}, err
	}
	extra, err := extraArgs(b.extra)
	if err != nil {
		return cluster.Status{}, err
	}
	b.prepare.nodes = b.options.Nodes
	report := cluster.NewReport(a.progress)
	wanted := programs.ForCluster(slices.Contains(controllers, render.Kwok))
	if onHost {
		wanted = programs.ForAPIServer(controllers)
	}
	var ready prepared
	err = report.Phase("machine checked, programs built", func() error {
		ready, err = a.prepare(ctx, b.prepare, purpose, wanted)
		return err
	})
	if err != nil {
		return cluster.Status{}, err
	}
	setup := render.Setup{
		Options: b.options, Dirs: dirs, Bin: ready.bin, OnHost: onHost, Extra: extra, Controllers: controllers,
		CNIBin: ready.facts.CNIBin, Snapshotter: doctor.Snapshotter(existing(string(dirs))),
	}
	var status cluster.Status
	err = a.locked(ctx, dirs, func() error {
		c, err := cluster.Up(ctx, setup, report)
		if err != nil {
			return err
		}
		status = c.Status(ctx)
		status.Phases = report.Phases()
		return nil
	})
	if err == nil {
		report.Say("%6.1f s  in all", time.Since(begin).Seconds())
	}
	return status, err
}

// extraArgs sorts --arg by component.
func extraArgs(list []string) (map[string][]string, error) {
	var extra map[string][]string
	for _, item := range list {
		component, arg, found := strings.Cut(item, "=")
		if !found || !strings.HasPrefix(arg, "-") {
			return nil, fmt.Errorf("--arg %q: use COMPONENT=--flag=value", item)
		}
		if !slices.Contains(render.Components, component) {
			return nil, fmt.Errorf("--arg %q: no component %q: there are %s", item, component, strings.Join(render.Components, ", "))
		}
		if extra == nil {
			extra = map[string][]string{}
		}
		extra[component] = append(extra[component], arg)
	}
	return extra, nil
}

func writeUsage(w io.Writer, s cluster.Status) error {
	_, err := fmt.Fprintf(w, `
Cluster %s is up. To use it:

    export KUBECONFIG=%s PATH=%s:$PATH
    kubectl get nodes -L topology.kubernetes.io/zone
`, s.Name, s.Kubeconfig, s.Bin)
	return err
}
