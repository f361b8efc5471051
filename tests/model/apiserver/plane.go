// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
	"github.com/deepfabric/elasticell-operator/tests/internal/play"
)

// Plane is what all tests of a package share: a control plane and its played world.
type Plane struct {
	Config  *rest.Config
	Kube    kubernetes.Interface
	Cells   versioned.Interface
	Dynamic dynamic.Interface
	World   *play.World

	plane *kube.ControlPlane
}

// The storage classes of a Plane.
const (
	// Growing is a class whose volumes can grow.
	Growing = "growing"
	// Fixed is one whose volumes cannot.
	Fixed = "fixed"
)

// PD gives up what is silent sooner than it would by its flags, so that tests do not wait for it.
const (
	peerDownAfter  = 3 * time.Second
	storeDownAfter = 6 * time.Second
)

// atOnce is how many tests run at a time: they wait far more than they work.
const atOnce = "10"

// Main brings a Plane up, runs the tests of a package and takes it down again, also
// upon a signal. It is all of TestMain but the exit.
func Main(name string, plane *Plane, run func() int) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil {
		_ = f.Value.Set(atOnce) // a number always fits
	}
	klog.SetLogger(logr.Discard()) // the operator's log is not the tests' output
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := plane.run(ctx, name, run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	tellTried()
	return code
}

func (p *Plane) run(ctx context.Context, name string, run func() int) (code int, err error) {
	if p.plane, err = kube.Up(ctx, kube.Options{Name: name, ControllerManager: true}); err != nil {
		return 1, err
	}
	down := sync.OnceValue(p.plane.Down)
	defer func() { err = errors.Join(err, down()) }()
	// A signal ends the test binary without its deferred calls, so it is caught.
	var finished atomic.Bool
	defer finished.Store(true)
	go func() {
		if <-ctx.Done(); !finished.Load() {
			_ = down()
			os.Exit(1)
		}
	}()
	if err := p.connect(ctx); err != nil {
		return 1, err
	}
	playing, end := context.WithCancel(ctx)
	defer end()
	if p.World, err = play.New(playing, p.Config, 3, func(err error) { fmt.Fprintln(os.Stderr, err) }); err != nil {
		return 1, err
	}
	p.World.Heartbeat = time.Second
	p.World.Volumes = true
	p.World.Configure = func(c *pdtest.Config) {
		c.MemberPause, c.MovesPerStep = time.Second, 8
		c.PeerDownAfter, c.DownAfter = peerDownAfter, storeDownAfter
	}
	played := make(chan error, 1)
	go func() { played <- p.World.Run(playing) }()
	code = run()
	end()
	return code, <-played
}

func (p *Plane) connect(ctx context.Context) (err error) {
	if p.Config, err = p.plane.Config(); err != nil {
		return err
	}
	if p.Kube, err = kubernetes.NewForConfig(p.Config); err != nil {
		return fmt.Errorf("make client of Kubernetes: %w", err)
	}
	if p.Cells, err = versioned.NewForConfig(p.Config); err != nil {
		return fmt.Errorf("make client of CellClusters: %w", err)
	}
	if p.Dynamic, err = dynamic.NewForConfig(p.Config); err != nil {
		return fmt.Errorf("make dynamic client: %w", err)
	}
	if err := kube.Install(ctx, p.Config); err != nil {
		return err
	}
	for name, grows := range map[string]bool{Growing: true, Fixed: false} {
		_, err := p.Kube.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "example.com/played", AllowVolumeExpansion: &grows,
		}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("make storage class: %w", err)
		}
	}
	return nil
}
