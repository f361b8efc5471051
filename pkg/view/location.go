// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Location is where a store stands, as Elasticell wants to know it.
type Location struct{ Zone, Rack string }

const unknownZone = "default"

// LocationOf takes the location from a node's labels. A node without the
// zone's label is in zone "default"; without the rack's, the node is its own rack.
func LocationOf(labels *v1alpha1.LocationLabels, nodeName string, node *corev1.Node) Location {
	var zone, rack string
	if node != nil {
		zone = node.Labels[labels.Zone]
		if labels.Rack != "" {
			rack = node.Labels[labels.Rack]
		}
	}
	return Location{Zone: cmp.Or(zone, unknownZone), Rack: cmp.Or(rack, nodeName)}
}

// Told is the location that a pod has been told and has told PD; false before.
func Told(p *corev1.Pod) (Location, bool) {
	at := Location{p.Annotations[naming.AnnotationZone], p.Annotations[naming.AnnotationRack]}
	return at, at.Zone != "" && at.Rack != ""
}

// addRelocated finds the stores whose location is another than they were told, since the spec
// names other labels or their node has others. Elasticell takes a location at a start only.
func (c *Cluster) addRelocated() {
	c.Store.relocated = map[string]bool{}
	for _, p := range c.Store.Pods {
		node := c.Nodes[p.Spec.NodeName]
		if told, ok := Told(p.Pod); ok && node != nil && LocationOf(c.Object.Spec.Store.LocationLabels, p.Spec.NodeName, node) != told {
			c.Store.relocated[p.Name] = true
		}
	}
}
