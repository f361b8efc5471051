// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// source reads the caches of fakes for a view.
type source struct{ f *Fakes }

var _ view.Source = source{}

func (s source) StatefulSet(ns, name string) *appsv1.StatefulSet {
	return s.f.StatefulSets.Get(ns, name)
}

func (s source) Deployment(ns, name string) *appsv1.Deployment { return s.f.Deployments.Get(ns, name) }

func (s source) Autoscaler(ns, name string) *autoscalingv2.HorizontalPodAutoscaler {
	return s.f.Autoscalers.Get(ns, name)
}

func (s source) Service(ns, name string) *corev1.Service { return s.f.Services.Get(ns, name) }

func (s source) ConfigMap(ns, name string) *corev1.ConfigMap { return s.f.ConfigMaps.Get(ns, name) }

func (s source) Budget(ns, name string) *policyv1.PodDisruptionBudget {
	return s.f.Budgets.Get(ns, name)
}

// Pods are as the operator's caches hold them.
func (s source) Pods(ns, cluster string) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range s.f.Pods.List(ns, cluster) {
		p = p.DeepCopy()
		if _, err := view.Strip(p); err != nil {
			panic(err) // it knows pods
		}
		out = append(out, p)
	}
	return out
}

func (s source) Claims(ns, cluster string) []*corev1.PersistentVolumeClaim {
	return s.f.Claims.List(ns, cluster)
}

func (s source) Node(name string) *corev1.Node { return s.f.nodes.Get("", name) }

func (s source) Domains(key string) int {
	values := map[string]bool{}
	for _, n := range s.f.nodes.List("", "") {
		if value, has := n.Labels[key]; has && len(values) < view.MostDomains {
			values[value] = true
		}
	}
	return len(values)
}

func (s source) Volume(name string) *corev1.PersistentVolume { return s.f.Volumes.Get("", name) }

func (s source) Class(name string) *storagev1.StorageClass { return s.f.classes.Get("", name) }

func (s source) ClassMissing(name string) bool { return s.f.classes.Get("", name) == nil }
