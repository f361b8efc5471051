// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// Source reads the informers' caches. A lookup of what is not there gives nil.
type Source interface {
	StatefulSet(namespace, name string) *appsv1.StatefulSet
	Deployment(namespace, name string) *appsv1.Deployment
	Autoscaler(namespace, name string) *autoscalingv2.HorizontalPodAutoscaler
	Service(namespace, name string) *corev1.Service
	ConfigMap(namespace, name string) *corev1.ConfigMap
	Budget(namespace, name string) *policyv1.PodDisruptionBudget
	// Pods and Claims are all of a cluster, in any order.
	Pods(namespace, cluster string) []*corev1.Pod
	Claims(namespace, cluster string) []*corev1.PersistentVolumeClaim
	Node(name string) *corev1.Node
	Volume(name string) *corev1.PersistentVolume
	// Class is a storage class; nil where there is none, or the operator may not read them.
	Class(name string) *storagev1.StorageClass
	// ClassMissing tells whether it is certain that there is no such storage class.
	ClassMissing(name string) bool
	// Domains is the number of values that nodes have for a label, up to MostDomains; 0 where they may not be read.
	Domains(key string) int
}

// Build reads everything about a cluster once. The object must be a copy with
// defaults filled in; state may be nil.
func Build(source Source, object *v1alpha1.CellCluster, state *pdstate.Snapshot, launcherImage string, now time.Time) *Cluster {
	ns, name := object.Namespace, object.Name
	c := &Cluster{
		Now:           now,
		Object:        object,
		LauncherImage: launcherImage,
		PD:            Set{Component: naming.PD, Set: source.StatefulSet(ns, naming.Member(name, naming.PD))},
		Store:         Set{Component: naming.Store, Set: source.StatefulSet(ns, naming.Member(name, naming.Store))},
		Proxy: Proxies{
			Deployment: source.Deployment(ns, naming.Member(name, naming.Proxy)),
			Autoscaler: source.Autoscaler(ns, naming.Member(name, naming.Proxy)),
		},
		Services: map[string]*corev1.Service{},
		Budgets:  map[string]*policyv1.PodDisruptionBudget{},
		Start:    source.ConfigMap(ns, naming.StartConfigMap(name)),
		Nodes:    map[string]*corev1.Node{},
		State:    state,
	}
	for _, component := range naming.Components() {
		for _, s := range []string{naming.Service(name, component), naming.PeerService(name, component)} {
			if service := source.Service(ns, s); service != nil {
				c.Services[s] = service
			}
		}
		c.addBudget(source, naming.Member(name, component))
	}
	c.addBudget(source, naming.EvictableBudget(name))
	c.addPods(source.Pods(ns, name))
	c.addClaims(source.Claims(ns, name))
	c.addNodes(source)
	c.addRelocated()
	c.Domains = map[string]int{}
	for _, key := range slices.Concat(object.Spec.PD.TopologyKeys, object.Spec.Store.TopologyKeys) {
		c.Domains[key] = source.Domains(key)
	}
	c.addVolumes(source)
	c.addClasses(source)
	for _, class := range []*string{object.Spec.PD.StorageClassName, object.Spec.Store.StorageClassName} {
		if class != nil && *class != "" && source.ClassMissing(*class) && !slices.Contains(c.MissingClasses, *class) {
			c.MissingClasses = append(c.MissingClasses, *class)
		}
	}
	return c
}

func (c *Cluster) addBudget(source Source, name string) {
	if b := source.Budget(c.Object.Namespace, name); b != nil {
		c.Budgets[name] = b
	}
}

func (c *Cluster) addPods(pods []*corev1.Pod) {
	for _, p := range pods {
		ordinal, ok := naming.Ordinal(p.Name)
		switch naming.Component(p.Labels[naming.LabelComponent]) {
		case naming.PD:
			if ok {
				c.PD.Pods = append(c.PD.Pods, Pod{ordinal, p})
			}
		case naming.Store:
			if ok {
				c.Store.Pods = append(c.Store.Pods, Pod{ordinal, p})
			}
		case naming.Proxy:
			// An evicted pod has been replaced, and Kubernetes keeps what is left of it for long.
			if p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded {
				continue
			}
			c.Proxy.Pods = append(c.Proxy.Pods, p)
		}
	}
	byOrdinal := func(a, b Pod) int { return int(a.Ordinal) - int(b.Ordinal) }
	slices.SortFunc(c.PD.Pods, byOrdinal)
	slices.SortFunc(c.Store.Pods, byOrdinal)
	// Pods of one second go by name, or the message would name another one each time.
	slices.SortFunc(c.Proxy.Pods, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
}

func (c *Cluster) addClaims(claims []*corev1.PersistentVolumeClaim) {
	c.PD.Claims, c.Store.Claims = map[int32]*corev1.PersistentVolumeClaim{}, map[int32]*corev1.PersistentVolumeClaim{}
	for _, p := range claims {
		ordinal, ok := naming.Ordinal(p.Name)
		if !ok {
			continue
		}
		switch p.Name {
		case naming.Claim(c.Object.Name, naming.PD, ordinal):
			c.PD.Claims[ordinal] = p
		case naming.Claim(c.Object.Name, naming.Store, ordinal):
			c.Store.Claims[ordinal] = p
		}
	}
}

func (c *Cluster) addNodes(source Source) {
	for _, set := range []*Set{&c.PD, &c.Store} {
		for _, p := range set.Pods {
			if name := p.Spec.NodeName; name != "" && c.Nodes[name] == nil {
				if node := source.Node(name); node != nil {
					c.Nodes[name] = node
				}
			}
		}
	}
}

func (c *Cluster) addVolumes(source Source) {
	c.Volumes = map[string]*corev1.PersistentVolume{}
	for _, set := range []*Set{&c.PD, &c.Store} {
		for _, claim := range set.Claims {
			if v := source.Volume(claim.Spec.VolumeName); v != nil {
				c.Volumes[v.Name] = v
			}
		}
	}
}

func (c *Cluster) addClasses(source Source) {
	c.Expandable = map[string]bool{}
	for _, set := range []*Set{&c.PD, &c.Store} {
		for _, claim := range set.Claims {
			if claim.Spec.StorageClassName == nil {
				continue
			}
			if class := source.Class(*claim.Spec.StorageClassName); class != nil {
				c.Expandable[class.Name] = class.AllowVolumeExpansion != nil && *class.AllowVolumeExpansion
			}
		}
	}
}
