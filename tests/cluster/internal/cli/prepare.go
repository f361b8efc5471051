// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/doctor"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/programs"
)

// preparation is how the machine is made ready.
type preparation struct {
	noInstall bool
	cacheDir  string
	nodes     int // how many the cluster shall have
}

func (p *preparation) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.noInstall, "no-install", false, "do not install Debian packages; say only what is missing")
	cmd.Flags().StringVar(&p.cacheDir, "cache-dir", "", "where built programs are kept (default ~/.cache/cell-operator/bin)")
}

// prepared is a machine that was made ready.
type prepared struct {
	bin   string
	facts doctor.Facts
}

// prepare checks the machine, installs packages if it may, and builds the programs.
func (a *app) prepare(ctx context.Context, p preparation, purpose doctor.Purpose, wanted []string) (prepared, error) {
	cache, err := p.cache()
	if err != nil {
		return prepared{}, err
	}
	findings, facts, err := a.examine(ctx, p, purpose, cache, wanted)
	if err != nil {
		return prepared{}, err
	}
	for _, f := range findings {
		if f.Level == doctor.Warning {
			fmt.Fprintf(a.progress, "warning: %s: %s: %s\n", f.Subject, f.Message, f.Remedy)
		}
	}
	if err := doctor.Err(findings); err != nil {
		return prepared{}, err
	}
	if err := cache.Build(ctx, wanted, a.progress); err != nil {
		return prepared{}, err
	}
	return prepared{bin: cache.Dir, facts: facts}, nil
}

func (p *preparation) cache() (*programs.Cache, error) {
	tools, err := programs.FindTools()
	if err != nil {
		return nil, err
	}
	return programs.Open(tools, p.cacheDir)
}

// examine looks at the machine, and once more after it has installed what was missing.
func (a *app) examine(ctx context.Context, p preparation, purpose doctor.Purpose, cache *programs.Cache, wanted []string) ([]doctor.Finding, doctor.Facts, error) {
	look := func() ([]doctor.Finding, doctor.Facts) {
		facts := doctor.Gather(ctx, existing(stateBase()))
		facts.Nodes = p.nodes
		facts.NeedsGo = len(cache.Missing(wanted)) > 0
		return doctor.Examine(facts, purpose), facts
	}
	findings, facts := look()
	packages := doctor.Packages(findings)
	if p.noInstall || !facts.CanInstall() || len(packages) == 0 {
		return findings, facts, nil
	}
	if err := doctor.Install(ctx, packages, a.progress); err != nil {
		return nil, facts, err
	}
	findings, facts = look()
	return findings, facts, nil
}

// existing is the nearest folder above that is there already.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func (a *app) build() *cobra.Command {
	var p preparation
	var only []string
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build Kubernetes' programs and print the folder they are in",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range only {
				if !slices.Contains(programs.All(), name) {
					return fmt.Errorf("--only %s: there are %v", name, programs.All())
				}
			}
			ready, err := a.prepare(cmd.Context(), p, doctor.ForAPIServer, only)
			if err != nil {
				return err
			}
			return a.print(map[string]string{"bin": ready.bin}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, ready.bin)
				return err
			})
		},
	}
	cmd.Flags().StringSliceVar(&only, "only", programs.All(), "which programs")
	p.addFlags(cmd)
	return cmd
}

func (a *app) doctor() *cobra.Command {
	var p preparation
	purpose := string(doctor.ForCluster)
	p.nodes = usualNodes
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what this machine lacks; as root on Debian or Ubuntu, install it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(doctor.Purposes, doctor.Purpose(purpose)) {
				return fmt.Errorf("--for %q: use one of %v", purpose, doctor.Purposes)
			}
			cache, err := p.cache()
			if err != nil {
				return err
			}
			wanted := programs.ForCluster(false)
			if purpose == string(doctor.ForAPIServer) {
				wanted = programs.ForAPIServer(nil)
			}
			findings, _, err := a.examine(cmd.Context(), p, doctor.Purpose(purpose), cache, wanted)
			if err != nil {
				return err
			}
			if err := a.print(findings, func(w io.Writer) error { return writeFindings(w, findings) }); err != nil {
				return err
			}
			return doctor.Err(findings)
		},
	}
	cmd.Flags().StringVar(&purpose, "for", purpose, "what the machine shall do: apiserver, cluster or demo")
	p.addFlags(cmd)
	return cmd
}

func writeFindings(w io.Writer, findings []doctor.Finding) error {
	for _, f := range findings {
		line := fmt.Sprintf("%-8s %s: %s", f.Level, f.Subject, f.Message)
		if f.Remedy != "" {
			line += ": " + f.Remedy
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
