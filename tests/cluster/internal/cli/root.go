// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is the commands of cell-cluster: flags, order of work, and what is printed.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/cluster"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

// app is what the commands share.
type app struct {
	out      io.Writer // results, for machines and for people
	progress io.Writer // what goes on meanwhile, for people

	name     string
	stateDir string
	output   string
}

const (
	outputText = "text"
	outputJSON = "json"

	defaultName          = "cell"
	defaultAPIServerName = "api"
)

// New is the command line.
func New(out, progress io.Writer) *cobra.Command {
	a := &app{out: out, progress: progress}
	root := &cobra.Command{
		Use:           "cell-cluster",
		Short:         "A real Kubernetes on one Linux machine",
		Long:          "Brings up a real Kubernetes on one Linux machine without any container engine: each node is a\nnetwork namespace with a kubelet, a kube-proxy and a containerd of its own.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != outputText && a.output != outputJSON {
				return fmt.Errorf("--output %q: use %s or %s", a.output, outputText, outputJSON)
			}
			return nil
		},
	}
	root.SetOut(out)
	root.SetErr(progress)
	flags := root.PersistentFlags()
	flags.StringVar(&a.name, "name", "", fmt.Sprintf("which cluster (default %q, of `apiserver` %q)", defaultName, defaultAPIServerName))
	flags.StringVar(&a.stateDir, "state-dir", "", "where the cluster keeps its files (default "+stateBase()+"/NAME)")
	flags.StringVarP(&a.output, "output", "o", outputText, "how results are printed: text or json")
	root.AddCommand(a.up(), a.down(), a.status(), a.kubeconfig(), a.image(), a.node(), a.volumes(), a.run(),
		a.build(), a.doctor(), a.apiserver(), a.internal())
	return root
}

// stateBase is the folder of all clusters' folders. Root has one place whatever HOME is, so that
// `sudo cell-cluster down` finds what root's shell brought up.
func stateBase() string {
	if os.Geteuid() == 0 {
		return "/var/lib/cell-cluster"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "cell-cluster")
	}
	return filepath.Join(os.Getenv("HOME"), ".local/state/cell-cluster")
}

// choose fills in the cluster's name and folder.
func (a *app) choose(fallback string) (plan.Dirs, error) {
	if a.name == "" {
		a.name = fallback
	}
	dir := a.stateDir
	if dir == "" {
		dir = filepath.Join(stateBase(), a.name)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find state folder: %w", err)
	}
	return plan.Dirs(dir), plan.Dirs(dir).Validate()
}

// load finds the cluster that a command is about. Without a name it is the usual one.
func (a *app) load() (*cluster.Cluster, error) {
	dirs, err := a.choose(defaultName)
	if err != nil {
		return nil, err
	}
	return cluster.Load(dirs)
}

// change finds the cluster and keeps other commands from changing it meanwhile.
func (a *app) change(ctx context.Context, work func(*cluster.Cluster) error) error {
	dirs, err := a.choose(defaultName)
	if err != nil {
		return err
	}
	return a.locked(ctx, dirs, func() error {
		c, err := cluster.Load(dirs)
		if err != nil {
			return err
		}
		return work(c)
	})
}

func (a *app) locked(ctx context.Context, dirs plan.Dirs, work func() error) error {
	unlock, err := host.Lock(ctx, dirs.LockFile(), func() {
		fmt.Fprintln(a.progress, "waiting for another command on this cluster to end")
	})
	if err != nil {
		return err
	}
	defer unlock()
	return work()
}

// print prints a result: as JSON, or as text the way that the command likes.
func (a *app) print(result any, text func(io.Writer) error) error {
	if a.output == outputText {
		return text(a.out)
	}
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(result)
}
