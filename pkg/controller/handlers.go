// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// settle is how long events of a cluster's objects are gathered into one sync.
const settle = 20 * time.Millisecond

// listen registers the handlers that turn events into keys of the queue.
func (c *Controller) listen() error {
	for _, x := range c.sources.scopes {
		c.on(x.cells.Deepfabric().V1alpha1().CellClusters().Informer(), specChanged, c.enqueueCluster)
		c.on(x.kube.Apps().V1().StatefulSets().Informer(), specChanged, c.enqueueOwner)
		c.on(x.kube.Apps().V1().Deployments().Informer(), specChanged, c.enqueueOwner)
		c.on(x.kube.Autoscaling().V2().HorizontalPodAutoscalers().Informer(), autoscalerChanged, c.enqueueOwner)
		c.on(x.kube.Policy().V1().PodDisruptionBudgets().Informer(), specChanged, c.enqueueOwner)
		c.on(x.kube.Core().V1().Services().Informer(), anyChange, c.enqueueOwner)
		c.on(x.kube.Core().V1().ConfigMaps().Informer(), anyChange, c.enqueueOwner)
		c.on(x.kube.Core().V1().Pods().Informer(), anyChange, c.enqueueOwner)
		c.on(x.kube.Core().V1().PersistentVolumeClaims().Informer(), anyChange, c.enqueueOwner)
	}
	if c.sources.shared != nil {
		c.on(c.sources.shared.Core().V1().Nodes().Informer(), nodeChanged, c.enqueueNode)
		c.on(c.sources.shared.Core().V1().Nodes().Informer(), labelsChanged, c.enqueueDomains)
		c.on(c.sources.shared.Core().V1().PersistentVolumes().Informer(), anyChange, c.enqueueVolume)
		c.on(c.sources.shared.Storage().V1().StorageClasses().Informer(), anyChange, c.enqueueAll)
	}
	return c.listenErr
}

// on enqueues for additions, deletions, and those updates that matter.
func (c *Controller) on(informer cache.SharedIndexInformer, matters func(old, new metav1.Object) bool, enqueue func(metav1.Object)) {
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { withObject(o, enqueue) },
		UpdateFunc: func(old, new any) {
			o, errOld := meta.Accessor(old)
			n, errNew := meta.Accessor(new)
			if errOld == nil && errNew == nil && o.GetResourceVersion() != n.GetResourceVersion() && matters(o, n) {
				enqueue(n)
				if o.GetLabels()[naming.LabelInstance] != n.GetLabels()[naming.LabelInstance] {
					enqueue(o) // the cluster that it belonged to misses it
				}
			}
		},
		DeleteFunc: func(o any) {
			withObject(o, c.pending.Gone)
			withObject(o, enqueue)
		},
	})
	if err != nil {
		c.listenErr = err
		return
	}
	c.synced = append(c.synced, registration.HasSynced)
}

func withObject(o any, enqueue func(metav1.Object)) {
	if tombstone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = tombstone.Obj
	}
	if m, err := meta.Accessor(o); err == nil {
		enqueue(m)
	}
}

func anyChange(metav1.Object, metav1.Object) bool { return true }

// specChanged leaves out changes of the status, which the operator writes
// itself, or reads off the pods.
func specChanged(old, new metav1.Object) bool {
	return old.GetUID() != new.GetUID() || old.GetGeneration() != new.GetGeneration() ||
		(old.GetDeletionTimestamp() == nil) != (new.GetDeletionTimestamp() == nil) ||
		!slices.EqualFunc(old.GetOwnerReferences(), new.GetOwnerReferences(), sameOwner) ||
		!maps.Equal(old.GetLabels(), new.GetLabels()) || !maps.Equal(old.GetAnnotations(), new.GetAnnotations())
}

// autoscalerChanged compares the specs too, since autoscalers count no generations
// and their status changes all the time.
func autoscalerChanged(old, new metav1.Object) bool {
	o, okOld := old.(*autoscalingv2.HorizontalPodAutoscaler)
	n, okNew := new.(*autoscalingv2.HorizontalPodAutoscaler)
	return specChanged(old, new) || okOld && okNew && !equality.Semantic.DeepEqual(o.Spec, n.Spec)
}

func sameOwner(a, b metav1.OwnerReference) bool {
	return a.UID == b.UID && (a.Controller != nil && *a.Controller) == (b.Controller != nil && *b.Controller)
}

// nodeChanged leaves out the nodes' heartbeats.
func nodeChanged(old, new metav1.Object) bool {
	o, okOld := old.(*corev1.Node)
	n, okNew := new.(*corev1.Node)
	return okOld && okNew && (o.Spec.Unschedulable != n.Spec.Unschedulable || !maps.Equal(o.Labels, n.Labels) ||
		!slices.Equal(taints(o), taints(n)) || nodeReady(o) != nodeReady(n))
}

func taints(n *corev1.Node) []string {
	var keys []string
	for _, t := range n.Spec.Taints {
		keys = append(keys, t.Key)
	}
	return keys
}

func nodeReady(n *corev1.Node) corev1.ConditionStatus {
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status
		}
	}
	return corev1.ConditionUnknown
}

func (c *Controller) enqueueCluster(o metav1.Object) {
	c.queue.Add(types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()})
}

func (c *Controller) enqueueOwner(o metav1.Object) {
	if cluster := o.GetLabels()[naming.LabelInstance]; cluster != "" {
		c.queue.AddAfter(types.NamespacedName{Namespace: o.GetNamespace(), Name: cluster}, settle)
	}
}

// enqueueNode enqueues the clusters that have pods on a node.
func (c *Controller) enqueueNode(node metav1.Object) {
	for _, x := range c.sources.scopes {
		for _, o := range x.kube.Core().V1().Pods().Informer().GetStore().List() {
			if p, ok := o.(*corev1.Pod); ok && p.Spec.NodeName == node.GetName() {
				c.enqueueOwner(p)
			}
		}
	}
}

// enqueueVolume enqueues the cluster whose claim a volume is bound to.
func (c *Controller) enqueueVolume(o metav1.Object) {
	volume, ok := o.(*corev1.PersistentVolume)
	if !ok || volume.Spec.ClaimRef == nil {
		return
	}
	ref := volume.Spec.ClaimRef
	x := c.sources.scope(ref.Namespace)
	if x == nil {
		return
	}
	if claim := found(x.kube.Core().V1().PersistentVolumeClaims().Lister().PersistentVolumeClaims(ref.Namespace).Get(ref.Name)); claim != nil {
		c.enqueueOwner(claim)
	}
}

func (c *Controller) enqueueAll(metav1.Object) {
	for _, x := range c.sources.scopes {
		for _, o := range x.cells.Deepfabric().V1alpha1().CellClusters().Informer().GetStore().List() {
			withObject(o, c.enqueueCluster)
		}
	}
}
