// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command controller-manager is the operator: it keeps CellClusters as their
// specs ask.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"k8s.io/klog/v2"
)

// version is set by the linker.
var version = "dev"

func main() {
	// Most of the time nothing happens, so a small heap is worth more than rare collections.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	klog.InitFlags(nil)
	var o options
	o.addFlags(flag.CommandLine)
	flag.Parse()
	if o.version {
		fmt.Println(version)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		klog.ErrorS(err, "The operator ends")
		klog.Flush()
		os.Exit(1)
	}
	klog.Flush()
}
