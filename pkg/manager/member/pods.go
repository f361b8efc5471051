// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package member holds what the managers of PD, stores and proxies share.
package member

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// NotePods says which pods of a component are in trouble or not ready yet.
func NotePods(r *manager.Result, component naming.Component, pods []*corev1.Pod, want int32) {
	ready := int32(0)
	var starting []string
	for _, p := range pods {
		switch trouble := view.PodTrouble(p); {
		case view.PodReady(p):
			ready++
		case trouble.Kind == view.Failing:
			r.Problem(v1alpha1.ReasonPodFailing, "%s", trouble.Message)
		case trouble.Kind == view.Unschedulable:
			r.Problem(v1alpha1.ReasonUnschedulable, "%s", trouble.Message)
		default:
			starting = append(starting, p.Name)
		}
	}
	if ready >= want {
		return
	}
	r.Wait(v1alpha1.ReasonWaitingForPods, "%d of %d %s pods are ready%s", ready, want, component, listed(", waiting for ", starting))
}

// Named is the pod of a name, or nil.
func Named(pods []view.Pod, name string) *corev1.Pod {
	for _, p := range pods {
		if p.Name == name {
			return p.Pod
		}
	}
	return nil
}

// Pods strips the ordinals.
func Pods(pods []view.Pod) []*corev1.Pod {
	out := make([]*corev1.Pod, 0, len(pods))
	for _, p := range pods {
		out = append(out, p.Pod)
	}
	return out
}

// longestList bounds how many names a message holds.
const longestList = 3

func listed(prefix string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	if more := len(names) - longestList; more > 0 {
		return fmt.Sprintf("%s%s and %d more", prefix, strings.Join(names[:longestList], ", "), more)
	}
	return prefix + strings.Join(names, ", ")
}

// NoteClasses says that a component's volumes wait for a storage class that does not exist.
func NoteClasses(r *manager.Result, c *view.Cluster, component naming.Component, class *string) {
	if class == nil {
		return
	}
	for _, missing := range c.MissingClasses {
		if missing == *class {
			r.Problem(v1alpha1.ReasonWaitingForVolume,
				"spec.%s.storageClassName: there is no StorageClass %q; create it, or delete this cluster and create it with another class", component, missing)
		}
	}
}

// NoteHeld says which pods do not end, though they were deleted and their time is up.
func NoteHeld(r *manager.Result, c *view.Cluster, s *view.Set) {
	for _, p := range s.Pods {
		if p.DeletionTimestamp == nil {
			continue
		}
		node, left := c.HeldByDeadNode(p.Pod), view.Patience-view.AwayFor(p.Pod, c.Now)
		if left > 0 {
			// Nothing tells that a node did not end it in time.
			r.LookAgain(left + time.Second)
			if grace := p.DeletionTimestamp.Sub(c.Now); grace >= 0 {
				r.LookAgain(grace + time.Second)
			}
		}
		switch {
		case node != "":
			r.Problem(v1alpha1.ReasonCannotReplace, "node %s does not answer and does not let pod %s go; if it does not come back, delete the node, or taint it %s",
				node, p.Name, corev1.TaintNodeOutOfService)
		case left <= 0 && len(p.Finalizers) > 0:
			r.Problem(v1alpha1.ReasonCannotReplace, "pod %s was deleted and does not go, since it has the finalizers %s; see who is to take them off", p.Name, strings.Join(p.Finalizers, ", "))
		case left <= 0:
			r.Problem(v1alpha1.ReasonCannotReplace, "pod %s was deleted and node %s has not ended it in time; look at the kubelet there, or at the volume that it cannot unmount", p.Name, p.Spec.NodeName)
		}
	}
}
