// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
	"github.com/deepfabric/elasticell-operator/tests/internal/play"
)

// rig is a fresh control plane with everything around the operator.
type rig struct {
	settings settings
	plane    *kube.ControlPlane
	config   *rest.Config
	kube     kubernetes.Interface
	cells    versioned.Interface
	world    *play.World
	clusters *clusters
	dir      string

	stop    context.CancelFunc
	playing sync.WaitGroup
	pds     *http.Server
	proxy   *proxy
	errs    []error
}

const nodes = 5

// newRig brings a rig up; its close must be called.
func newRig(ctx context.Context, s settings) (_ *rig, err error) {
	r := &rig{settings: s}
	if r.plane, err = kube.Up(ctx, kube.Options{Name: "bench", ControllerManager: true}); err != nil {
		return nil, err
	}
	playing, stop := context.WithCancel(ctx)
	r.stop = stop
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if r.config, err = r.plane.Config(); err != nil {
		return nil, err
	}
	if r.kube, err = kubernetes.NewForConfig(r.config); err != nil {
		return nil, fmt.Errorf("make client of Kubernetes: %w", err)
	}
	if r.cells, err = versioned.NewForConfig(r.config); err != nil {
		return nil, fmt.Errorf("make client of CellClusters: %w", err)
	}
	if err := kube.Install(ctx, r.config); err != nil {
		return nil, err
	}
	if r.world, err = play.New(playing, r.config, nodes, func(err error) { progress("%v", err) }); err != nil {
		return nil, err
	}
	if r.pds, err = servePDs(r.world); err != nil {
		return nil, err
	}
	r.playing.Go(func() { r.errs = append(r.errs, r.world.Run(playing)) })
	if r.clusters, err = watchClusters(playing, r.cells, r.kube); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *rig) close() error {
	r.stop()
	r.playing.Wait()
	if r.clusters != nil {
		r.clusters.stop()
	}
	if r.pds != nil {
		r.errs = append(r.errs, r.pds.Close())
	}
	if r.proxy != nil {
		r.errs = append(r.errs, r.proxy.Close())
	}
	return errors.Join(append(r.errs, r.plane.Down(), os.RemoveAll(r.dir))...)
}

// counted is a kubeconfig that leads through a proxy which counts requests.
func (r *rig) counted() (string, *kube.Counter, error) {
	p, err := newProxy(r.config)
	if err != nil {
		return "", nil, err
	}
	r.proxy = p
	path := filepath.Join(r.dir, "counted.kubeconfig")
	if err := writeKubeconfig(path, p.addr); err != nil {
		return "", nil, err
	}
	return path, &p.Counter, nil
}
