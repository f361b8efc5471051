// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meta

import (
	"maps"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Labels are those that objects of a cluster lack.
type Labels struct {
	Pods    []Labelled[*corev1.Pod]
	Claims  []Labelled[*corev1.PersistentVolumeClaim]
	Volumes []Labelled[*corev1.PersistentVolume]
}

// Labelled is an object and the labels that it is to get.
type Labelled[T metav1.Object] struct {
	Object T
	Labels map[string]*string
}

// Empty tells whether nothing lacks a label.
func (l *Labels) Empty() bool { return len(l.Pods)+len(l.Claims)+len(l.Volumes) == 0 }

// DecideLabels compares the ids that pods, claims and volumes carry with those
// that PD gives. They are for people, their selectors and their dashboards; on claims they also
// tell the operator whose data a volume holds. What PD does not tell is left as it is.
func DecideLabels(c *view.Cluster) Labels {
	var out Labels
	if c.Object.Status.ClusterID == "" || c.PDSilent() != "" {
		return out
	}
	for _, set := range []*view.Set{&c.PD, &c.Store} {
		for _, p := range set.Pods {
			out.Pods = lacking(out.Pods, p.Pod, ids(c, set.Component, p.Name))
		}
		for _, ordinal := range slices.Sorted(maps.Keys(set.Claims)) {
			claim := set.Claims[ordinal]
			pod, exists := set.Pod(ordinal)
			if !exists || member.Retired(claim) || claim.Annotations[naming.AnnotationReplacing] != "" {
				continue // it belongs to a member that is gone, whose id it keeps
			}
			want := ids(c, set.Component, pod.Name)
			out.Claims = lacking(out.Claims, claim, want)
			if v := c.Volumes[claim.Spec.VolumeName]; v != nil && v.Spec.ClaimRef != nil && v.Spec.ClaimRef.UID == claim.UID {
				out.Volumes = lacking(out.Volumes, v, want)
			}
		}
	}
	for _, p := range c.Proxy.Pods {
		out.Pods = lacking(out.Pods, p, ids(c, naming.Proxy, p.Name))
	}
	return out
}

// ids are the labels of what belongs to a pod.
func ids(c *view.Cluster, component naming.Component, pod string) map[string]string {
	want := map[string]string{naming.LabelClusterID: c.Object.Status.ClusterID}
	switch component {
	case naming.PD:
		for i := range c.State.Members {
			// One that has never started has no data yet.
			if m := &c.State.Members[i]; c.PDPodOfMember(m) == pod && len(m.ClientURLs) > 0 {
				want[naming.LabelMemberID] = strconv.FormatUint(m.ID, 16)
			}
		}
	case naming.Store:
		if s := c.StoreOf(pod); s != nil {
			want[naming.LabelStoreID] = strconv.FormatUint(s.ID, 10)
		}
	}
	return want
}

// lacking adds an object to a list if it lacks labels.
func lacking[T metav1.Object](list []Labelled[T], o T, want map[string]string) []Labelled[T] {
	if o.GetDeletionTimestamp() != nil {
		return list
	}
	labels := map[string]*string{}
	for k, v := range want {
		if o.GetLabels()[k] != v {
			labels[k] = &v
		}
	}
	if len(labels) == 0 {
		return list
	}
	return append(list, Labelled[T]{o, labels})
}

// readySince is when the cluster became ready for its present spec, as its status says; zero if it is not.
func readySince(c *view.Cluster) time.Time {
	ready := apimeta.FindStatusCondition(c.Object.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != c.Object.Generation {
		return time.Time{}
	}
	return ready.LastTransitionTime.Time
}

// unreadySince is since when the cluster is not ready; zero if it is, or if nothing is known.
func unreadySince(c *view.Cluster) time.Time {
	ready := apimeta.FindStatusCondition(c.Object.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue {
		return time.Time{}
	}
	return ready.LastTransitionTime.Time
}
