// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command pd is the stand-in for Elasticell's placement driver.
package main

import (
	"context"
	"flag"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pd"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/program"
)

func main() {
	common := program.AddFlags(flag.CommandLine)
	config := pd.AddFlags(flag.CommandLine)
	flag.Parse()
	common.Begin("pd")
	cfg := config()
	cfg.Debug = common.Debug()
	if missing := cfg.Missing(); missing != "" {
		program.Usage(missing)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := pd.New(cfg).Run(ctx); err != nil {
			program.Fatal("PD cannot run", "error", err)
		}
	}()
	program.AwaitSignal(func() { cancel(); <-ended })
}
