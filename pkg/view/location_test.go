// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

func TestLocationOf(t *testing.T) {
	node := Node("n1", corev1.LabelTopologyZone, "zone-1", "rack", "r7", "empty", "")
	standard := &v1alpha1.LocationLabels{Zone: corev1.LabelTopologyZone}
	tests := map[string]struct {
		labels *v1alpha1.LocationLabels
		node   *corev1.Node
		want   view.Location
	}{
		"by default":                 {standard, node, view.Location{Zone: "zone-1", Rack: "n1"}},
		"a node without a zone":      {standard, Node("n1"), view.Location{Zone: "default", Rack: "n1"}},
		"nodes cannot be read":       {standard, nil, view.Location{Zone: "default", Rack: "n1"}},
		"a rack of its own":          {&v1alpha1.LocationLabels{Zone: corev1.LabelTopologyZone, Rack: "rack"}, node, view.Location{Zone: "zone-1", Rack: "r7"}},
		"a rack that is not there":   {&v1alpha1.LocationLabels{Zone: corev1.LabelTopologyZone, Rack: "other"}, node, view.Location{Zone: "zone-1", Rack: "n1"}},
		"empty labels count as none": {&v1alpha1.LocationLabels{Zone: "empty", Rack: "empty"}, node, view.Location{Zone: "default", Rack: "n1"}},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, view.LocationOf(test.labels, "n1", test.node), name)
	}
}

// A store whose location is another by now is restarted like one with another spec.
func TestRelocated(t *testing.T) {
	at := func(zone, rack string) PodModifier {
		return func(p *corev1.Pod) {
			p.Spec.NodeName = "n1"
			p.Annotations[naming.AnnotationZone], p.Annotations[naming.AnnotationRack] = zone, rack
		}
	}
	node := Node("n1", corev1.LabelTopologyZone, "zone-1", "rack", "r7")
	racks := func(c *v1alpha1.CellCluster) { c.Spec.Store.LocationLabels.Rack = "rack" }
	for name, test := range map[string]struct {
		pod    PodModifier
		node   *corev1.Node
		change func(*v1alpha1.CellCluster)
		want   bool
	}{
		"as it was told":             {at("zone-1", "n1"), node, nil, false},
		"the node's zone is another": {at("zone-2", "n1"), node, nil, true},
		"the spec names a rack":      {at("zone-1", "n1"), node, racks, true},
		"it was told that rack":      {at("zone-1", "r7"), node, racks, false},
		"not told yet":               {at("", ""), node, nil, false},
		"the node is not known":      {at("zone-2", "n1"), nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := Settled(c)
			p := Pod(c, naming.Store, 1, Ready)
			test.pod(p)
			f.Add(p)
			if test.node != nil {
				f.Add(test.node.DeepCopy())
			}
			if test.change != nil {
				test.change(c)
			}
			v := f.View(c, PDState(c, Stores(3)))
			assert.Equal(t, test.want, v.Store.Relocated(v.Store.Pods[1].Pod))
			assert.Equal(t, test.want, v.Store.Outdated(v.Store.Pods[1].Pod))
			assert.Equal(t, map[bool]int32{false: 3, true: 2}[test.want], v.Store.Updated())
		})
	}
}
