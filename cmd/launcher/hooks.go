// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/launch/drain"
	"github.com/deepfabric/elasticell-operator/pkg/launch/probe"
)

// The ports that the operator gives to the programs.
const (
	pdClientPort    = "2379"
	storeClientPort = "6379"
	proxyPort       = "6379"
)

// runProbe is the kubelet's exec probe.
func runProbe(ctx context.Context, env environment, args []string) error {
	flags := newFlags("probe", env)
	timeout := flags.Duration("timeout", 2*time.Second, "how long the answer may take")
	address := flags.String("address", "", "HOST:PORT to ask (default the pod's IP and the program's port)")
	rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(rest) == 2 && rest[0] == "tcp" && *address == "" {
		*address, rest = rest[1], rest[:1]
	}
	if len(rest) != 1 {
		return fmt.Errorf("%w: want one of pd, store, proxy or tcp HOST:PORT, got %q", errUsage, rest)
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	target := func(port string) string {
		if *address != "" {
			return *address
		}
		return net.JoinHostPort(env.getenv("POD_IP"), port)
	}
	switch rest[0] {
	case "pd":
		return probe.PD(ctx, "http://"+target(pdClientPort))
	case "store":
		return probe.TCP(ctx, target(storeClientPort))
	case "proxy":
		return probe.Ping(ctx, target(proxyPort))
	case "tcp":
		if *address == "" {
			return fmt.Errorf("%w: tcp wants HOST:PORT", errUsage)
		}
		return probe.TCP(ctx, *address)
	default:
		return fmt.Errorf("%w: %q is none of pd, store, proxy, tcp", errUsage, rest[0])
	}
}

// runDrain is a proxy's preStop hook.
func runDrain(ctx context.Context, env environment, args []string) error {
	flags := newFlags("drain", env)
	address := flags.String("address", ":"+proxyPort, "[HOST]:PORT that the proxy listens on")
	grace := flags.Duration("grace", 5*time.Second, "wait at least so long, until no new clients can come")
	limit := flags.Duration("max", 25*time.Second, "wait at most so long; keep it below the pod's grace period")
	log := flags.String("log", "/proc/1/fd/2", "also write the result there: the kubelet shows a hook's output only where it fails")
	rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 || rest[0] != "proxy" {
		return fmt.Errorf("%w: want proxy, got %q", errUsage, rest)
	}
	_, service, err := net.SplitHostPort(*address)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return fmt.Errorf("%w: the port in %q is not a number", errUsage, *address)
	}
	result, err := drain.Wait(ctx, drain.Options{Grace: *grace, Max: *limit, Every: 200 * time.Millisecond},
		func() (int, error) { return drain.Clients(env.procNet, uint16(port)) })
	if err != nil {
		return err
	}
	announce(env.stdout, *log, result)
	return nil
}

// announce prints the result, and into the container's log where that can be
// opened; where it cannot, the hook has done its work all the same.
func announce(stdout io.Writer, log string, result drain.Result) {
	fmt.Fprintln(stdout, result)
	if file, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0); err == nil {
		fmt.Fprintln(file, "cell-launcher drain:", result)
		_ = file.Close()
	}
}
