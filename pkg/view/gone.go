// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// SilentFor is for how long PD had not heard of a store when it answered; 0 while it reports. A
// leader that has heard nothing of it yet knows only since when it leads itself.
// It means nothing while PD is unknown.
func (c *Cluster) SilentFor(s *pdapi.Store) time.Duration {
	if c.State.Freshness(s) == pdstate.Fresh {
		return 0
	}
	if age, heard := s.HeartbeatAge(c.State.At); heard {
		return age
	}
	return c.State.At.Sub(c.State.LeaderSince)
}

// NotReadyFor is for how long a pod has not been ready; 0 while it is, or is on its way out.
func NotReadyFor(p *corev1.Pod, now time.Time) time.Duration {
	if p.DeletionTimestamp != nil || PodReady(p) {
		return 0
	}
	since := p.CreationTimestamp.Time
	if ready := ReadySince(p); ready.After(since) {
		since = ready
	}
	return now.Sub(since)
}

// Patience is for how long a pod that is not ready counts as on its way back.
const Patience = time.Minute

// Returning tells whether a pod that is not ready, or on its way out, is still within that time.
func Returning(p *corev1.Pod, now time.Time) bool { return !PodReady(p) && AwayFor(p, now) < Patience }

// AwayFor is for how long a pod has not been ready, or, on its way out, for how long it has outstayed its grace.
func AwayFor(p *corev1.Pod, now time.Time) time.Duration {
	if p.DeletionTimestamp != nil {
		return now.Sub(p.DeletionTimestamp.Time)
	}
	return NotReadyFor(p, now)
}

// StartedAt is when a pod's program started last; zero while it does not run.
func StartedAt(p *corev1.Pod) time.Time {
	if s := program(p); s != nil && s.State.Running != nil {
		return s.State.Running.StartedAt.Time
	}
	return time.Time{}
}

// program is the status of the component's own container; nil if there is none. Others may have been injected.
func program(p *corev1.Pod) *corev1.ContainerStatus {
	for i := range p.Status.ContainerStatuses {
		if s := &p.Status.ContainerStatuses[i]; s.Name == p.Labels[naming.LabelComponent] {
			return s
		}
	}
	return nil
}

// ReplaceRequested tells whether a user asks for the replacement of the member
// that uses a claim: by the annotation, or by deleting the claim, which Kubernetes carries
// out as soon as the pod ends.
func ReplaceRequested(claim *corev1.PersistentVolumeClaim) bool {
	if claim == nil {
		return false
	}
	if claim.DeletionTimestamp != nil && claim.Annotations[naming.AnnotationRetired] == "" {
		return true
	}
	v := claim.Annotations[naming.AnnotationReplace]
	return v != "" && v != "false"
}

// VolumeGoes tells whether the volume of an ordinal goes as soon as its pod stops, whoever deleted the claim and for
// whatever: nobody stops that pod but who has emptied its member.
func (s *Set) VolumeGoes(ordinal int32) bool {
	claim := s.Claims[ordinal]
	return claim != nil && claim.DeletionTimestamp != nil
}

// Doomed is the claim that goes with the next stop of an ordinal's pod, since somebody has
// deleted it; nil if there is none, or if the member is being replaced or removed anyway.
func (s *Set) Doomed(ordinal int32) *corev1.PersistentVolumeClaim {
	claim := s.Claims[ordinal]
	if !s.VolumeGoes(ordinal) || claim.Annotations[naming.AnnotationRetired] != "" || claim.Annotations[naming.AnnotationReplacing] != "" {
		return nil
	}
	return claim
}

// HeldByDeadNode is the node that does not let a deleted pod go, since it does
// not answer; "" if the pod is not deleted, or its node may yet end it.
func (c *Cluster) HeldByDeadNode(p *corev1.Pod) string {
	if p == nil || p.DeletionTimestamp == nil || c.Now.Before(p.DeletionTimestamp.Time) {
		return "" // the deletion timestamp is when the grace period ends
	}
	node := c.Nodes[p.Spec.NodeName]
	if node == nil {
		return ""
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return node.Name
		}
	}
	return ""
}

// PinnedTo tells whether a member's volume can be used on one node alone, a local one on the node that its pod
// stands on: the pod could run nowhere else. It is false where volumes may not be read.
func (c *Cluster) PinnedTo(s *Set, p Pod) bool {
	claim, node := s.Claims[p.Ordinal], p.Spec.NodeName
	if claim == nil || node == "" || c.Volumes[claim.Spec.VolumeName] == nil {
		return false
	}
	affinity := c.Volumes[claim.Spec.VolumeName].Spec.NodeAffinity
	if affinity == nil || affinity.Required == nil || len(affinity.Required.NodeSelectorTerms) == 0 {
		return false
	}
	names := []string{node}
	if n := c.Nodes[node]; n != nil && n.Labels[corev1.LabelHostname] != "" {
		names = append(names, n.Labels[corev1.LabelHostname])
	}
	// Drivers use labels of their own, whose value is the node's name.
	alone := func(r corev1.NodeSelectorRequirement) bool {
		return r.Operator == corev1.NodeSelectorOpIn && len(r.Values) == 1 && slices.Contains(names, r.Values[0])
	}
	return !slices.ContainsFunc(affinity.Required.NodeSelectorTerms, func(t corev1.NodeSelectorTerm) bool {
		return !slices.ContainsFunc(t.MatchExpressions, alone) && !slices.ContainsFunc(t.MatchFields, alone)
	})
}

// Stranded says that a pod that stops could not start again, since its node takes no pods and
// its volume is there; it is empty if it could.
func (c *Cluster) Stranded(s *Set, p Pod) string {
	if !Cordoned(c.Nodes[p.Spec.NodeName]) || !c.PinnedTo(s, p) {
		return ""
	}
	return fmt.Sprintf("node %s is cordoned, and the volume of pod %s is there: it could not start again before the node is uncordoned", p.Spec.NodeName, p.Name)
}

// Cordoned tells whether a node takes no new pods because somebody wants it
// empty: it is cordoned, or cluster-autoscaler is about to delete it.
func Cordoned(n *corev1.Node) bool {
	if n == nil {
		return false
	}
	if n.Spec.Unschedulable {
		return true
	}
	for _, taint := range n.Spec.Taints {
		if taint.Key == autoscalerTaint {
			return true
		}
	}
	return false
}

// autoscalerTaint is what cluster-autoscaler puts on a node before it drains it.
const autoscalerTaint = "ToBeDeletedByClusterAutoscaler"
