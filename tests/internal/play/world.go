// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/test/bufconn"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

const (
	workers = 16
	// heartbeat is shorter than the operator's default of 5 s by which it judges stores.
	heartbeat = 3 * time.Second
)

// World plays everything for all cell clusters of one control plane.
type World struct {
	// Failed is told of errors of the world itself, which a test should not have.
	Failed func(error)
	// Heartbeat is how often stores report to PD. It is shorter than what the operator judges them by.
	Heartbeat time.Duration
	// Volumes lets each claim have a volume; else claims are only said to be bound.
	Volumes bool
	// Configure may change what the PD of a new cluster is like; nil changes nothing.
	Configure func(*pdtest.Config)

	kube    kubernetes.Interface
	pods    corelisters.PodLister
	claims  corelisters.PersistentVolumeClaimLister
	starts  corelisters.ConfigMapLister
	classes storagelisters.StorageClassLister
	synced  []cache.InformerSynced
	queue   workqueue.TypedRateLimitingInterface[types.NamespacedName]
	factory []informers.SharedInformerFactory
	nodes   int

	pipe   *bufconn.Listener // to the PDs, for gRPC
	server *http.Server

	mu        sync.Mutex
	addresses int
	places    map[string]place // by pod IP
	running   map[types.NamespacedName]process
	clusters  map[types.NamespacedName]*cluster
}

// New makes a world with some nodes: node-1, node-2, and so on, each in a zone
// of its own. failed is told of its errors.
func New(ctx context.Context, config *rest.Config, nodes int, failed func(error)) (*World, error) {
	config = rest.CopyConfig(config)
	config.ContentType, config.UserAgent = runtime.ContentTypeProtobuf, "play"
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client of Kubernetes: %w", err)
	}
	w := &World{
		Failed: failed, Heartbeat: heartbeat, kube: kube, nodes: nodes,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](20*time.Millisecond, time.Second)),
		places: map[string]place{}, running: map[types.NamespacedName]process{}, clusters: map[types.NamespacedName]*cluster{},
	}
	for i := 1; i <= nodes; i++ {
		if err := w.addNode(ctx, i); err != nil {
			return nil, err
		}
	}
	w.pipe, w.server = servePipe(w)
	return w, w.listen()
}

func (w *World) listen() error {
	managed := informers.NewSharedInformerFactoryWithOptions(w.kube, 0, informers.WithTransform(strip),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = naming.LabelManagedBy + "=" + naming.ManagedBy }))
	// Pods run, and claims are mounted, whatever labels they have left.
	all := informers.NewSharedInformerFactoryWithOptions(w.kube, 0, informers.WithTransform(strip))
	w.factory = []informers.SharedInformerFactory{managed, all}
	w.pods = all.Core().V1().Pods().Lister()
	w.claims = all.Core().V1().PersistentVolumeClaims().Lister()
	w.starts = managed.Core().V1().ConfigMaps().Lister()
	w.classes = all.Storage().V1().StorageClasses().Lister()
	pods, err := all.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    w.enqueue,
		UpdateFunc: func(_, o any) { w.enqueue(o) },
		DeleteFunc: w.enqueue,
	})
	if err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	w.synced = append(w.synced, pods.HasSynced,
		all.Core().V1().PersistentVolumeClaims().Informer().HasSynced,
		managed.Core().V1().ConfigMaps().Informer().HasSynced,
		all.Storage().V1().StorageClasses().Informer().HasSynced)
	return nil
}

func strip(o any) (any, error) {
	if m, err := meta.Accessor(o); err == nil {
		m.SetManagedFields(nil)
	}
	return o, nil
}

func (w *World) enqueue(o any) {
	if key, err := cache.DeletionHandlingObjectToName(o); err == nil {
		w.queue.Add(types.NamespacedName{Namespace: key.Namespace, Name: key.Name})
	}
}

// Run plays until ctx ends.
func (w *World) Run(ctx context.Context) error {
	for _, f := range w.factory {
		f.Start(ctx.Done())
	}
	if !cache.WaitForCacheSync(ctx.Done(), w.synced...) {
		return errors.New("play: caches were not filled before the stop")
	}
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for w.next(ctx) {
			}
		})
	}
	running.Go(func() { w.beat(ctx) })
	<-ctx.Done()
	w.queue.ShutDown()
	running.Wait()
	err := w.server.Close()
	for _, f := range w.factory {
		f.Shutdown()
	}
	return err
}

func (w *World) next(ctx context.Context) bool {
	key, down := w.queue.Get()
	if down {
		return false
	}
	defer w.queue.Done(key)
	again, err := w.step(ctx, key)
	switch {
	case err != nil:
		if ctx.Err() == nil && w.queue.NumRequeues(key) > 5 {
			w.Failed(fmt.Errorf("play pod %s: %w", key, err))
		}
		w.queue.AddRateLimited(key)
	case again > 0:
		w.queue.AddAfter(key, again)
	default:
		w.queue.Forget(key)
	}
	return true
}

// beat lets all stores of all clusters report to their PDs.
func (w *World) beat(ctx context.Context) {
	ticker := time.NewTicker(w.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, c := range w.all() {
				c.beat()
			}
		}
	}
}

func (w *World) addNode(ctx context.Context, i int) error {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: nodeName(i), Labels: map[string]string{
			corev1.LabelHostname: nodeName(i), corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", i),
		}},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"}}},
	}
	if _, err := w.kube.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create node: %w", err)
	}
	return nil
}

func nodeName(i int) string { return fmt.Sprintf("node-%d", i) }
