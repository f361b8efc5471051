// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
)

func (a *app) run() *cobra.Command {
	var node string
	cmd := &cobra.Command{
		Use:   "run -- COMMAND [ARG...]",
		Short: "Run a command in the cluster's network: it reaches pods and Services by address and by name",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			command, env, err := c.RunCommand(node, args)
			if err != nil {
				return err
			}
			program, err := exec.LookPath(command[0])
			if err != nil {
				return fmt.Errorf("run: %w", err)
			}
			// In our place, so that signals, input and the exit code are the command's own.
			return syscall.Exec(program, command, env)
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "in this node's network (default: the control plane's)")
	return cmd
}

// internal holds what cell-cluster starts of itself.
func (a *app) internal() *cobra.Command {
	cmd := &cobra.Command{Use: "internal", Hidden: true}
	var to string
	forward := &cobra.Command{
		Use:  "forward",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			const handedDown = 3 // the first descriptor after the standard ones
			listener, err := net.FileListener(os.NewFile(handedDown, "listener"))
			if err != nil {
				return fmt.Errorf("take over listening socket: %w", err)
			}
			return forward(listener, to, a.progress)
		},
	}
	forward.Flags().StringVar(&to, "to", "", "address to connect to")
	forward.Flags().String("cluster", "", "the cluster's state file, by which the process is known")
	cmd.AddCommand(forward)
	return cmd
}

// forward connects whoever comes with an address, until the listener is closed.
func forward(listener net.Listener, to string, log io.Writer) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() {
			if err := join(conn, to); err != nil {
				fmt.Fprintln(log, err)
			}
		}()
	}
}

// join copies both ways until both sides are done.
func join(near net.Conn, to string) error {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer far.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0]) // a broken connection is its users' business
			if err := way[1].(*net.TCPConn).CloseWrite(); err != nil && !errors.Is(err, net.ErrClosed) {
				_ = way[1].Close()
			}
		})
	}
	both.Wait()
	return nil
}
