// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/push"
)

// pushMetrics sends the store's figures to a push gateway; there is nothing to scrape. A failure is logged only.
func (s *Store) pushMetrics(ctx context.Context) {
	if s.cfg.MetricInterval <= 0 || s.cfg.MetricAddress == "" {
		return
	}
	addr := s.cfg.MetricAddress
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	pusher := push.New(addr, s.cfg.MetricJob).Grouping("instance", s.cfg.MetricInstance).Gatherer(s.registry()).
		Client(&http.Client{Timeout: 5 * time.Second})
	ticker := time.NewTicker(s.cfg.MetricInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := pusher.PushContext(ctx); err != nil {
				slog.Warn("push of metrics failed", "error", err)
			}
		}
	}
}

func (s *Store) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "elasticell", Subsystem: "cell", Name: name, Help: help, ConstLabels: labels,
		}, value))
	}
	gauge("store_cell_total", "Replicas on this store.", prometheus.Labels{"type": "cell"}, func() float64 { return float64(s.cellCount.Load()) })
	gauge("store_storage_bytes", "Size of the store's file system.", prometheus.Labels{"type": "total"}, func() float64 {
		capacity, _ := s.disk()
		return float64(capacity)
	})
	gauge("store_storage_bytes", "Size of the store's file system.", prometheus.Labels{"type": "free"}, func() float64 {
		_, available := s.disk()
		return float64(available)
	})
	gauge("store_written_bytes", "Bytes written since the start.", nil, func() float64 { return float64(s.stats.writtenBytes.Load()) })
	gauge("store_written_keys", "Keys written since the start.", nil, func() float64 { return float64(s.stats.writtenKeys.Load()) })
	gauge("snapshot_action_total", "Snapshots since the start.", prometheus.Labels{"type": "sent"}, func() float64 { return float64(s.stats.sent.Load()) })
	gauge("snapshot_action_total", "Snapshots since the start.", prometheus.Labels{"type": "received"}, func() float64 { return float64(s.stats.received.Load()) })
	return r
}
