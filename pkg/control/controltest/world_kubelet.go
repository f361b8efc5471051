// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"errors"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// process is what runs in a pod.
type process struct {
	pod   types.UID
	store uint64 // 0 for a PD
}

// play does what the StatefulSet controller and the kubelets do in a second.
func (w *World) play() {
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		set := w.StatefulSets.Get(Namespace, naming.Member(w.Cluster.Name, component))
		w.endProcesses(component)
		for _, p := range w.podsOf(component) {
			w.advancePod(component, set, p)
		}
		if set == nil {
			continue
		}
		for i := range *set.Spec.Replicas {
			if w.Pods.Get(Namespace, naming.Pod(w.Cluster.Name, component, i)) == nil {
				w.createPod(component, set, i)
			}
		}
	}
	w.elect()
}

func (w *World) podsOf(component naming.Component) []*corev1.Pod {
	return slices.DeleteFunc(w.Pods.List(Namespace, w.Cluster.Name), func(p *corev1.Pod) bool {
		return p.Labels[naming.LabelComponent] != string(component)
	})
}

// endProcesses ends those whose pods are gone.
func (w *World) endProcesses(component naming.Component) {
	for name, x := range w.processes {
		if (x.store == 0) != (component == naming.PD) {
			continue
		}
		if p := w.Pods.Get(Namespace, name); p != nil && p.UID == x.pod {
			continue
		}
		w.end(name, x)
	}
}

func (w *World) end(name string, x *process) {
	if x.store != 0 {
		w.PD.StopStore(x.store)
	} else {
		w.PD.StopMember(name)
	}
	delete(w.processes, name)
}

// Kill ends a pod, as a node that fails does.
func (w *World) Kill(pod string) {
	if x := w.processes[pod]; x != nil {
		w.end(pod, x)
	}
	w.Pods.Remove(w.Pods.Get(Namespace, pod))
}

// Wipe ends a pod and empties its volume, as a disk that is lost does. Its
// store, or PD, does not start again before the old one is out of the way.
func (w *World) Wipe(pod string) {
	claim := w.Claims.Get(Namespace, naming.DataVolume+"-"+pod)
	delete(w.disks, string(claim.UID))
	w.Wiped[pod] = true
	w.Kill(pod)
}

// Lose deletes a StatefulSet, as a user may, with its pods or without.
func (w *World) Lose(component naming.Component, cascade bool) {
	w.StatefulSets.Remove(w.StatefulSets.Get(Namespace, naming.Member(w.Cluster.Name, component)))
	if cascade {
		for _, p := range w.podsOf(component) {
			w.Kill(p.Name)
		}
	}
}

func (w *World) createPod(component naming.Component, set *appsv1.StatefulSet, ordinal int32) {
	if claim := w.Claim(component, ordinal); claim != nil && claim.DeletionTimestamp != nil {
		w.Claims.Remove(claim) // nothing uses it any more; the pod comes in the next step
		return
	}
	if w.Claim(component, ordinal) == nil {
		t := set.Spec.VolumeClaimTemplates[0]
		w.Claims.Add(&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: naming.Claim(w.Cluster.Name, component, ordinal), Labels: t.Labels},
			Spec:       *t.Spec.DeepCopy(),
			Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
		})
	}
	p := Pod(w.Cluster, component, ordinal, On("node"))
	p.Annotations[naming.AnnotationRestartHash] = set.Spec.Template.Annotations[naming.AnnotationRestartHash]
	p.CreationTimestamp = metav1.NewTime(w.Now())
	w.Pods.Add(p)
}

// endingTime is how long a pod that the StatefulSet controller deletes takes to end.
const endingTime = 3 * time.Second

