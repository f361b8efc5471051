// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/meta"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/manager/proxy"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/manager/volume"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Options are what a Controller needs. Kube, Cells, Events, PD and LauncherImage are required.
type Options struct {
	Kube   kubernetes.Interface
	Cells  versioned.Interface
	Events record.EventRecorder
	// PD makes the client of a cluster's PDs from their client URLs.
	PD pdapi.Factory
	// LauncherImage is the image that brings cell-launcher, where a cluster names none.
	LauncherImage string
	// DefaultStorageClass is the class of volumes where a cluster names none; "" leaves it to Kubernetes.
	DefaultStorageClass string
	// Namespaces to look after; none means all.
	Namespaces []string
	// ClusterResources lets the controller read nodes, volumes and storage classes.
	ClusterResources bool
	// LabelsAfter is how long a cluster must have been ready before its ids are written on pods,
	// claims and volumes, so that they delay nobody; 10 s by default.
	LabelsAfter time.Duration
	// Workers is the number of clusters that are synced at a time; 10 by default.
	Workers int
	// Poll sets how PDs are polled; Factory and Notify are the controller's own.
	Poll pdstate.Options
	// Clock is the real one by default.
	Clock clock.WithTicker
	// Metrics is told of syncs; it may be nil.
	Metrics Metrics
	// Operations is told how operations go; it may be nil.
	Operations OperationMetrics
	// Queue is told of the queue; it may be nil.
	Queue workqueue.MetricsProvider
}

// Metrics is told how syncs end.
type Metrics interface {
	Synced(took time.Duration, result string)
}

// OperationMetrics is told, in each sync, how the operation of a cluster goes.
type OperationMetrics interface {
	// Goes: one is under way, and failed if its present step did.
	Goes(cluster types.NamespacedName, kind string, failed bool, now time.Time)
	// Rests: none is, and nothing is awaited.
	Rests(cluster types.NamespacedName, now time.Time)
	// Abandoned: the cluster is left alone.
	Abandoned(cluster types.NamespacedName)
}

// Controller keeps CellClusters as their specs ask.
type Controller struct {
	options  Options
	clock    clock.WithTicker
	sources  *sources
	controls *control.Controls
	pending  *control.Pending
	poller   *pdstate.Poller
	queue    workqueue.TypedRateLimitingInterface[types.NamespacedName]
	managers []manager.Manager
	// operations are those that disrupt members, in the order in which they go before each other.
	operations []manager.Operation
	status     *statusWriter
	explainer  *explainer
	// uids are those of the CellClusters that were seen last, by types.NamespacedName.
	uids sync.Map

	synced    []cache.InformerSynced
	listenErr error
}

const (
	// firstRetry and lastRetry bound the wait after an error.
	firstRetry = 200 * time.Millisecond
	lastRetry  = time.Minute

	defaultWorkers     = 10
	defaultLabelsAfter = 10 * time.Second
)

// New makes a Controller with its informers and handlers; nothing runs before Start and Run.
func New(o Options) (*Controller, error) {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Workers <= 0 {
		o.Workers = defaultWorkers
	}
	if o.LabelsAfter <= 0 {
		o.LabelsAfter = defaultLabelsAfter
	}
	sources, err := newSources(o.Kube, o.Cells, o.Namespaces, o.ClusterResources)
	if err != nil {
		return nil, err
	}
	c := &Controller{options: o, clock: o.Clock, sources: sources, pending: control.NewPending(o.Clock.Now)}
	c.queue = workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstRetry, lastRetry),
		workqueue.TypedRateLimitingQueueConfig[types.NamespacedName]{Name: "cellcluster", Clock: o.Clock, MetricsProvider: o.Queue})
	c.controls = control.New(o.Kube, o.Cells, o.Events, c.pending)
	c.status = newStatusWriter(c.controls.Clusters, o.Clock.Now)
	c.explainer = newExplainer(o.Events, o.Clock.Now)
	o.Poll.Factory = o.PD
	o.Poll.Notify = c.notify
	o.Poll.Clock = o.Clock
	c.poller = pdstate.New(o.Poll)
	refresh := func(v *view.Cluster) { c.poller.Refresh(key(v)) }
	again := func(v *view.Cluster, after time.Duration) {
		c.queue.AddAfter(types.NamespacedName{Namespace: v.Object.Namespace, Name: v.Object.Name}, after)
	}
	c.operations = Order(c.controls, c.pdClient, again)
	c.managers = []manager.Manager{
		pd.NewManager(c.controls, c.pdClient, refresh),
		store.NewManager(c.controls),
		proxy.NewManager(c.controls),
		volume.NewManager(c.controls),
		meta.NewManager(c.controls, c.controls.Live, o.LabelsAfter),
	}
	return c, c.listen()
}

