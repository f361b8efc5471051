// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command cell is the stand-in for Elasticell's store.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net/http"
	_ "net/http/pprof" //nolint:gosec // only behind -addr-pprof, as upstream
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/program"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/store"
)

func main() {
	common := program.AddFlags(flag.CommandLine)
	config := store.AddFlags(flag.CommandLine)
	flag.Parse()
	common.Begin("cell")
	cfg := config()
	if missing := cfg.Missing(); missing != "" {
		program.Usage(missing)
	}
	if cfg.AddrPprof != "" {
		go func() {
			server := http.Server{Addr: cfg.AddrPprof, ReadHeaderTimeout: 10 * time.Second}
			slog.Error("pprof ended", "error", server.ListenAndServe())
		}()
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := store.New(cfg).Run(ctx); err != nil {
			program.Fatal("init store failed: "+err.Error(), "store", cfg.Addr)
		}
	}()
	program.AwaitSignal(func() { cancel(); <-ended })
}
