// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// Cluster is one cluster at one moment. Nothing in it may be modified: the
// objects belong to the informers' caches.
type Cluster struct {
	// Now is the moment of the view.
	Now time.Time
	// Object is the CellCluster with defaults filled in; a copy, but shared by all who read the view.
	Object *v1alpha1.CellCluster
	// LauncherImage is the image that new pods get their launcher from.
	LauncherImage string

	// PD and Store are the members with volumes.
	PD, Store Set
	// Proxy is the stateless component.
	Proxy Proxies

	// Services, Budgets by name; missing ones are absent.
	Services map[string]*corev1.Service
	Budgets  map[string]*policyv1.PodDisruptionBudget
	// Start is the ConfigMap of PD's membership; nil if absent.
	Start *corev1.ConfigMap

	// Nodes are those that carry the cluster's pods, by name; nil where the operator may not read nodes.
	Nodes map[string]*corev1.Node
	// Domains are the numbers of values that all nodes have for the topology keys, up to MostDomains.
	Domains map[string]int
	// Volumes are those behind the cluster's claims, by name; empty where the operator may not read volumes.
	Volumes map[string]*corev1.PersistentVolume
	// Expandable tells of the storage classes of the cluster's claims whether their volumes can grow; unknown ones are absent.
	Expandable map[string]bool
	// MissingClasses are the storage classes that the spec names and Kubernetes does not have.
	MissingClasses []string

	// State is what PD said last; nil if it has not been asked yet.
	State *pdstate.Snapshot
}

// Set is a component with a StatefulSet and volumes.
type Set struct {
	Component naming.Component
	// Set is nil if absent.
	Set *appsv1.StatefulSet
	// Pods by ordinal.
	Pods []Pod
	// Claims by ordinal.
	Claims map[int32]*corev1.PersistentVolumeClaim

	relocated map[string]bool // by pod; see Relocated
}

// Pod is a pod of a Set.
type Pod struct {
	Ordinal int32
	*corev1.Pod
}

// Proxies is the component without volumes.
type Proxies struct {
	// Deployment is nil if absent.
	Deployment *appsv1.Deployment
	// Autoscaler is nil if absent.
	Autoscaler *autoscalingv2.HorizontalPodAutoscaler
	Pods       []*corev1.Pod
}

// Pod returns the pod of an ordinal, or false.
func (s *Set) Pod(ordinal int32) (Pod, bool) {
	for _, p := range s.Pods {
		if p.Ordinal == ordinal {
			return p, true
		}
	}
	return Pod{}, false
}

// Missing tells whether a pod that the StatefulSet asks for is not there.
func (s *Set) Missing() bool {
	for i := range s.Replicas() {
		if _, ok := s.Pod(i); !ok {
			return true
		}
	}
	return false
}

// Replicas is the number of members that the StatefulSet asks for; 0 if it does not exist.
func (s *Set) Replicas() int32 {
	if s.Set == nil || s.Set.Spec.Replicas == nil {
		return 0
	}
	return *s.Set.Spec.Replicas
}

// Complete tells whether there are as many pods as the StatefulSet asks for, ready or not.
func (s *Set) Complete() bool { return s.Set != nil && int32(len(s.Pods)) == s.Replicas() }

// Known is the number of members that pods and claims speak of, with which a
// StatefulSet that was deleted must come back: fewer would stop members without
// emptying them first. Claims of removed members do not count.
func (s *Set) Known() int32 {
	n := int32(0)
	for _, p := range s.Pods {
		n = max(n, p.Ordinal+1)
	}
	for ordinal, claim := range s.Claims {
		if claim.Annotations[naming.AnnotationRetired] == "" {
			n = max(n, ordinal+1)
		}
	}
	return n
}

// Ready counts the pods that are ready and stay.
func (s *Set) Ready() int32 {
	n := int32(0)
	for _, p := range s.Pods {
		if PodReady(p.Pod) {
			n++
		}
	}
	return n
}

// Updated counts the pods that are not Outdated.
func (s *Set) Updated() int32 {
	n := int32(0)
	for _, p := range s.Pods {
		if !s.Outdated(p.Pod) {
			n++
		}
	}
	return n
}

// Outdated tells whether a pod must be restarted to run as the spec asks: it was made from another
// template than the live one, or started with another location.
func (s *Set) Outdated(p *corev1.Pod) bool {
	return s.Set != nil && (s.OfOldSpec(p) || s.Relocated(p))
}

// OfOldSpec tells whether a pod was made from another template than the live one, so that the spec may be why it does not work.
func (s *Set) OfOldSpec(p *corev1.Pod) bool {
	return s.Set != nil && desired.RestartHash(p.Annotations) != desired.RestartHash(s.Set.Spec.Template.Annotations)
}

// RollsOut tells whether a new spec is under way: a pod was made from an older one.
func (s *Set) RollsOut() bool {
	return slices.ContainsFunc(s.Pods, func(p Pod) bool { return s.OfOldSpec(p.Pod) })
}

// Relocated tells whether a store's zone or rack is another by now than it was told.
func (s *Set) Relocated(p *corev1.Pod) bool { return s.relocated[p.Name] }

// Has tells whether the StatefulSet or Deployment of a component is there.
func (c *Cluster) Has(name naming.Component) bool {
	switch name {
	case naming.PD:
		return c.PD.Set != nil
	case naming.Store:
		return c.Store.Set != nil
	}
	return c.Proxy.Deployment != nil
}

// Ready counts the proxies that are ready and stay.
func (p *Proxies) Ready() int32 {
	n := int32(0)
	for _, pod := range p.Pods {
		if PodReady(pod) {
			n++
		}
	}
	return n
}

// Updated counts the proxies that were made from what deserves a restart in the live template.
func (p *Proxies) Updated() int32 {
	n := int32(0)
	for _, pod := range p.Pods {
		if p.Deployment != nil && desired.RestartHash(pod.Annotations) == desired.RestartHash(p.Deployment.Spec.Template.Annotations) {
			n++
		}
	}
	return n
}

// ProxyReplicas is the number of proxies that are wanted, by the spec or by an autoscaler.
func (c *Cluster) ProxyReplicas() int32 {
	d := c.Proxy.Deployment
	if c.Object.Spec.Proxy.Autoscaling != nil && d != nil && d.Spec.Replicas != nil {
		return *d.Spec.Replicas
	}
	return c.Object.Spec.Proxy.Replicas
}
