// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
	"github.com/deepfabric/elasticell-operator/tests/internal/schedule"
)

const nodes = 300

// env is what all tests of this package share.
var env struct {
	plane   *kube.ControlPlane
	kube    kubernetes.Interface
	cells   versioned.Interface
	program string
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := setUp(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func setUp(run func() int) (code int, err error) {
	klog.LogToStderr(false)
	klog.SetOutput(discard{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := kube.Prepare(ctx); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "scheduler-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if env.program, err = schedule.Build(ctx, dir); err != nil {
		return 1, err
	}
	env.plane, err = kube.Up(ctx, kube.Options{Name: "test-scheduler", ControllerManager: true, Volumes: true, FakeNodes: nodes})
	if err != nil {
		return 1, err
	}
	defer func() {
		if down := env.plane.Down(); err == nil {
			err = down
		}
	}()
	// A signal ends the test binary without its deferred calls, so it is caught.
	var finished atomic.Bool
	defer finished.Store(true)
	go func() {
		if <-ctx.Done(); !finished.Load() {
			_ = env.plane.Down()
			os.Exit(1)
		}
	}()
	config, err := env.plane.Config()
	if err != nil {
		return 1, err
	}
	if env.kube, err = kubernetes.NewForConfig(config); err != nil {
		return 1, fmt.Errorf("make client of Kubernetes: %w", err)
	}
	if env.cells, err = versioned.NewForConfig(config); err != nil {
		return 1, fmt.Errorf("make client of CellClusters: %w", err)
	}
	if err := kube.Install(ctx, config); err != nil {
		return 1, err
	}
	stopVolumes, err := schedule.MakeVolumes(ctx, env.kube)
	if err != nil {
		return 1, err
	}
	code = run()
	return code, stopVolumes()
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
