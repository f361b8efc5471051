// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	cellsfake "github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned/fake"
)

const (
	zone = corev1.LabelTopologyZone
	host = corev1.LabelHostname
)

// filled is a cache with four nodes in two zones, which a driver calls by names of its own, too.
func filled(t *testing.T) *Cache {
	t.Helper()
	c, err := New(fake.NewClientset(), cellsfake.NewSimpleClientset(), func(types.UID) {})
	require.NoError(t, err)
	for name, z := range map[string]string{"a": "z1", "b": "z1", "c": "z2", "d": "z2"} {
		require.NoError(t, c.kube.Core().V1().Nodes().Informer().GetStore().Add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{host: name, zone: z, "driver.example.com/area": "area-" + z, "arch": "amd64"},
		}}))
	}
	return c
}

func in(key string, values ...string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
}

func term(requirements ...corev1.NodeSelectorRequirement) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: requirements}
}

func TestReach(t *testing.T) {
	c := filled(t)
	tree, err := c.Tree([]string{zone, host}, &corev1.Pod{})
	require.NoError(t, err)
	tests := map[string]struct {
		terms []corev1.NodeSelectorTerm
		want  string
	}{
		"a node":                          {[]corev1.NodeSelectorTerm{term(in(host, "a"))}, "a"},
		"a zone":                          {[]corev1.NodeSelectorTerm{term(in(zone, "z2"))}, "z2"},
		"a zone by another name":          {[]corev1.NodeSelectorTerm{term(in("driver.example.com/area", "area-z2"))}, "z2"},
		"requirements hold together":      {[]corev1.NodeSelectorTerm{term(in("arch", "amd64"), in(zone, "z1"), in(host, "b"))}, "b"},
		"values are alternatives":         {[]corev1.NodeSelectorTerm{term(in(host, "a", "b"))}, "z1"},
		"of two zones it may be either":   {[]corev1.NodeSelectorTerm{term(in(zone, "z1", "z2"))}, ""},
		"terms are alternatives":          {[]corev1.NodeSelectorTerm{term(in(host, "a")), term(in(host, "b"))}, "z1"},
		"a term that says nothing":        {[]corev1.NodeSelectorTerm{term(in(host, "a")), term()}, ""},
		"a node that is gone":             {[]corev1.NodeSelectorTerm{term(in(host, "x"))}, ""},
		"another operator says not where": {[]corev1.NodeSelectorTerm{term(corev1.NodeSelectorRequirement{Key: host, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"a"}})}, ""},
		"by the node's name":              {[]corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{in("metadata.name", "c")}}}, "c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, tree.Value(reach(&corev1.NodeSelector{NodeSelectorTerms: test.terms}, tree)))
		})
	}
	assert.False(t, reach(nil, tree).Known())
}

// Once a node is chosen the claim is bound to it, though the volume is not there yet, or not known yet.
func TestPinOfAVolumeInTheMaking(t *testing.T) {
	c := filled(t)
	tree, err := c.Tree([]string{zone, host}, &corev1.Pod{})
	require.NoError(t, err)
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{selectedNode: "b"}}}
	assert.Equal(t, "b", tree.Value(c.pin(claim, tree)))
	claim.Spec.VolumeName = "pv"
	assert.Equal(t, "b", tree.Value(c.pin(claim, tree)), "the claim's event may come before the volume's")
	require.NoError(t, c.kube.Core().V1().PersistentVolumes().Informer().GetStore().Add(&corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv"},
		Spec: corev1.PersistentVolumeSpec{NodeAffinity: &corev1.VolumeNodeAffinity{
			Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term(in(zone, "z1"))}}}},
	}))
	assert.Equal(t, "z1", tree.Value(c.pin(claim, tree)), "the volume can be used in the whole zone")
	require.NoError(t, c.kube.Core().V1().PersistentVolumes().Informer().GetStore().Update(&corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}}))
	assert.False(t, c.pin(claim, tree).Known(), "a volume of the network is everywhere")
}

func TestTreesAreKeptWhileNodesStay(t *testing.T) {
	c := filled(t)
	ask := func(p *corev1.Pod) *Tree {
		tree, err := c.Tree([]string{zone, host}, p)
		require.NoError(t, err)
		return tree
	}
	first := ask(&corev1.Pod{})
	assert.Same(t, first, ask(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "another"}}))
	picky := &corev1.Pod{Spec: corev1.PodSpec{NodeSelector: map[string]string{zone: "z1"}}}
	assert.NotSame(t, first, ask(picky))
	assert.Equal(t, []string{zone, host}, ask(picky).Keys())
	c.trees.forget()
	assert.NotSame(t, first, ask(&corev1.Pod{}))
}
