// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics holds the operator's Prometheus metrics. Durations are in
// seconds.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

const namespace = "cell_operator"

// Metrics are the operator's own.
type Metrics struct {
	syncs    *prometheus.HistogramVec
	pd       *prometheus.HistogramVec
	requests *prometheus.CounterVec
	queue    *queueMetrics
}

// New makes the metrics and registers them, with those of Go and of the process.
func New(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		syncs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "sync_duration_seconds",
			Help:    "Time that a sync of a cluster took, by result: ok, conflict or error.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 3, 10),
		}, []string{"result"}),
		pd: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "pd_request_duration_seconds",
			Help:    "Time that a request to PD took, by operation and outcome.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"operation", "outcome"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "api_requests_total",
			Help: "Requests to the API server, by method and status code; code 0 is a request without an answer.",
		}, []string{"method", "code"}),
		queue: newQueueMetrics(),
	}
	r.MustRegister(m.syncs, m.pd, m.requests, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.queue.register(r)
	return m
}

// Synced notes the end of a sync.
func (m *Metrics) Synced(took time.Duration, result string) {
	m.syncs.WithLabelValues(result).Observe(took.Seconds())
}

// CalledPD notes the end of a request to PD.
func (m *Metrics) CalledPD(operation, outcome string, took time.Duration) {
	m.pd.WithLabelValues(operation, outcome).Observe(took.Seconds())
}

// Wrap counts the requests of a transport to the API server.
func (m *Metrics) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		code := 0
		if err == nil {
			code = response.StatusCode
		}
		m.requests.WithLabelValues(r.Method, strconv.Itoa(code)).Inc()
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
