// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// PodModifier changes a pod under construction.
type PodModifier func(*corev1.Pod)

// template is what the operator wants the pods of a component to be.
func template(c *v1alpha1.CellCluster, component naming.Component) corev1.PodTemplateSpec {
	own := c.DeepCopy()
	v1alpha1.SetDefaults(own)
	switch component {
	case naming.PD:
		set, err := desired.PDStatefulSet(own, 1, LauncherImage)
		must(err)
		return set.Spec.Template
	case naming.Store:
		set, err := desired.StoreStatefulSet(own, 1, LauncherImage)
		must(err)
		return set.Spec.Template
	default:
		d, err := desired.ProxyDeployment(own, nil, LauncherImage)
		must(err)
		return d.Spec.Template
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Pod makes a pod of a cluster from the present spec, not scheduled yet and a minute old.
func Pod(c *v1alpha1.CellCluster, component naming.Component, ordinal int32, modify ...PodModifier) *corev1.Pod {
	t := template(c, component)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.Namespace, Name: naming.Pod(c.Name, component, ordinal),
			Labels: maps.Clone(t.Labels), Annotations: maps.Clone(t.Annotations),
			CreationTimestamp: metav1.NewTime(Now().Add(-time.Minute)),
		},
		Spec:   t.Spec,
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	for _, m := range modify {
		m(p)
	}
	return p
}

// Pods makes the pods of the ordinals 0 to n-1.
func Pods(c *v1alpha1.CellCluster, component naming.Component, n int32, modify ...PodModifier) []*corev1.Pod {
	out := make([]*corev1.Pod, 0, n)
	for i := range n {
		out = append(out, Pod(c, component, i, modify...))
	}
	return out
}

// IP is the address that Running gives a pod of an ordinal.
func IP(component naming.Component, ordinal int32) string {
	subnet := map[naming.Component]int{naming.PD: 1, naming.Store: 2, naming.Proxy: 3}[component]
	return fmt.Sprintf("10.0.%d.%d", subnet, ordinal+1)
}

func setCondition(p *corev1.Pod, t corev1.PodConditionType, s corev1.ConditionStatus, reason, message string) {
	next := corev1.PodCondition{Type: t, Status: s, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(p.CreationTimestamp.Add(10 * time.Second))}
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == t {
			p.Status.Conditions[i] = next
			return
		}
	}
	p.Status.Conditions = append(p.Status.Conditions, next)
}

// On schedules a pod to a node.
func On(node string) PodModifier {
	return func(p *corev1.Pod) {
		p.Spec.NodeName = node
		setCondition(p, corev1.PodScheduled, corev1.ConditionTrue, "", "")
	}
}

// Running starts a pod's containers, on node-<ordinal> where it has no node, and gives it an address. It is not ready yet.
func Running(p *corev1.Pod) {
	ordinal, _ := naming.Ordinal(p.Name)
	if p.Spec.NodeName == "" {
		On(fmt.Sprintf("node-%d", ordinal))(p)
	}
	component := naming.Component(p.Labels[naming.LabelComponent])
	p.Status.Phase, p.Status.PodIP = corev1.PodRunning, IP(component, ordinal)
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name:  string(component),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(p.CreationTimestamp.Add(5 * time.Second))}},
	}}
	setCondition(p, corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
}

// Ready makes a pod run and be ready.
func Ready(p *corev1.Pod) {
	Running(p)
	p.Status.ContainerStatuses[0].Ready = true
	setCondition(p, corev1.PodReady, corev1.ConditionTrue, "", "")
}

// Terminating makes a pod be on its way out.
func Terminating(p *corev1.Pod) {
	at := metav1.NewTime(Now())
	p.DeletionTimestamp = &at
}

// Outdated makes a pod be from an older spec.
func Outdated(p *corev1.Pod) { p.Annotations[naming.AnnotationRestartHash] = "older" }

// At tells a store's pod its location.
func At(zone, rack string) PodModifier {
	return func(p *corev1.Pod) {
		p.Annotations[naming.AnnotationZone], p.Annotations[naming.AnnotationRack] = zone, rack
	}
}

// Waiting makes a pod's container wait for a reason, for example ErrImagePull.
func Waiting(reason, message string) PodModifier {
	return func(p *corev1.Pod) {
		Running(p)
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

// LauncherFailing makes a pod wait for its launcher.
func LauncherFailing(reason string) PodModifier {
	return func(p *corev1.Pod) {
		Running(p)
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: naming.InitContainerName, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}}
	}
}

// Crashing makes a pod's container crash again and again.
func Crashing(exitCode int32, message string) PodModifier {
	return func(p *corev1.Pod) {
		Waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")(p)
		p.Status.ContainerStatuses[0].RestartCount = 7
		p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: exitCode, Message: message}
	}
}

// Unschedulable makes no node take a pod.
func Unschedulable(message string) PodModifier {
	return func(p *corev1.Pod) {
		p.Spec.NodeName = ""
		setCondition(p, corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonUnschedulable, message)
	}
}

// Failed makes a pod end for good.
func Failed(reason, message string) PodModifier {
	return func(p *corev1.Pod) {
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, reason, message
	}
}

// Age makes a pod that old.
func Age(d time.Duration) PodModifier {
	return func(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(Now().Add(-d)) }
}

// Named gives a pod another name, as those of a Deployment have.
func Named(name string) PodModifier { return func(p *corev1.Pod) { p.Name = name } }
