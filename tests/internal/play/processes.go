// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// process is a started pod.
type process struct {
	uid     types.UID
	ip      string
	cluster types.NamespacedName
	serves  bool // a PD that was started, or a store that is registered
}

// start starts a pod's container, unless it runs, and returns the pod's address.
func (w *World) start(pod *corev1.Pod) string {
	key := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	w.mu.Lock()
	p, ok := w.running[key]
	w.mu.Unlock()
	if ok && p.uid == pod.UID {
		return p.ip
	}
	w.stop(key)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addresses++
	p = process{uid: pod.UID, ip: address(w.addresses), cluster: clusterKey(pod)}
	w.running[key] = p
	return p.ip
}

func clusterKey(pod *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: pod.Labels[naming.LabelInstance]}
}

// serve lets a started pod do its work, and tells whether it is ready.
func (w *World) serve(pod *corev1.Pod, ip string) (bool, error) {
	key := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	w.mu.Lock()
	p := w.running[key]
	w.mu.Unlock()
	if p.serves {
		return true, nil
	}
	serves, err := false, error(nil)
	switch component := naming.Component(pod.Labels[naming.LabelComponent]); component {
	case naming.PD:
		serves, err = w.servePD(pod, ip)
	case naming.Store:
		serves, err = w.serveStore(pod)
	default:
		serves = true
	}
	if err != nil || !serves {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p.serves = true
	w.running[key] = p
	return true, nil
}

// stop ends what runs in a pod.
func (w *World) stop(key types.NamespacedName) {
	w.mu.Lock()
	p, ok := w.running[key]
	delete(w.running, key)
	delete(w.places, p.ip)
	c := w.clusters[p.cluster]
	w.mu.Unlock()
	if !ok || c == nil || !p.serves {
		return
	}
	c.stop(key.Name)
}

// Wipe empties the volume of a pod that serves, and ends its program, which starts again.
func (w *World) Wipe(pod types.NamespacedName) {
	w.mu.Lock()
	p := w.running[pod]
	c := w.clusters[p.cluster]
	p.serves = false
	w.running[pod] = p
	delete(w.places, p.ip)
	w.mu.Unlock()
	c.wipe(pod.Name)
	w.queue.Add(pod)
}

// servePD starts a PD as its plan and the membership ask. It is ready when it
// runs: its probe says nothing about PD's own role.
func (w *World) servePD(pod *corev1.Pod, ip string) (bool, error) {
	start, err := w.starts.ConfigMaps(pod.Namespace).Get(naming.StartConfigMap(pod.Labels[naming.LabelInstance]))
	if err != nil {
		return false, nil // the kubelet waits for the volume
	}
	join, err := launch.DecodeJoin([]byte(start.Data[launch.JoinKey]))
	if err != nil {
		return false, nil // the launcher looks again
	}
	plan, err := planOf(pod)
	if err != nil {
		return false, err
	}
	if _, planned := join.Member(pod.Name); !planned {
		return false, nil
	}
	claim := w.claim(pod)
	if claim == nil {
		return false, nil
	}
	c := w.cluster(clusterKey(pod), plan, join)
	if started, err := c.startPD(pod.Name, claim.UID, replicas(plan)); !started || err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places[ip] = place{c, pod.Name}
	return true, nil
}

// serveStore registers a store with PD, as soon as it knows where it stands and PD has a leader.
func (w *World) serveStore(pod *corev1.Pod) (bool, error) {
	zone, rack := pod.Annotations[naming.AnnotationZone], pod.Annotations[naming.AnnotationRack]
	if zone == "" || rack == "" {
		return false, nil
	}
	w.mu.Lock()
	c := w.clusters[clusterKey(pod)]
	w.mu.Unlock()
	if c == nil || c.pd.Leader() == "" {
		return false, nil
	}
	claim := w.claim(pod)
	if claim == nil {
		return false, nil
	}
	host := naming.Host(pod.Namespace, pod.Labels[naming.LabelInstance], naming.Store, pod.Name)
	if err := c.startStore(pod.Name, claim.UID, host, zone, rack); err != nil {
		return false, &crash{err}
	}
	return true, nil
}

// crash is what the program in a pod died of.
type crash struct{ cause error }

func (c *crash) Error() string { return c.cause.Error() }

// planOf reads a pod's start plan, as its launcher would.
func planOf(pod *corev1.Pod) (launch.Plan, error) {
	for _, e := range pod.Spec.Containers[0].Env {
		if e.Name == launch.PlanVariable {
			plan, err := launch.Decode([]byte(strings.NewReplacer("$$$$", "$$", "$$(", "$(").Replace(e.Value)))
			if err != nil {
				return plan, fmt.Errorf("read the plan: %w", err)
			}
			return plan, nil
		}
	}
	return launch.Plan{}, fmt.Errorf("read the plan: there is no variable %s", launch.PlanVariable)
}
