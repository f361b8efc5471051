// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// domains counts the values that nodes have for topology keys. It counts anew only when
// a node's labels change, so that a sync costs nothing.
type domains struct {
	nodes  corelisters.NodeLister
	mu     sync.Mutex
	counts map[string]int
}

// Domains implements view.Source.
func (s *sources) Domains(key string) int {
	if s.shared == nil {
		return 0
	}
	d := &s.domains
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.counts[key]; !known {
		d.nodes = s.shared.Core().V1().Nodes().Lister()
		if d.counts == nil {
			d.counts = map[string]int{}
		}
		d.counts[key] = d.count(key)
	}
	return d.counts[key]
}

func (d *domains) count(key string) int {
	nodes, err := d.nodes.List(labels.Everything())
	if err != nil {
		return 0 // a lister of a cache does not fail
	}
	values := map[string]bool{}
	for _, n := range nodes {
		if value, has := n.Labels[key]; has && len(values) < view.MostDomains {
			values[value] = true
		}
	}
	return len(values)
}

// recount counts all keys that were asked for, and tells whether one changed.
func (d *domains) recount() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := false
	for key, before := range d.counts {
		if now := d.count(key); now != before {
			d.counts[key], changed = now, true
		}
	}
	return changed
}

func labelsChanged(old, new metav1.Object) bool { return !maps.Equal(old.GetLabels(), new.GetLabels()) }

// enqueueDomains enqueues all clusters when there are more or fewer zones or nodes to spread over.
func (c *Controller) enqueueDomains(o metav1.Object) {
	if c.sources.domains.recount() {
		c.enqueueAll(o)
	}
}
