// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func in(key string, values ...string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values}
}

func required(terms ...[]corev1.NodeSelectorRequirement) *corev1.NodeAffinity {
	selector := &corev1.NodeSelector{}
	for _, t := range terms {
		selector.NodeSelectorTerms = append(selector.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchExpressions: t})
	}
	return &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: selector}
}

func preferred(weight int32, expressions ...corev1.NodeSelectorRequirement) corev1.PreferredSchedulingTerm {
	return corev1.PreferredSchedulingTerm{Weight: weight, Preference: corev1.NodeSelectorTerm{MatchExpressions: expressions}}
}

type requirements = []corev1.NodeSelectorRequirement

func TestAffinity(t *testing.T) {
	antiAffinity := &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "host"}}}
	tests := map[string]struct {
		spec v1alpha1.ComponentSpec
		want *corev1.Affinity
	}{
		"nothing asked": {
			v1alpha1.ComponentSpec{},
			nil,
		},
		"the user's own alone": {
			v1alpha1.ComponentSpec{Affinity: &corev1.Affinity{PodAntiAffinity: antiAffinity}},
			&corev1.Affinity{PodAntiAffinity: antiAffinity},
		},
		"a selector is required unless said otherwise": {
			v1alpha1.ComponentSpec{NodeSelector: map[string]string{"disk": "ssd"}},
			&corev1.Affinity{NodeAffinity: required(requirements{in("disk", "ssd")})},
		},
		"keys are sorted": {
			v1alpha1.ComponentSpec{NodeSelector: map[string]string{"z": "1", "a": "2", "m": "3"}, NodeSelectorRequired: new(true)},
			&corev1.Affinity{NodeAffinity: required(requirements{in("a", "2"), in("m", "3"), in("z", "1")})},
		},
		"a list of values": {
			v1alpha1.ComponentSpec{NodeSelector: map[string]string{"zone": "a, b,c"}},
			&corev1.Affinity{NodeAffinity: required(requirements{in("zone", "a", "b", "c")})},
		},
		"an empty value is a value": {
			v1alpha1.ComponentSpec{NodeSelector: map[string]string{"dedicated": ""}},
			&corev1.Affinity{NodeAffinity: required(requirements{in("dedicated", "")})},
		},
		"a preference": {
			v1alpha1.ComponentSpec{NodeSelector: map[string]string{"disk": "ssd"}, NodeSelectorRequired: new(false)},
			&corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
				PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{preferred(100, in("disk", "ssd"))},
			}},
		},
		"a preference beside the user's": {
			v1alpha1.ComponentSpec{
				NodeSelector: map[string]string{"disk": "ssd"}, NodeSelectorRequired: new(false),
				Affinity: &corev1.Affinity{PodAntiAffinity: antiAffinity, NodeAffinity: &corev1.NodeAffinity{
					PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{preferred(1, in("x", "y"))},
				}},
			},
			&corev1.Affinity{PodAntiAffinity: antiAffinity, NodeAffinity: &corev1.NodeAffinity{
				PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{preferred(1, in("x", "y")), preferred(100, in("disk", "ssd"))},
			}},
		},
		"each of the user's alternatives gets the selector": {
			v1alpha1.ComponentSpec{
				NodeSelector: map[string]string{"disk": "ssd"},
				Affinity:     &corev1.Affinity{NodeAffinity: required(requirements{in("a", "1")}, requirements{in("b", "2")})},
			},
			&corev1.Affinity{NodeAffinity: required(requirements{in("a", "1"), in("disk", "ssd")}, requirements{in("b", "2"), in("disk", "ssd")})},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := test.spec.DeepCopy()
			assert.Equal(t, test.want, affinity(&test.spec))
			assert.Equal(t, before, &test.spec, "the spec is not changed")
		})
	}
}

func TestSpreadOverTopologyKeys(t *testing.T) {
	c := &v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Name: "demo"}}
	c.Spec.PD.TopologyKeys, c.Spec.Store.TopologyKeys = []string{"rack"}, []string{"room", "rack"}
	for component, want := range map[naming.Component][]string{
		naming.PD: {"rack"}, naming.Store: {"room", "rack"}, naming.Proxy: {corev1.LabelTopologyZone, corev1.LabelHostname},
	} {
		var keys []string
		for _, constraint := range spread(c, component, &v1alpha1.ComponentSpec{}) {
			keys = append(keys, constraint.TopologyKey)
			assert.Equal(t, corev1.ScheduleAnyway, constraint.WhenUnsatisfiable)
			assert.EqualValues(t, 1, constraint.MaxSkew)
		}
		assert.Equal(t, want, keys, component)
	}
}

func TestSpread(t *testing.T) {
	c := &v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Name: "demo"}}
	own := &metav1.LabelSelector{MatchLabels: naming.SelectorLabels("demo", naming.Store)}
	other := &metav1.LabelSelector{MatchLabels: map[string]string{"x": "y"}}
	tests := map[string]struct {
		have, want []corev1.TopologySpreadConstraint
	}{
		"by default over zones and nodes, if there are enough": {
			nil,
			[]corev1.TopologySpreadConstraint{
				{MaxSkew: 1, TopologyKey: "topology.kubernetes.io/zone", WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: own},
				{MaxSkew: 1, TopologyKey: "kubernetes.io/hostname", WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: own},
			},
		},
		"the user's replace them and get a selector": {
			[]corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule}},
			[]corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: own}},
		},
		"the user's own selector stays": {
			[]corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "rack", LabelSelector: other}},
			[]corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "rack", LabelSelector: other}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec := &v1alpha1.ComponentSpec{TopologySpreadConstraints: test.have}
			before := spec.DeepCopy()
			assert.Equal(t, test.want, spread(c, naming.Store, spec))
			assert.Equal(t, before, spec, "the spec is not changed")
		})
	}
}
