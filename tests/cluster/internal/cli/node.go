// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/cluster"
)

func (a *app) node() *cobra.Command {
	cmd := &cobra.Command{Use: "node", Short: "Do to nodes what happens to nodes"}
	cmd.AddCommand(a.nodeStop(), a.nodeAdd(),
		a.nodeDo("start NAME", "Start a stopped node; returns when it is Ready", (*cluster.Cluster).StartNode),
		a.nodeDo("cut NAME", "Pull a node's cable: it runs on, and nobody reaches it", (*cluster.Cluster).CutNode),
		a.nodeDo("join NAME", "Plug the cable in again", (*cluster.Cluster).JoinNode))
	return cmd
}

func (a *app) nodeDo(use, short string, do func(*cluster.Cluster, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), func(c *cluster.Cluster) error { return do(c, cmd.Context(), args[0]) })
		},
	}
}

func (a *app) nodeStop() *cobra.Command {
	var keepPods bool
	cmd := &cobra.Command{
		Use:   "stop NAME",
		Short: "Cut a node's power: its pods and programs end at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), func(c *cluster.Cluster) error { return c.StopNode(args[0], keepPods) })
		},
	}
	cmd.Flags().BoolVar(&keepPods, "keep-pods", false, "end kubelet, kube-proxy and containerd only; pods run on")
	return cmd
}

func (a *app) nodeAdd() *cobra.Command {
	var zone string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add a node and print its name; returns when it is Ready",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd.Context(), func(c *cluster.Cluster) error {
				n, err := c.AddNode(cmd.Context(), zone)
				if err != nil {
					return err
				}
				return a.print(n, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, n.Name)
					return err
				})
			})
		},
	}
	cmd.Flags().StringVar(&zone, "zone", "", "its zone (default: the next in turn)")
	return cmd
}
