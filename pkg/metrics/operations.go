// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Results of an operation.
const (
	// ResultDone: nothing was left to do.
	ResultDone = "done"
	// ResultInterrupted: another operation had to go first.
	ResultInterrupted = "interrupted"
	// ResultAbandoned: the cluster was paused or deleted.
	ResultAbandoned = "abandoned"
)

// Operations counts and times what the operator does to members: upgrades,
// changes of their number, replacements. An operation is told of in every sync in which it
// goes on; its steps and targets make no difference. One that an earlier
// operator has begun is timed from when this one saw it first.
type Operations struct {
	ended    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	failures *prometheus.CounterVec

	mu      sync.Mutex
	running map[types.NamespacedName]operation
}

type operation struct {
	kind  string
	since time.Time
}

// NewOperations makes the metrics of operations and registers them.
func NewOperations(r prometheus.Registerer) *Operations {
	o := &Operations{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "operations_total",
			Help: "Operations that ended, by type and result: done, interrupted by another one, or abandoned with a pause or deletion.",
		}, []string{"type", "result"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "operation_duration_seconds",
			Help:    "Time that operations took which were done, by type.",
			Buckets: prometheus.ExponentialBuckets(1, 3, 9), // to almost two hours
		}, []string{"type"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "operation_failures_total",
			Help: "Steps of operations that failed and were tried again, by type.",
		}, []string{"type"}),
		running: map[types.NamespacedName]operation{},
	}
	r.MustRegister(o.ended, o.took, o.failures, o)
	return o
}

// Goes notes that an operation is under way in a cluster, and if its present step failed.
func (o *Operations) Goes(cluster types.NamespacedName, kind string, failed bool, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was, ok := o.running[cluster]
	if !ok || was.kind != kind {
		if ok {
			o.ended.WithLabelValues(was.kind, ResultInterrupted).Inc()
		}
		o.running[cluster] = operation{kind, now}
	}
	if failed {
		o.failures.WithLabelValues(kind).Inc()
	}
}

// Rests notes that a cluster is as its spec asks, so that an operation under way is done.
func (o *Operations) Rests(cluster types.NamespacedName, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if was, ok := o.running[cluster]; ok {
		o.ended.WithLabelValues(was.kind, ResultDone).Inc()
		o.took.WithLabelValues(was.kind).Observe(now.Sub(was.since).Seconds())
		delete(o.running, cluster)
	}
}

// Abandoned notes that nothing more is done to a cluster.
func (o *Operations) Abandoned(cluster types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if was, ok := o.running[cluster]; ok {
		o.ended.WithLabelValues(was.kind, ResultAbandoned).Inc()
		delete(o.running, cluster)
	}
}

var startDesc = prometheus.NewDesc(namespace+"_operation_start_time_seconds",
	"When the operation that is under way in a cluster began, in seconds since 1970.", []string{"namespace", "cluster", "type"}, nil)

// Describe implements prometheus.Collector.
func (o *Operations) Describe(ch chan<- *prometheus.Desc) { ch <- startDesc }

// Collect implements prometheus.Collector.
func (o *Operations) Collect(ch chan<- prometheus.Metric) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for k, x := range o.running {
		ch <- prometheus.MustNewConstMetric(startDesc, prometheus.GaugeValue, float64(x.since.Unix()), k.Namespace, k.Name, x.kind)
	}
}
