// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// environment is what the commands use of the process they run in.
type environment struct {
	getenv         func(string) string
	stdout, stderr io.Writer
	exec           func(program string, argv []string) error
	procNet        string
}

// command is one of the launcher's verbs.
type command struct {
	name, args, does string
	run              func(ctx context.Context, env environment, args []string) error
}

func commands() []command {
	return []command{
		{"install", "DEST", "copy this program to DEST, for an init container", runInstall},
		{"pd", "", "wait for what the start plan asks, then become PD", bootAs("pd")},
		{"store", "", "the same for a store", bootAs("store")},
		{"proxy", "", "the same for a proxy", bootAs("proxy")},
		{"probe", "pd|store|proxy|tcp [HOST:PORT]", "exit 0 if it is well, else 1 with the reason", runProbe},
		{"drain", "proxy", "wait until the clients have left, for preStop", runDrain},
		{"version", "", "print the version", runVersion},
	}
}

// errUsage is an error of the command line; exit code 2.
var errUsage = errors.New("usage")

// run carries out one command and returns the exit code.
func run(ctx context.Context, args []string, env environment) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		usage(env.stderr)
		return 2
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, env, args[1:])
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, errUsage):
			fmt.Fprintf(env.stderr, "cell-launcher %s: %v\n", c.name, err)
			return 2
		default:
			fmt.Fprintf(env.stderr, "cell-launcher %s: %s\n", c.name, oneLine(err))
			return 1
		}
	}
	fmt.Fprintf(env.stderr, "cell-launcher: unknown command %q\n", args[0])
	usage(env.stderr)
	return 2
}

func usage(to io.Writer) {
	fmt.Fprintln(to, "cell-launcher starts the programs of a cell cluster in their pods.")
	for _, c := range commands() {
		fmt.Fprintf(to, "  cell-launcher %-40s %s\n", c.name+" "+c.args, c.does)
	}
}

func runVersion(_ context.Context, env environment, _ []string) error {
	_, err := fmt.Fprintln(env.stdout, version)
	return err
}

// parse reads flags that may stand before and behind the arguments, and returns
// these.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
}

func newFlags(name string, env environment) *flag.FlagSet {
	flags := flag.NewFlagSet("cell-launcher "+name, flag.ContinueOnError)
	flags.SetOutput(env.stderr)
	return flags
}

// oneLine keeps a joined error on one line, as the kubelet shows it.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
