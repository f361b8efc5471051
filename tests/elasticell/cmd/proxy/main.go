// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command proxy is the stand-in for Elasticell's Redis proxy.
package main

import (
	"context"
	"flag"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/program"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/proxy"
)

func main() {
	common := program.AddFlags(flag.CommandLine)
	file := flag.String("cfg", "", "The proxy's configuration file (JSON)")
	flag.Parse()
	common.Begin("proxy")
	if *file == "" {
		program.Usage("-cfg must be set")
	}
	cfg, err := proxy.ReadConfig(*file)
	if err != nil {
		program.Fatal("configuration not usable", "error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := proxy.New(cfg).Run(ctx); err != nil {
			program.Fatal("proxy ends: " + err.Error())
		}
	}()
	program.AwaitSignal(func() { cancel(); <-ended })
}
