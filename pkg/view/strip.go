// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
)

// Strip drops from what a cache is to hold what no decision needs: managed fields of all, of pods the spec but
// for the node and the launcher's image, of nodes all but labels, schedulability and
// conditions, and of volumes where they lie but for the nodes that reach them.
func Strip(o any) (any, error) {
	if m, err := meta.Accessor(o); err == nil {
		m.SetManagedFields(nil)
	}
	if n, ok := o.(*corev1.Node); ok {
		n.Annotations = nil
		n.Status = corev1.NodeStatus{Conditions: n.Status.Conditions}
	}
	if p, ok := o.(*corev1.Pod); ok {
		p.Spec = corev1.PodSpec{NodeName: p.Spec.NodeName, InitContainers: launchers(p.Spec.InitContainers)}
	}
	if v, ok := o.(*corev1.PersistentVolume); ok {
		v.Annotations = nil
		v.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{}
	}
	return o, nil
}

// launchers are the names and images of the init containers.
func launchers(containers []corev1.Container) []corev1.Container {
	var out []corev1.Container
	for _, c := range containers {
		out = append(out, corev1.Container{Name: c.Name, Image: c.Image})
	}
	return out
}
