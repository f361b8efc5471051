// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
)

// node is what the API server does not know of a node.
type node struct {
	dead  bool
	since time.Time // of its death
}

const (
	// nodeGrace is after how long Kubernetes notes that a node is silent.
	nodeGrace = 40 * time.Second
	// podEviction is after how long more it deletes the pods there.
	podEviction = 300 * time.Second
)

func (w *World) addNode(name, zone string) {
	w.nodes[name] = &node{}
	w.API.Put(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelTopologyZone: zone}},
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastTransitionTime: now()}}},
	})
}

// Nodes are their names.
func (w *World) Nodes() []string { return slices.Sorted(maps.Keys(w.nodes)) }

// KillNode ends a node with all that runs on it. Its volumes are still there if it comes back.
func (w *World) KillNode(name string) {
	w.nodes[name].dead, w.nodes[name].since = true, time.Now()
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		if p.Spec.NodeName == name {
			w.end(p.Name)
		}
	}
}

// Dead is the first node that is dead, "" if none is.
func (w *World) Dead() string {
	for _, name := range w.Nodes() {
		if w.nodes[name].dead {
			return name
		}
	}
	return ""
}

// ReviveNode starts a node again, in service.
func (w *World) ReviveNode(name string) {
	w.nodes[name].dead = false
	n := ct.Read[corev1.Node](w.API, "", name).DeepCopy()
	n.Spec.Taints = nil
	w.API.Replace(n, true)
}

// Cordon makes a node take no more pods, or take them again.
func (w *World) Cordon(name string, on bool) {
	n := ct.Read[corev1.Node](w.API, "", name).DeepCopy()
	n.Spec.Unschedulable = on
	w.API.Replace(n, true)
}

// Relabel gives a node another value of a label.
func (w *World) Relabel(name, label, value string) {
	n := ct.Read[corev1.Node](w.API, "", name).DeepCopy()
	n.Labels[label] = value
	w.API.Replace(n, false)
}

// NodeOf is the node of a pod, "" if it has none.
func (w *World) NodeOf(name string) string {
	if p := pod(w, name); p != nil {
		return p.Spec.NodeName
	}
	return ""
}

func (w *World) alive(name string) bool {
	n := w.nodes[name]
	return n != nil && !n.dead
}

// watchNodes is the node controller: it notes which nodes are silent, that their
// pods are not ready, and deletes these after a while, though nobody ends them.
func (w *World) watchNodes() {
	for name, n := range w.nodes {
		object := ct.Read[corev1.Node](w.API, "", name)
		silent := n.dead && time.Since(n.since) >= nodeGrace
		status := corev1.ConditionTrue
		if silent {
			status = corev1.ConditionUnknown
		}
		if object.Status.Conditions[0].Status != status {
			next := object.DeepCopy()
			next.Status.Conditions[0].Status, next.Status.Conditions[0].LastTransitionTime = status, now()
			w.API.Replace(next, false)
		}
		if !silent {
			continue
		}
		for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
			if p.Spec.NodeName != name {
				continue
			}
			w.setReady(p, false)
			if p.DeletionTimestamp == nil && time.Since(n.since) >= nodeGrace+podEviction {
				w.API.Delete(p, metav1.DeleteOptions{})
			}
		}
	}
}
