// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
)

// Former names what is left of an earlier CellCluster of the same name and is about to be
// collected by Kubernetes: a StatefulSet, pods, or volume claims that go with it. Until
// it is gone, what it says is not this cluster's, and what mounts its claims would go with
// them. It is empty where nothing is left; what Kubernetes was told to keep has no owner any more.
func (c *Cluster) Former() string {
	for _, s := range []*Set{&c.PD, &c.Store} {
		if s.Set != nil && c.anothers(s.Set) {
			return "StatefulSet " + s.Set.Name
		}
		for _, p := range s.Pods {
			if !c.Bootstrapped() && orphaned(s, p.Pod) {
				return "pod " + p.Name
			}
		}
		for ordinal := range s.Known() {
			if claim := s.Claims[ordinal]; claim != nil && c.anothers(claim) {
				return "volume claim " + claim.Name
			}
		}
	}
	return ""
}

// FormerWait is the sentence about what Former names.
func FormerWait(what string) string {
	return fmt.Sprintf("waiting until %s of the CellCluster that had this name before is gone; Kubernetes is deleting it", what)
}

// anothers tells whether an object belongs to a CellCluster with another UID.
func (c *Cluster) anothers(o metav1.Object) bool {
	for _, r := range o.GetOwnerReferences() {
		if r.Kind == v1alpha1.Kind && r.Name == c.Object.Name && r.UID != c.Object.UID {
			return true
		}
	}
	return false
}

// orphaned tells whether a pod belongs to a StatefulSet that is not there any more.
func orphaned(s *Set, p *corev1.Pod) bool {
	owner := metav1.GetControllerOf(p)
	return owner != nil && owner.Kind == "StatefulSet" && (s.Set == nil || owner.UID != s.Set.UID)
}
