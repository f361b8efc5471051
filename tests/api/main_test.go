// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
	"github.com/deepfabric/elasticell-operator/tests/internal/play"
)

// env is what all tests of this package share.
var env struct {
	plane   *kube.ControlPlane
	config  *rest.Config
	kube    kubernetes.Interface
	cells   versioned.Interface
	dynamic dynamic.Interface
	world   *play.World
}

// atOnce is how many tests run at a time: they wait far more than they work.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil {
		_ = f.Value.Set(atOnce) // a number always fits
	}
	code, err := setUp(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func setUp(run func() int) (code int, err error) {
	klog.LogToStderr(false) // the operator's log is not the tests' output
	klog.SetOutput(discard{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if env.plane, err = kube.Up(ctx, kube.Options{Name: "test-api", ControllerManager: true}); err != nil {
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
	if err := connect(); err != nil {
		return 1, err
	}
	if err := kube.Install(ctx, env.config); err != nil {
		return 1, err
	}
	playing, end := context.WithCancel(ctx)
	if env.world, err = play.New(playing, env.config, 3, func(err error) { fmt.Fprintln(os.Stderr, err) }); err != nil {
		end()
		return 1, err
	}
	played := make(chan error, 1)
	go func() { played <- env.world.Run(playing) }()
	code = run()
	end()
	return code, <-played
}

func connect() (err error) {
	if env.config, err = env.plane.Config(); err != nil {
		return err
	}
	if env.kube, err = kubernetes.NewForConfig(env.config); err != nil {
		return fmt.Errorf("make client of Kubernetes: %w", err)
	}
	if env.cells, err = versioned.NewForConfig(env.config); err != nil {
		return fmt.Errorf("make client of CellClusters: %w", err)
	}
	if env.dynamic, err = dynamic.NewForConfig(env.config); err != nil {
		return fmt.Errorf("make dynamic client: %w", err)
	}
	return nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// namespace makes a namespace of a test's own.
func namespace(t *testing.T) string {
	t.Helper()
	ns, err := env.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	return ns.Name
}

// kubectl runs kubectl, which must succeed.
func kubectl(t *testing.T, input []byte, args ...string) string {
	t.Helper()
	out, err := env.plane.Kubectl(t.Context(), input, args...)
	require.NoError(t, err)
	return out
}
