// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// preferenceWeight of a nodeSelector that is not required; the highest there is.
const preferenceWeight = 100

// affinity is the user's own with nodeSelector added.
func affinity(s *v1alpha1.ComponentSpec) *corev1.Affinity {
	out := s.Affinity.DeepCopy()
	terms := nodeSelectorTerms(s.NodeSelector)
	if len(terms) == 0 {
		return out
	}
	if out == nil {
		out = &corev1.Affinity{}
	}
	if out.NodeAffinity == nil {
		out.NodeAffinity = &corev1.NodeAffinity{}
	}
	if s.NodeSelectorRequired != nil && !*s.NodeSelectorRequired {
		out.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution = append(
			out.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution,
			corev1.PreferredSchedulingTerm{Weight: preferenceWeight, Preference: corev1.NodeSelectorTerm{MatchExpressions: terms}})
		return out
	}
	required := out.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if required == nil {
		required = &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{}}}
		out.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = required
	}
	// Terms are alternatives, so the selector must hold in each of them.
	for i := range required.NodeSelectorTerms {
		required.NodeSelectorTerms[i].MatchExpressions = append(required.NodeSelectorTerms[i].MatchExpressions, terms...)
	}
	return out
}

// nodeSelectorTerms turn labels, of which a value may be a list separated by
// commas, into requirements in a stable order.
func nodeSelectorTerms(labels map[string]string) []corev1.NodeSelectorRequirement {
	var out []corev1.NodeSelectorRequirement
	for key, value := range labels {
		var values []string
		for v := range strings.SplitSeq(value, ",") {
			values = append(values, strings.TrimSpace(v))
		}
		out = append(out, corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values})
	}
	slices.SortFunc(out, func(a, b corev1.NodeSelectorRequirement) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// spread is the user's own constraints, else even over the topology keys, which are zones
// and nodes unless the spec says otherwise, as far as there are enough of them.
func spread(c *v1alpha1.CellCluster, name naming.Component, s *v1alpha1.ComponentSpec) []corev1.TopologySpreadConstraint {
	own := s.TopologySpreadConstraints
	if len(own) == 0 {
		for _, key := range topologyKeys(c, name) {
			own = append(own, corev1.TopologySpreadConstraint{MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: corev1.ScheduleAnyway})
		}
	}
	out := make([]corev1.TopologySpreadConstraint, 0, len(own))
	for i := range own {
		constraint := *own[i].DeepCopy()
		if constraint.LabelSelector == nil {
			constraint.LabelSelector = &metav1.LabelSelector{MatchLabels: naming.SelectorLabels(c.Name, name)}
		}
		out = append(out, constraint)
	}
	return out
}

// topologyKeys are those of a component; proxies have no choice of their own.
func topologyKeys(c *v1alpha1.CellCluster, name naming.Component) []string {
	var keys []string
	switch name {
	case naming.PD:
		keys = c.Spec.PD.TopologyKeys
	case naming.Store:
		keys = c.Spec.Store.TopologyKeys
	}
	if len(keys) == 0 {
		keys = []string{corev1.LabelTopologyZone, corev1.LabelHostname}
	}
	return keys
}