// Start starts the informers and returns when their caches are filled. A
// standby may start them long before it runs.
func (c *Controller) Start(ctx context.Context) error {
	for _, x := range c.sources.scopes {
		x.cells.Start(ctx.Done())
		x.kube.Start(ctx.Done())
	}
	if c.sources.shared != nil {
		c.sources.shared.Start(ctx.Done())
	}
	if !cache.WaitForCacheSync(ctx.Done(), c.synced...) {
		return errors.New("caches were not filled before the stop; see earlier messages for what could not be listed")
	}
	return nil
}

// Ready tells whether the caches are filled.
func (c *Controller) Ready() bool {
	for _, synced := range c.synced {
		if !synced() {
			return false
		}
	}
	return true
}

// Run syncs clusters until ctx ends, and returns when the last sync is done.
func (c *Controller) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { c.poller.Run(ctx) })
	for range c.options.Workers {
		running.Go(func() {
			for c.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	c.queue.ShutDown()
	running.Wait()
}

// next syncs one cluster; false means that the queue has shut down.
func (c *Controller) next(ctx context.Context) bool {
	k, down := c.queue.Get()
	if down {
		return false
	}
	defer c.queue.Done(k)
	if ctx.Err() != nil {
		return true // the queue empties itself before it shuts down
	}
	logger := klog.FromContext(ctx).WithValues("cluster", k.String())
	began := c.clock.Now()
	again, err := c.sync(klog.NewContext(ctx, logger), k)
	took := c.clock.Since(began)
	switch {
	case err == nil:
		c.queue.Forget(k)
		if again > 0 {
			c.queue.AddAfter(k, again)
		}
		c.measure(took, "ok")
	case onlyConflicts(err):
		// Somebody was faster; what they wrote is on its way to the caches.
		c.queue.AddRateLimited(k)
		c.measure(took, "conflict")
	default:
		logger.Error(err, "Sync failed; trying again", "failures", c.queue.NumRequeues(k)+1)
		c.queue.AddRateLimited(k)
		c.measure(took, "error")
	}
	return true
}

// onlyConflicts tells whether all that failed is that somebody else has written an object meanwhile.
func onlyConflicts(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !onlyConflicts(e) {
				return false
			}
		}
		return len(joined.Unwrap()) > 0
	}
	if next := errors.Unwrap(err); next != nil {
		return onlyConflicts(next)
	}
	return apierrors.IsConflict(err)
}

func (c *Controller) measure(took time.Duration, result string) {
	if c.options.Metrics != nil {
		c.options.Metrics.Synced(took, result)
	}
}

// notify puts a cluster in the queue because its PD has news.
func (c *Controller) notify(k string) {
	namespace, name, _ := strings.Cut(k, "/")
	c.queue.Add(types.NamespacedName{Namespace: namespace, Name: name})
}

func key(v *view.Cluster) string { return v.Object.Namespace + "/" + v.Object.Name }

func (c *Controller) pdClient(v *view.Cluster) pdapi.Client { return c.options.PD(endpoints(v)) }

// endpoints are the client URLs of the PDs that have an address.
func endpoints(v *view.Cluster) []string {
	var out []string
	for _, p := range v.PD.Pods {
		if p.Status.PodIP != "" && p.DeletionTimestamp == nil {
			out = append(out, view.PDEndpoint(p.Pod))
		}
	}
	return out
}
