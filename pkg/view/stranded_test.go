// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// A pod on a cordoned node could not start again there, nor elsewhere if its volume is bound to the node.
func TestStranded(t *testing.T) {
	in := func(key string, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}}}
	}
	reached := func(terms ...corev1.NodeSelectorTerm) *corev1.VolumeNodeAffinity {
		return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: terms}}
	}
	field := corev1.NodeSelectorTerm{MatchFields: in("metadata.name", "node-1").MatchExpressions}
	tests := map[string]struct {
		open     bool
		affinity *corev1.VolumeNodeAffinity
		want     bool
	}{
		"by its host name":        {false, reached(in(corev1.LabelHostname, "node-1")), true},
		"by a driver's own label": {false, reached(in("topology.example.com/node", "node-1")), true},
		"by the node's name":      {false, reached(field), true},
		"the node is open":        {true, reached(in(corev1.LabelHostname, "node-1")), false},
		"in a zone":               {false, reached(in(corev1.LabelTopologyZone, "a")), false},
		"from two nodes":          {false, reached(in(corev1.LabelHostname, "node-1", "node-2")), false},
		"from another as well":    {false, reached(in(corev1.LabelHostname, "node-1"), in(corev1.LabelHostname, "node-2")), false},
		"from everywhere":         {false, nil, false},
		"no term at all":          {false, reached(), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo")
			node := Node("node-1")
			node.Spec.Unschedulable = !test.open
			f := New(node, Pod(c, naming.Store, 0, On("node-1")), Claim(c, naming.Store, 0), &corev1.PersistentVolume{
				ObjectMeta: metav1.ObjectMeta{Name: "pv-store-0"}, Spec: corev1.PersistentVolumeSpec{NodeAffinity: test.affinity}})
			v := f.View(c, nil)
			assert.Equal(t, test.want, v.Stranded(&v.Store, v.Store.Pods[0]) != "")
		})
	}
}
