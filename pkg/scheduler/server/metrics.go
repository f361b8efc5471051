// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deepfabric/elasticell-operator/pkg/scheduler/predicates"
)

// metrics of the extender.
type metrics struct {
	duration *prometheus.HistogramVec
	waiting  prometheus.Histogram
	answers  *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "cell_scheduler_question_duration_seconds",
			Help:    "Time to answer a question of kube-scheduler, by verb.",
			Buckets: []float64{0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5},
		}, []string{"verb"}),
		waiting: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "cell_scheduler_wait_duration_seconds",
			Help:    "Time that pods waited for the node of another one of their cluster, for a new node or for their CellCluster.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3},
		}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cell_scheduler_filter_total",
			Help: "Answers to which nodes a pod may have: allowed, refused, or undecided since another pod was being placed or a node was not known yet.",
		}, []string{"answer"}),
	}
	registry.MustRegister(m.duration, m.waiting, m.answers)
	return m
}

func (m *metrics) took(verb string, d time.Duration) {
	m.duration.WithLabelValues(verb).Observe(d.Seconds())
}

func (m *metrics) decided(a predicates.Answer, waited time.Duration) {
	if waited > 0 {
		m.waiting.Observe(waited.Seconds())
	}
	switch {
	case len(a.Nodes) > 0:
		m.answers.WithLabelValues("allowed").Inc()
	case a.Undecided:
		m.answers.WithLabelValues("undecided").Inc()
	default:
		m.answers.WithLabelValues("refused").Inc()
	}
}
