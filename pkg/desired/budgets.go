// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Budgets are the disruption budgets of a component.
//
// PDs and proxies may go one at a time. That keeps the quorum of three PDs or
// more. One or two PDs have none to spare, yet a budget of 0 would block every
// node drain for ever, while the cells go on without PD for as long as a restart takes.
//
// A store goes only when the operator has moved its leaders away and labelled
// it, so there are two budgets, and each pod is in exactly one, since Kubernetes
// evicts none that is in two.
func Budgets(c *v1alpha1.CellCluster, component naming.Component) []*policyv1.PodDisruptionBudget {
	if component != naming.Store {
		return []*policyv1.PodDisruptionBudget{budget(c, component, naming.Member(c.Name, component), 1)}
	}
	closed := budget(c, component, naming.Member(c.Name, component), 0)
	closed.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: naming.LabelEvictable, Operator: metav1.LabelSelectorOpDoesNotExist}}
	open := budget(c, component, naming.EvictableBudget(c.Name), 1)
	open.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: naming.LabelEvictable, Operator: metav1.LabelSelectorOpExists}}
	// maxUnavailable would be held against the whole StatefulSet, of which one pod at most is here.
	none := intstr.FromInt32(0)
	open.Spec.MaxUnavailable, open.Spec.MinAvailable = nil, &none
	return []*policyv1.PodDisruptionBudget{closed, open}
}

func budget(c *v1alpha1.CellCluster, component naming.Component, name string, unavailable int32) *policyv1.PodDisruptionBudget {
	limit := intstr.FromInt32(unavailable)
	always := policyv1.AlwaysAllow
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: meta(c, name, component),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &limit,
			Selector:       selector(c, component),
			// A pod that does not run holds nothing that its eviction could harm.
			UnhealthyPodEvictionPolicy: &always,
		},
	}
}
