// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cache knows by watching all that the extender decides on: nodes, the
// pods and claims of clusters, volumes and CellClusters. No question to it makes a request.
package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/client/informers/externalversions"
	listers "github.com/deepfabric/elasticell-operator/pkg/client/listers/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Cache is filled by informers.
type Cache struct {
	kube    informers.SharedInformerFactory // nodes and volumes
	managed informers.SharedInformerFactory // pods and claims of clusters
	cells   externalversions.SharedInformerFactory
	synced  []cache.InformerSynced

	nodes    corelisters.NodeLister
	volumes  corelisters.PersistentVolumeLister
	pods     cache.Indexer
	claims   cache.Indexer
	clusters listers.CellClusterLister

	trees trees

	mu      sync.Mutex
	changed chan struct{}
	gone    func(types.UID)
}

// byCluster is the index of pods and claims by namespace/cluster.
const byCluster = "cluster"

// New makes a Cache. gone is told the UID of each pod that is deleted.
func New(kube kubernetes.Interface, cells versioned.Interface, gone func(types.UID)) (*Cache, error) {
	managed := labels.SelectorFromSet(labels.Set{naming.LabelManagedBy: naming.ManagedBy}).String()
	c := &Cache{
		kube: informers.NewSharedInformerFactoryWithOptions(kube, 0, informers.WithTransform(strip)),
		managed: informers.NewSharedInformerFactoryWithOptions(kube, 0, informers.WithTransform(strip),
			informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = managed })),
		cells:   externalversions.NewSharedInformerFactoryWithOptions(cells, 0, externalversions.WithTransform(strip)),
		changed: make(chan struct{}),
		gone:    gone,
	}
	pods, claims := c.managed.Core().V1().Pods().Informer(), c.managed.Core().V1().PersistentVolumeClaims().Informer()
	for _, informer := range []cache.SharedIndexInformer{pods, claims} {
		if err := informer.AddIndexers(cache.Indexers{byCluster: clusterOf}); err != nil {
			return nil, fmt.Errorf("index by cluster: %w", err)
		}
	}
	c.pods, c.claims = pods.GetIndexer(), claims.GetIndexer()
	c.nodes, c.volumes = c.kube.Core().V1().Nodes().Lister(), c.kube.Core().V1().PersistentVolumes().Lister()
	c.clusters = c.cells.Deepfabric().V1alpha1().CellClusters().Lister()
	return c, c.listen(pods, claims)
}

func (c *Cache) listen(pods, claims cache.SharedIndexInformer) error {
	var errs []error
	on := func(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
		registration, err := informer.AddEventHandler(handler)
		if err != nil {
			errs = append(errs, fmt.Errorf("watch: %w", err))
			return
		}
		c.synced = append(c.synced, registration.HasSynced)
	}
	wake := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.wake() },
		UpdateFunc: func(any, any) { c.wake() },
		DeleteFunc: func(any) { c.wake() },
	}
	on(claims, wake)
	on(c.cells.Deepfabric().V1alpha1().CellClusters().Informer(), wake)
	on(c.kube.Core().V1().PersistentVolumes().Informer(), wake)
	wake.DeleteFunc = c.podGone
	on(pods, wake)
	on(c.kube.Core().V1().Nodes().Informer(), cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { c.nodesChanged() },
		UpdateFunc: func(old, new any) {
			if o, ok := old.(*corev1.Node); ok && sameNode(o, new) {
				return // a heartbeat
			}
			c.nodesChanged()
		},
		DeleteFunc: func(any) { c.nodesChanged() },
	})
	return errors.Join(errs...)
}

// nodesChanged wakes those who wait for a node only once the trees without it are forgotten.
func (c *Cache) nodesChanged() {
	c.trees.forget()
	c.wake()
}

func (c *Cache) podGone(o any) {
	if tombstone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = tombstone.Obj
	}
	if p, ok := o.(*corev1.Pod); ok {
		c.gone(p.UID)
	}
	c.wake()
}

// Start fills the caches and returns when they are full. Watching ends with ctx.
func (c *Cache) Start(ctx context.Context) error {
	c.kube.Start(ctx.Done())
	c.managed.Start(ctx.Done())
	c.cells.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), c.synced...) {
		return errors.New("the caches were not filled before the stop")
	}
	return nil
}

// Shutdown waits until all watching has ended.
func (c *Cache) Shutdown() {
	c.kube.Shutdown()
	c.managed.Shutdown()
	c.cells.Shutdown()
}

// Changed is closed at the next change of anything about clusters or nodes.
func (c *Cache) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *Cache) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// strip drops what no decision needs.
func strip(o any) (any, error) {
	if m, err := meta.Accessor(o); err == nil {
		m.SetManagedFields(nil)
	}
	switch o := o.(type) {
	case *corev1.Node:
		o.Annotations, o.Status, o.Spec = nil, corev1.NodeStatus{}, corev1.NodeSpec{Taints: o.Spec.Taints}
	case *corev1.Pod:
		o.Annotations, o.Spec = nil, corev1.PodSpec{NodeName: o.Spec.NodeName}
		o.Status = corev1.PodStatus{Phase: o.Status.Phase, NominatedNodeName: o.Status.NominatedNodeName}
	case *corev1.PersistentVolume:
		o.Annotations = nil
		o.Spec = corev1.PersistentVolumeSpec{NodeAffinity: o.Spec.NodeAffinity}
	}
	return o, nil
}

// clusterOf is the key of the cluster that an object belongs to.
func clusterOf(o any) ([]string, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return nil, err
	}
	if name := m.GetLabels()[naming.LabelInstance]; name != "" {
		return []string{m.GetNamespace() + "/" + name}, nil
	}
	return nil, nil
}
