// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// OutOfService taints a dead node, as an administrator does who knows that it is off:
// its pods are gone then.
func (w *World) OutOfService(name string) {
	n := ct.Read[corev1.Node](w.API, "", name).DeepCopy()
	n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute})
	w.API.Replace(n, true)
}

// collectPods removes the pods of dead nodes that are out of service.
func (w *World) collectPods() {
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		n := ct.Read[corev1.Node](w.API, "", p.Spec.NodeName)
		if p.Spec.NodeName == "" || w.alive(p.Spec.NodeName) || n == nil {
			continue
		}
		if slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService }) {
			w.API.Remove(p)
		}
	}
}

// Drain is one pass of kubectl drain over a node: it evicts each pod that its
// disruption budget lets go, and tells whether none is left.
func (w *World) Drain(name string) bool {
	left := false
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		if p.Spec.NodeName != name {
			continue
		}
		left = true
		if p.DeletionTimestamp == nil && w.mayEvict(p) {
			if x := w.processes[p.Name]; x != nil && x.store != 0 && w.Leads(x.store) > 0 && !w.Deaf {
				w.Breach("pod %s is let go while its store leads cells", p.Name)
			}
			w.API.Delete(p, metav1.DeleteOptions{})
		}
	}
	return !left
}

// mayEvict asks the disruption budgets. Kubernetes evicts no pod that two of them cover.
func (w *World) mayEvict(p *corev1.Pod) bool {
	var budgets []*policyv1.PodDisruptionBudget
	for _, b := range ct.ReadAll[policyv1.PodDisruptionBudget](w.API, Namespace) {
		if selects(b.Spec.Selector, p) {
			budgets = append(budgets, b)
		}
	}
	switch len(budgets) {
	case 0:
		return true
	case 1:
		always := budgets[0].Spec.UnhealthyPodEvictionPolicy
		return w.allowed(budgets[0]) > 0 || always != nil && *always == policyv1.AlwaysAllow && !view.PodReady(p)
	}
	w.Breach("pod %s has %d disruption budgets", p.Name, len(budgets))
	return false
}

func selects(s *metav1.LabelSelector, p *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(p.Labels))
}

// allowed is how many pods of a budget may go now.
func (w *World) allowed(b *policyv1.PodDisruptionBudget) int {
	healthy, all := 0, 0
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		if !selects(b.Spec.Selector, p) {
			continue
		}
		all++
		if view.PodReady(p) {
			healthy++
		}
	}
	if b.Spec.MinAvailable != nil {
		least, _ := intstr.GetScaledValueFromIntOrPercent(b.Spec.MinAvailable, all, true)
		return healthy - least
	}
	most, _ := intstr.GetScaledValueFromIntOrPercent(b.Spec.MaxUnavailable, all, true)
	return healthy - (all - most)
}