// advancePod brings a pod one stage further: it ends where the set does not want it, runs, becomes ready.
func (w *World) advancePod(component naming.Component, set *appsv1.StatefulSet, p *corev1.Pod) {
	ordinal, _ := naming.Ordinal(p.Name)
	next, now := p.DeepCopy(), metav1.NewTime(w.Now())
	switch {
	case p.DeletionTimestamp != nil && now.Sub(p.DeletionTimestamp.Time) < endingTime:
		return
	case p.DeletionTimestamp != nil:
		if x := w.processes[p.Name]; x != nil {
			w.end(p.Name, x)
		}
		w.Pods.Remove(p)
		return
	case set != nil && ordinal >= *set.Spec.Replicas:
		next.DeletionTimestamp = &now
	case view.PodReady(p) || w.Stuck[p.Name] || w.Broken[p.Name] && w.processes[p.Name] != nil:
		return
	case w.processes[p.Name] != nil:
		started := p.Status.ContainerStatuses[0].State.Running.StartedAt
		Ready(next)
		next.Status.ContainerStatuses[0].State.Running.StartedAt = started
		next.Status.Conditions[len(next.Status.Conditions)-1].LastTransitionTime = now
	default:
		started := w.start(component, p)
		if waits := component == naming.PD && !w.Stuck[p.Name]; !started && (!waits || len(p.Status.ContainerStatuses) > 0) {
			return
		}
		if len(p.Status.ContainerStatuses) == 0 { // a PD's launcher runs, and waits to be a member
			Running(next)
			next.Status.ContainerStatuses[0].State.Running.StartedAt = now
		}
	}
	w.Pods.Add(next)
}

// start starts a pod's process, and tells whether it stays alive.
func (w *World) start(component naming.Component, p *corev1.Pod) bool {
	ordinal, _ := naming.Ordinal(p.Name)
	if component == naming.PD {
		if !w.mayStart(p.Name) {
			return false
		}
		if w.PD.StartMember(p.Name) != nil {
			return false
		}
		w.farm.Add(w.PD)
		w.processes[p.Name] = &process{pod: p.UID}
		if w.PD.Leader() == p.Name {
			_ = w.PD.Elect(p.Name) // it takes the lead again, and has forgotten all
		}
		return true
	}
	if w.PD.Leader() == "" {
		return false
	}
	claim := w.Claim(naming.Store, ordinal)
	if claim == nil {
		return false // its volume is going
	}
	s := Store(w.Cluster, 0, ordinal)
	as := pdtest.Store{Address: s.Address, ClientAddress: s.ClientAddress, Zone: "zone-1", Rack: p.Name}
	id, err := w.disks[string(claim.UID)], error(nil)
	if id != 0 {
		err = w.PD.StartStore(id, as)
	} else {
		id, err = w.PD.AddStore(as)
	}
	if err != nil {
		if !errors.Is(err, pdtest.ErrTombstone) && !w.Wiped[p.Name] {
			w.T.Errorf("store in pod %s dies: %v", p.Name, err)
		}
		return false
	}
	w.disks[string(claim.UID)] = id
	w.processes[p.Name] = &process{pod: p.UID, store: id}
	return true
}

// mayStart is the launcher's part: a PD without data starts only as a member that never ran, one with data only as the member it was.
func (w *World) mayStart(pod string) bool {
	claim := w.Claims.Get(Namespace, naming.DataVolume+"-"+pod)
	if claim == nil {
		return false
	}
	disk, m := string(claim.UID), w.memberOf(pod)
	if !w.formed || m != nil && len(m.ClientURLs) == 0 && w.disks[disk] == 0 {
		w.disks[disk] = memberDisk
		return true
	}
	return w.disks[disk] == memberDisk && (m != nil || len(w.members()) == 0)
}

// memberDisk marks the disk of a PD.
const memberDisk = 1 << 62

// electionTime is how many steps PD is without a leader when one has ended.
const electionTime = 7

// elect gives PD another leader some time after the last one ended, if there is a quorum.
func (w *World) elect() {
	quorum := w.quorumWithout("")
	if leader := w.PD.Leader(); leader != "" && w.processes[leader] != nil && quorum {
		w.leaderOut = 0
		return
	}
	w.leaderOut++
	if w.leaderOut < electionTime {
		return
	}
	if !quorum {
		w.PD.Expire()
		return
	}
	for _, name := range w.runningMembers() {
		if w.PD.Elect(name) == nil {
			return
		}
	}
}

// runningMembers are the pods whose PDs run and are members.
func (w *World) runningMembers() []string {
	var out []string
	for _, m := range w.members() {
		if pod := memberPod(m); w.processes[pod] != nil && len(m.ClientURLs) > 0 {
			out = append(out, pod)
		}
	}
	return out
}

func memberPod(m pdapi.Member) string {
	for _, url := range m.PeerURLs {
		return naming.PodOfHost(url[len("http://"):])
	}
	return ""
}
