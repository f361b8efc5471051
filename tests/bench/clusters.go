// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/client/informers/externalversions"
)

// namespace holds all measured clusters.
const namespace = "default"

// clusters watches clusters from outside, as a user would.
type clusters struct {
	cells     versioned.Interface
	factories []interface{ Shutdown() }

	mu       sync.Mutex
	ready    map[string]time.Time
	replicas map[string]int32 // of StatefulSets
	changed  chan struct{}    // closed and replaced at each change
}

func watchClusters(ctx context.Context, cells versioned.Interface, kube kubernetes.Interface) (*clusters, error) {
	c := &clusters{cells: cells, ready: map[string]time.Time{}, replicas: map[string]int32{}, changed: make(chan struct{})}
	own := externalversions.NewSharedInformerFactory(cells, 0)
	builtin := informers.NewSharedInformerFactory(kube, 0)
	c.factories = append(c.factories, own, builtin)
	a, err := own.Deepfabric().V1alpha1().CellClusters().Informer().AddEventHandler(handler(c.seeCluster))
	if err != nil {
		return nil, fmt.Errorf("watch clusters: %w", err)
	}
	b, err := builtin.Apps().V1().StatefulSets().Informer().AddEventHandler(handler(c.seeSet))
	if err != nil {
		return nil, fmt.Errorf("watch StatefulSets: %w", err)
	}
	own.Start(ctx.Done())
	builtin.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), a.HasSynced, b.HasSynced) {
		return nil, errors.New("watch clusters: stopped before the first list")
	}
	return c, nil
}

func handler[T any](see func(T)) cache.ResourceEventHandler {
	one := func(o any) {
		if t, ok := o.(T); ok {
			see(t)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: one, UpdateFunc: func(_, o any) { one(o) }}
}

func (c *clusters) seeCluster(x *v1alpha1.CellCluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is := x.Status.ObservedGeneration == x.Generation && meta.IsStatusConditionTrue(x.Status.Conditions, v1alpha1.ConditionReady)
	if _, was := c.ready[x.Name]; is == was {
		return
	}
	if is {
		c.ready[x.Name] = time.Now()
	} else {
		delete(c.ready, x.Name)
	}
	c.note()
}

func (c *clusters) seeSet(x *appsv1.StatefulSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.Spec.Replicas != nil && c.replicas[x.Name] != *x.Spec.Replicas {
		c.replicas[x.Name] = *x.Spec.Replicas
		c.note()
	}
}

func (c *clusters) note() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// until waits for something to be so.
func (c *clusters) until(ctx context.Context, what string, limit time.Duration, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		c.mu.Lock()
		ok, changed, ready := is(), c.changed, len(c.ready)
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w; %d clusters are ready", what, ctx.Err(), ready)
		}
	}
}

func (c *clusters) stop() {
	for _, f := range c.factories {
		f.Shutdown()
	}
}

// cluster is the measured one: 3 PDs, 3 stores and 2 proxies.
func cluster(name string) *v1alpha1.CellCluster {
	return &v1alpha1.CellCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.CellClusterSpec{
			PD:    v1alpha1.PDSpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "pd:1", ImagePullPolicy: corev1.PullIfNotPresent}, Replicas: 3},
			Store: v1alpha1.StoreSpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "store:1", ImagePullPolicy: corev1.PullIfNotPresent}, Replicas: 3},
			Proxy: v1alpha1.ProxySpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "proxy:1", ImagePullPolicy: corev1.PullIfNotPresent}, Replicas: 2},
		},
	}
}

// createAtOnce creates clusters and waits until all are ready. It returns how
// long that took from the first request on.
func (c *clusters) createAtOnce(ctx context.Context, prefix string, count int) (time.Duration, error) {
	began := time.Now()
	group, creating := errgroup.WithContext(ctx)
	group.SetLimit(50)
	for i := range count {
		group.Go(func() error {
			_, err := c.cells.DeepfabricV1alpha1().CellClusters(namespace).Create(creating, cluster(fmt.Sprintf("%s-%d", prefix, i)), metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("create clusters: %w", err)
	}
	limit := 2*time.Minute + time.Duration(count)*time.Second
	var last time.Time
	err := c.until(ctx, fmt.Sprintf("%d clusters are ready", count), limit, func() bool {
		for i := range count {
			at, ok := c.ready[fmt.Sprintf("%s-%d", prefix, i)]
			if !ok {
				return false
			}
			if at.After(last) {
				last = at
			}
		}
		return true
	})
	return last.Sub(began), err
}
