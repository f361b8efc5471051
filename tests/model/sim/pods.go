// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

const (
	// MissingImages begin the names of images that cannot be pulled.
	MissingImages = "missing/"
	// HangingImages begin the names of images whose program runs and never serves.
	HangingImages = "hanging/"
	// CrashingImages begin the names of images whose program ends at once.
	CrashingImages = "crashing/"

	// endingTime is how long a program takes to end.
	endingTime = 2 * time.Second
	// crashPause is how long a kubelet waits before it starts a program again that ended.
	crashPause = 10 * time.Second
)

var bg = context.Background()

// objects are all that can have owners, and the owners.
func (w *World) objects() []metav1.Object {
	var out []metav1.Object
	out = appendAll(out, ct.ReadAll[v1alpha1.CellCluster](w.API, Namespace))
	out = appendAll(out, ct.ReadAll[appsv1.StatefulSet](w.API, Namespace))
	out = appendAll(out, ct.ReadAll[appsv1.Deployment](w.API, Namespace))
	out = appendAll(out, ct.ReadAll[autoscalingv2.HorizontalPodAutoscaler](w.API, Namespace))
	out = appendAll(out, ct.ReadAll[policyv1.PodDisruptionBudget](w.API, Namespace))
	out = appendAll(out, ct.ReadAll[corev1.Service](w.API, Namespace))
	out = appendAll(out, ct.ReadAll[corev1.ConfigMap](w.API, Namespace))
	out = appendAll(out, ct.ReadAll[corev1.PersistentVolumeClaim](w.API, Namespace))
	return appendAll(out, ct.ReadAll[corev1.Pod](w.API, Namespace))
}

func appendAll[T any, P interface {
	*T
	metav1.Object
}](out []metav1.Object, all []P) []metav1.Object {
	for _, o := range all {
		out = append(out, o)
	}
	return out
}

// runPod takes a pod one step further: to a node, up, to ready, or down.
func (w *World) runPod(p *corev1.Pod) {
	if p = pod(w, p.Name); p == nil {
		return
	}
	switch {
	case p.Spec.NodeName == "":
		w.schedule(p)
	case !w.alive(p.Spec.NodeName):
	case p.DeletionTimestamp != nil:
		w.endPod(p)
	default:
		w.runContainer(p)
	}
}

// schedule binds a pod to a node: that of its volume, or the one with the fewest pods of its component.
func (w *World) schedule(p *corev1.Pod) {
	if p.DeletionTimestamp != nil {
		w.API.Remove(p)
		return
	}
	claim := w.claimOf(p)
	if claimName(p) != "" && claim == nil {
		w.unschedulable(p, fmt.Sprintf("persistentvolumeclaim %q not found", claimName(p)))
		return
	}
	count := map[string]int{}
	for _, other := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		if other.Labels[naming.LabelComponent] == p.Labels[naming.LabelComponent] {
			count[other.Spec.NodeName]++
		}
	}
	home := ""
	if claim != nil {
		home = w.home(claim)
	}
	best := ""
	for _, name := range w.Nodes() {
		n := ct.Read[corev1.Node](w.API, "", name)
		if n.Spec.Unschedulable || n.Status.Conditions[0].Status != corev1.ConditionTrue || home != "" && home != name {
			continue
		}
		if best == "" || count[name] < count[best] {
			best = name
		}
	}
	if best == "" {
		w.unschedulable(p, fmt.Sprintf("0/%d nodes are available: %d node(s) had volume node affinity conflict.", len(w.nodes), len(w.nodes)))
		return
	}
	if claim != nil {
		w.bind(claim, best)
	}
	next := p.DeepCopy()
	next.Spec.NodeName = best
	setCondition(next, corev1.PodScheduled, corev1.ConditionTrue, "", "")
	w.API.Replace(next, false)
}

func (w *World) unschedulable(p *corev1.Pod, why string) {
	next := p.DeepCopy()
	setCondition(next, corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonUnschedulable, why)
	w.API.Replace(next, false)
}

// endPod ends a pod's program and then the pod. Its grace is counted from its deletion.
func (w *World) endPod(p *corev1.Pod) {
	grace := 30 * time.Second
	if s := p.Spec.TerminationGracePeriodSeconds; s != nil {
		grace = time.Duration(*s) * time.Second
	}
	if time.Since(p.DeletionTimestamp.Add(-grace)) < min(endingTime, grace) {
		return
	}
	w.end(p.Name)
	w.API.Remove(p)
}

