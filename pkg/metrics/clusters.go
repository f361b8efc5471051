// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Clusters shows each cluster's phase and ready counts. It reads them when it
// is asked, so a deleted cluster leaves nothing behind.
type Clusters struct {
	// List are all clusters that the operator knows.
	List func() []*v1alpha1.CellCluster
}

var (
	phaseDesc = prometheus.NewDesc(namespace+"_cluster_phase",
		"1 for the phase that a cluster is in.", []string{"namespace", "cluster", "phase"}, nil)
	readyDesc = prometheus.NewDesc(namespace+"_cluster_ready_pods",
		"Pods of a component that are ready.", []string{"namespace", "cluster", "component"}, nil)
	wantedDesc = prometheus.NewDesc(namespace+"_cluster_wanted_pods",
		"Pods of a component that the spec asks for.", []string{"namespace", "cluster", "component"}, nil)
	conditionDesc = prometheus.NewDesc(namespace+"_cluster_condition",
		"1 for a condition that is True, 0 for False, -1 for Unknown.", []string{"namespace", "cluster", "condition"}, nil)
)

// Describe implements prometheus.Collector.
func (c *Clusters) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{phaseDesc, readyDesc, wantedDesc, conditionDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Clusters) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, x := range c.List() {
		if x.Status.Phase != "" {
			gauge(phaseDesc, 1, x.Namespace, x.Name, string(x.Status.Phase))
		}
		for _, part := range []struct {
			name naming.Component
			have v1alpha1.ComponentStatus
			want int32
		}{
			{naming.PD, x.Status.PD.ComponentStatus, x.Spec.PD.Replicas},
			{naming.Store, x.Status.Store.ComponentStatus, x.Spec.Store.Replicas},
			{naming.Proxy, x.Status.Proxy.ComponentStatus, x.Spec.Proxy.Replicas},
		} {
			gauge(readyDesc, float64(part.have.ReadyReplicas), x.Namespace, x.Name, string(part.name))
			if part.name != naming.Proxy || x.Spec.Proxy.Autoscaling == nil { // else its autoscaler tells
				gauge(wantedDesc, float64(part.want), x.Namespace, x.Name, string(part.name))
			}
		}
		for _, condition := range x.Status.Conditions {
			value := map[string]float64{"True": 1, "Unknown": -1}[string(condition.Status)]
			gauge(conditionDesc, value, x.Namespace, x.Name, condition.Type)
		}
	}
}
