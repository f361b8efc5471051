// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command launcher starts the programs of Elasticell in their pods by the
// operator's start plans, answers the kubelet's probes and drains proxies. It is
// copied into each pod as cell-launcher, so it is static and small, and imports
// nothing but the standard library.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], environment{
		getenv:  os.Getenv,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		exec:    func(program string, argv []string) error { return syscall.Exec(program, argv, os.Environ()) },
		procNet: "/proc/net",
	})
	stop()
	os.Exit(code)
}
