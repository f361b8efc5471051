// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command scheduler is a kube-scheduler extender that keeps the PDs and the stores
// of a CellCluster apart. It stands in a pod beside a kube-scheduler.
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
	// A quick answer is worth more than some megabytes: kube-scheduler does nothing else meanwhile.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
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
		klog.ErrorS(err, "The extender ends")
		klog.Flush()
		os.Exit(1)
	}
	klog.Flush()
}

// options are the flags.
type options struct {
	kubeconfig   string
	extenderAddr string
	httpAddr     string
	version      bool
}

func (o *options) addFlags(f *flag.FlagSet) {
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; empty uses the pod's service account")
	f.StringVar(&o.extenderAddr, "extender-addr", "127.0.0.1:10262", "address of /filter, /prioritize and /preempt, for the kube-scheduler of the same pod alone")
	f.StringVar(&o.httpAddr, "http-addr", ":8080", "address of /healthz, /readyz and /metrics")
	f.BoolVar(&o.version, "version", false, "print the version and end")
}
