// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pending is the status of a pod that no node takes.
func pending(pod *corev1.Pod, why string) corev1.PodStatus {
	s := *pod.Status.DeepCopy()
	s.Phase = corev1.PodPending
	s.Conditions = conditions(pod, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: why})
	return s
}

// failing is the status of a pod whose container does not come up.
func failing(pod *corev1.Pod, container corev1.ContainerStatus) corev1.PodStatus {
	s := begun(pod)
	s.Phase = corev1.PodPending
	container.Name, container.Image = pod.Spec.Containers[0].Name, pod.Spec.Containers[0].Image
	s.ContainerStatuses = []corev1.ContainerStatus{container}
	s.Conditions = conditions(pod, scheduled, ready(false))
	return s
}

// running is the status of a pod whose container runs.
func running(pod *corev1.Pod, ip string, isReady bool) corev1.PodStatus {
	s := begun(pod)
	s.Phase = corev1.PodRunning
	s.PodIP, s.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	yes := true
	since := pod.CreationTimestamp
	s.ContainerStatuses = []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name, Image: pod.Spec.Containers[0].Image, Ready: isReady, Started: &yes,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: since}},
	}}
	s.Conditions = conditions(pod, scheduled, ready(isReady))
	return s
}

// begun is the status of a pod that a kubelet has begun with: at that moment it also says for the first time that it is not ready.
func begun(pod *corev1.Pod) corev1.PodStatus {
	s := *pod.Status.DeepCopy()
	if s.StartTime == nil {
		now := metav1.Now().Rfc3339Copy()
		s.StartTime = &now
	}
	return s
}

var scheduled = corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}

func ready(is bool) corev1.PodCondition {
	if is {
		return corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue}
	}
	return corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady"}
}

// conditions keep the times of those that have not changed.
func conditions(pod *corev1.Pod, want ...corev1.PodCondition) []corev1.PodCondition {
	for i := range want {
		want[i].LastTransitionTime = metav1.Now().Rfc3339Copy()
		for _, have := range pod.Status.Conditions {
			if have.Type == want[i].Type && have.Status == want[i].Status {
				want[i].LastTransitionTime = have.LastTransitionTime
			}
		}
	}
	return want
}
