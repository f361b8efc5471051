// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/cluster"
)

func (a *app) down() *cobra.Command { return a.takeDown(defaultName) }

func (a *app) takeDown(fallback string) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove a cluster and everything it left on the machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := a.choose(fallback)
			if err != nil {
				return err
			}
			report := cluster.NewReport(a.progress)
			return a.locked(cmd.Context(), dirs, func() error {
				return report.Phase("cluster "+a.name+" down", func() error {
					found, err := cluster.Clean(cmd.Context(), a.name, dirs)
					if !found && err == nil {
						report.Say("there is no cluster %s in %s", a.name, string(dirs))
					}
					return err
				})
			})
		},
	}
}

func (a *app) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs and what died, with the end of its log; fails if the cluster is not healthy",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			status := c.Status(cmd.Context())
			if err := a.print(status, status.Write); err != nil {
				return err
			}
			return status.Err()
		},
	}
}

func (a *app) kubeconfig() *cobra.Command {
	var content bool
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the cluster's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			file := c.Dirs().Kubeconfig()
			if !content {
				_, err := fmt.Fprintln(a.out, file)
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("read kubeconfig: %w", err)
			}
			_, err = a.out.Write(data)
			return err
		},
	}
	cmd.Flags().BoolVar(&content, "print", false, "print the content instead")
	return cmd
}

func (a *app) image() *cobra.Command {
	cmd := &cobra.Command{Use: "image", Short: "Give images to the nodes"}
	cmd.AddCommand(&cobra.Command{
		Use:   "load FILE.tar...",
		Short: "Load docker or OCI archives on all nodes, and on those that come later",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			return a.change(cmd.Context(), func(c *cluster.Cluster) error {
				names, err := c.LoadImages(cmd.Context(), files)
				if err != nil {
					return err
				}
				return a.printList("images", names)
			})
		},
	})
	return cmd
}

func (a *app) volumes() *cobra.Command {
	cmd := &cobra.Command{Use: "volumes", Short: "Look after the local volumes"}
	cmd.AddCommand(&cobra.Command{
		Use:   "clean",
		Short: "Empty the volumes whose claim is gone (Released, Failed) and offer them again",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd.Context(), func(c *cluster.Cluster) error {
				names, err := c.CleanVolumes(cmd.Context())
				if err != nil {
					return err
				}
				return a.printList("volumes", names)
			})
		},
	})
	return cmd
}

// printList prints one name a line, or an object with one list.
func (a *app) printList(key string, names []string) error {
	if names == nil {
		names = []string{} // JSON's [] rather than null
	}
	return a.print(map[string][]string{key: names}, func(w io.Writer) error {
		for _, name := range names {
			if _, err := fmt.Fprintln(w, name); err != nil {
				return err
			}
		}
		return nil
	})
}
