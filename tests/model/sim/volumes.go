// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// protection keeps a claim that is being deleted while a pod uses it.
const protection = "kubernetes.io/pvc-protection"

// claimOf is the claim of a pod; nil if it has none.
func (w *World) claimOf(p *corev1.Pod) *corev1.PersistentVolumeClaim {
	name := claimName(p)
	if name == "" {
		return nil
	}
	return ct.Read[corev1.PersistentVolumeClaim](w.API, Namespace, name)
}

func claimName(p *corev1.Pod) string {
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			return v.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// bind gives a claim a volume on a node.
func (w *World) bind(c *corev1.PersistentVolumeClaim, nodeName string) {
	if c.Spec.VolumeName != "" {
		return
	}
	v := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv-" + string(c.UID)},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: maps.Clone(c.Spec.Resources.Requests), AccessModes: c.Spec.AccessModes, StorageClassName: Class,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{nodeName}}}}}}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
	}
	w.API.Put(v)
	next := c.DeepCopy()
	next.Spec.VolumeName = v.Name
	next.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, Capacity: maps.Clone(c.Spec.Resources.Requests), AccessModes: c.Spec.AccessModes}
	w.API.Replace(next, false)
	w.disks[c.UID] = &disk{}
}

// home is the node that a claim's volume is on; "" while it has none.
func (w *World) home(c *corev1.PersistentVolumeClaim) string {
	v := ct.Read[corev1.PersistentVolume](w.API, "", c.Spec.VolumeName)
	if v == nil {
		return ""
	}
	return v.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0]
}

// runVolumes lets claims go that nobody uses any more, grows those that are to
// grow, and deletes or keeps the volumes of claims that are gone.
func (w *World) runVolumes() {
	used := map[string]bool{}
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		used[claimName(p)] = true
	}
	for _, c := range ct.ReadAll[corev1.PersistentVolumeClaim](w.API, Namespace) {
		switch {
		case c.DeletionTimestamp != nil && !used[c.Name]:
			left := slices.DeleteFunc(slices.Clone(c.Finalizers), func(f string) bool { return f == protection })
			if len(left) == 0 {
				w.API.Remove(c)
				continue
			}
			next := c.DeepCopy()
			next.Finalizers = left
			w.API.Replace(next, false)
		case c.Status.Phase == corev1.ClaimBound && !equality.Semantic.DeepEqual(c.Status.Capacity, c.Spec.Resources.Requests):
			next := c.DeepCopy()
			next.Status.Capacity = maps.Clone(c.Spec.Resources.Requests)
			w.API.Replace(next, false)
		}
	}
	for _, v := range ct.ReadAll[corev1.PersistentVolume](w.API, "") {
		c := ct.Read[corev1.PersistentVolumeClaim](w.API, Namespace, v.Spec.ClaimRef.Name)
		if c != nil && c.UID == v.Spec.ClaimRef.UID {
			continue
		}
		if v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
			w.API.Remove(v)
			continue
		}
		next := v.DeepCopy()
		next.Status.Phase = corev1.VolumeReleased
		w.API.Replace(next, false)
	}
}

// Spoil leaves a store with data that it cannot start on any more, and ends its program.
func (w *World) Spoil(ordinal int32) {
	c := ct.Read[corev1.PersistentVolumeClaim](w.API, Namespace, naming.Claim(Cluster, naming.Store, ordinal))
	w.end(naming.Pod(Cluster, naming.Store, ordinal))
	w.disks[c.UID].spoiled = true
}

// Wipe empties the volume of a member, and ends its program, which starts again.
func (w *World) Wipe(component naming.Component, ordinal int32) {
	c := ct.Read[corev1.PersistentVolumeClaim](w.API, Namespace, naming.Claim(Cluster, component, ordinal))
	if c == nil {
		return
	}
	w.end(naming.Pod(Cluster, component, ordinal))
	w.disks[c.UID] = &disk{}
}
