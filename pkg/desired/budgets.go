// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Budget is the disruption budget of a component: one pod at a time. That
// keeps the quorum of three PDs or more. One or two PDs have none to spare, yet
// a budget of 0 would block every node drain for ever, while the cells go on
// without PD for as long as a restart takes.
func Budget(c *v1alpha1.CellCluster, component naming.Component) *policyv1.PodDisruptionBudget {
	limit := intstr.FromInt32(1)
	always := policyv1.AlwaysAllow
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: meta(c, naming.Member(c.Name, component), component),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &limit,
			Selector:       selector(c, component),
			// A pod that does not run holds nothing that its eviction could harm.
			UnhealthyPodEvictionPolicy: &always,
		},
	}
}