// runContainer starts a pod's program, and reports how it does.
func (w *World) runContainer(p *corev1.Pod) {
	image := p.Spec.Containers[0].Image
	x := w.processes[p.Name]
	if x != nil && x.pod != p.UID {
		w.end(p.Name)
		x = nil
	}
	switch {
	case strings.HasPrefix(image, MissingImages):
		w.waiting(p, "ErrImagePull", "no such image", 0)
		return
	case strings.HasPrefix(image, CrashingImages):
		w.waiting(p, "CrashLoopBackOff", "back-off restarting failed container", 1)
		return
	case p.Status.Phase != corev1.PodRunning || p.Status.ContainerStatuses[0].State.Running == nil:
		if at, ok := w.attempts[p.Name]; ok && time.Now().Before(at) {
			return
		}
		w.running(p)
		return
	}
	if strings.HasPrefix(image, HangingImages) {
		return
	}
	if x == nil {
		var err error
		if x, err = w.start(p); err != nil {
			w.attempts[p.Name] = time.Now().Add(crashPause)
			w.waiting(p, "CrashLoopBackOff", err.Error(), 1)
			return
		}
		if x != nil {
			w.processes[p.Name] = x
			if x.member != 0 {
				w.arrive(p)
			}
			return // ready at the next look
		}
	}
	w.setReady(p, x != nil && w.serves(p, x))
}

func (w *World) waiting(p *corev1.Pod, reason, message string, exit int32) {
	next := p.DeepCopy()
	next.Status.Phase = corev1.PodPending
	if exit != 0 {
		next.Status.Phase = corev1.PodRunning
	}
	s := corev1.ContainerStatus{Name: p.Spec.Containers[0].Name, Image: p.Spec.Containers[0].Image,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
	if len(p.Status.ContainerStatuses) > 0 {
		s.RestartCount = p.Status.ContainerStatuses[0].RestartCount
		if p.Status.ContainerStatuses[0].State.Running != nil {
			s.RestartCount++
		}
	}
	if exit != 0 {
		s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: exit, Reason: "Error", Message: message}
	}
	next.Status.ContainerStatuses = []corev1.ContainerStatus{s}
	setUnready(next)
	w.API.Replace(next, false)
}

func (w *World) running(p *corev1.Pod) {
	next := p.DeepCopy()
	restarts := int32(0)
	if len(p.Status.ContainerStatuses) > 0 {
		restarts = p.Status.ContainerStatuses[0].RestartCount
	}
	next.Status.Phase = corev1.PodRunning
	if next.Status.PodIP == "" {
		next.Status.PodIP = w.nextIP()
		next.Status.PodIPs = []corev1.PodIP{{IP: next.Status.PodIP}}
	}
	next.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: p.Spec.Containers[0].Name, Image: p.Spec.Containers[0].Image, RestartCount: restarts,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now()}}}}
	setUnready(next)
	w.API.Replace(next, false)
}

// setUnready says that a pod is not ready, which a kubelet says for the first time when it begins with it.
func setUnready(p *corev1.Pod) {
	if p.Status.StartTime == nil {
		at := now()
		p.Status.StartTime = &at
	}
	setCondition(p, corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
}

func (w *World) setReady(p *corev1.Pod, ready bool) {
	if (view.PodReady(p) || p.DeletionTimestamp != nil) == ready || len(p.Status.ContainerStatuses) == 0 {
		return
	}
	next := p.DeepCopy()
	next.Status.ContainerStatuses[0].Ready = ready
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	setCondition(next, corev1.PodReady, status, "", "")
	w.API.Replace(next, false)
}

// setCondition keeps the time of a condition that stays what it is.
func setCondition(p *corev1.Pod, kind corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) {
	c := corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: now()}
	i := slices.IndexFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		p.Status.Conditions = append(p.Status.Conditions, c)
		return
	}
	if p.Status.Conditions[i].Status == status {
		c.LastTransitionTime = p.Status.Conditions[i].LastTransitionTime
	}
	p.Status.Conditions[i] = c
}

// endOrphans ends programs whose pods are gone.
func (w *World) endOrphans() {
	for name, x := range w.processes {
		if p := pod(w, name); p == nil || p.UID != x.pod {
			w.end(name)
		}
	}
}

// Crash ends the program of a pod; its kubelet starts it again.
func (w *World) Crash(name string) {
	w.end(name)
	if p := pod(w, name); p != nil && p.Status.Phase == corev1.PodRunning {
		w.waiting(p, "CrashLoopBackOff", "killed", 137)
	}
}
