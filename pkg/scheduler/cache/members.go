// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/placement"
)

// Member is a PD, store or proxy of a cluster that has a pod or a claim.
type Member struct {
	Ordinal int32
	// Pod is the UID of its pod; "" if it has none.
	Pod types.UID
	// At is the domain where it stands or is bound to stand by its volume. It may be wide.
	At placement.Place
	// Nominated is the domain of the node on which kube-scheduler makes room for its pod, which very
	// likely goes there, but need not. No place if there is no such node, or the volume is elsewhere.
	Nominated placement.Place
	// Bound tells that its pod has a node.
	Bound bool
	// Dead tells that it was given up and does not count.
	Dead bool
}

// ErrNoCluster is that a pod's CellCluster does not exist, or is not known yet.
var ErrNoCluster = errors.New("there is no CellCluster")

// Cluster is the CellCluster with defaults filled in; an error says why there is none.
func (c *Cache) Cluster(namespace, name string) (*v1alpha1.CellCluster, error) {
	object, err := c.clusters.CellClusters(namespace).Get(name)
	if err != nil {
		return nil, fmt.Errorf("%w %s/%s, so the rules for its pods are not known: create it again, or delete its pods", ErrNoCluster, namespace, name)
	}
	if object.DeletionTimestamp != nil {
		return nil, fmt.Errorf("the CellCluster %s/%s is being deleted, and its pods with it", namespace, name)
	}
	object = object.DeepCopy()
	v1alpha1.SetDefaults(object)
	return object, nil
}

// Members are those of a component, by ordinal; of proxies, which have none, in any order.
func (c *Cache) Members(cluster *v1alpha1.CellCluster, component naming.Component, t *Tree) ([]Member, error) {
	key := cluster.Namespace + "/" + cluster.Name
	pods, err := c.pods.ByIndex(byCluster, key)
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	claims, err := c.claims.ByIndex(byCluster, key)
	if err != nil {
		return nil, fmt.Errorf("list claims: %w", err)
	}
	members := map[int32]*Member{}
	var out []Member
	for _, o := range claims {
		claim, ok := o.(*corev1.PersistentVolumeClaim)
		if !ok || claim.Annotations[naming.AnnotationRetired] != "" || claim.Annotations[naming.AnnotationReplacing] != "" || claim.DeletionTimestamp != nil {
			continue
		}
		if ordinal, ok := naming.Ordinal(claim.Name); ok && claim.Name == naming.Claim(cluster.Name, component, ordinal) {
			members[ordinal] = &Member{Ordinal: ordinal, At: c.pin(claim, t)}
		}
	}
	for _, o := range pods {
		pod, ok := o.(*corev1.Pod)
		if !ok || pod.Labels[naming.LabelComponent] != string(component) || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
			continue
		}
		m := &Member{Pod: pod.UID}
		if component != naming.Proxy {
			ordinal, ok := naming.Ordinal(pod.Name)
			if !ok {
				continue
			}
			if members[ordinal] == nil {
				members[ordinal] = &Member{Ordinal: ordinal}
			}
			m = members[ordinal]
			m.Pod = pod.UID
		}
		if pod.Spec.NodeName != "" {
			m.Bound = true
			if at, known := t.Of(pod.Spec.NodeName); known { // a node that is gone holds nobody
				m.At = at
			}
		} else if at, known := t.Of(pod.Status.NominatedNodeName); known && t.Holds(m.At, at) {
			m.Nominated = at
		}
		if component == naming.Proxy {
			out = append(out, *m)
		}
	}
	dead := givenUp(cluster, component)
	for ordinal, m := range members {
		m.Dead = dead[naming.Pod(cluster.Name, component, ordinal)]
		out = append(out, *m)
	}
	return out, nil
}

// givenUp are the names of the pods whose members were given up.
func givenUp(cluster *v1alpha1.CellCluster, component naming.Component) map[string]bool {
	failures := cluster.Status.PD.FailureMembers
	if component == naming.Store {
		failures = cluster.Status.Store.FailureStores
	}
	out := map[string]bool{}
	for _, f := range failures {
		out[f.PodName] = true
	}
	return out
}

// Sibling tells whether a pod is a PD or a store of a cluster.
func (c *Cache) Sibling(uid types.UID, cluster types.NamespacedName) bool {
	pods, err := c.pods.ByIndex(byCluster, cluster.String())
	if err != nil {
		return false
	}
	for _, o := range pods {
		if p, ok := o.(*corev1.Pod); ok && p.UID == uid {
			return p.Labels[naming.LabelComponent] != string(naming.Proxy)
		}
	}
	return false
}
