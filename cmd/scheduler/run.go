// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/process"
	"github.com/deepfabric/elasticell-operator/pkg/scheduler/server"
)

// run serves until ctx ends.
func run(ctx context.Context, o options) error {
	klog.FromContext(ctx).Info("Starting", "version", version, "extender", o.extenderAddr)
	config, err := process.RESTConfig(o.kubeconfig, "cell-scheduler/"+version)
	if err != nil {
		return err
	}
	cells, err := versioned.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client of CellClusters: %w", err)
	}
	kube, err := kubernetes.NewForConfig(process.Protobuf(config))
	if err != nil {
		return fmt.Errorf("make client of Kubernetes: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s, err := server.New(kube, cells, registry)
	if err != nil {
		return fmt.Errorf("make extender: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer func() {
		cancel(nil)
		running.Wait()
		s.Shutdown()
	}()
	for addr, handler := range map[string]http.Handler{o.extenderAddr: s.Handler(), o.httpAddr: process.Health(s.Ready, registry)} {
		running.Go(func() {
			if err := process.Serve(ctx, addr, handler); err != nil {
				cancel(err)
			}
		})
	}
	if err := s.Start(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
