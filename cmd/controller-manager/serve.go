// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deepfabric/elasticell-operator/pkg/process"
)

// handlers are what is served, by address.
func handlers(o options, registry *prometheus.Registry, ready func() bool) map[string]http.Handler {
	out := map[string]http.Handler{o.httpAddr: process.Health(ready, registry)}
	if o.pprofAddr != "" {
		debug := http.NewServeMux()
		debug.HandleFunc("/debug/pprof/", pprof.Index)
		debug.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		debug.HandleFunc("/debug/pprof/profile", pprof.Profile)
		debug.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		debug.HandleFunc("/debug/pprof/trace", pprof.Trace)
		out[o.pprofAddr] = debug
	}
	return out
}
