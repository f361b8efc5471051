// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	kubeview "github.com/deepfabric/elasticell-operator/pkg/view"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// checkWrite holds a write against what must never be so, as things are at this
// moment. What the operator believes is not asked about.
func (r *Run) checkWrite(w Write) {
	if w.Verb == "delete" && w.To == toKubernetes {
		if w.options == nil || w.options.Preconditions == nil || w.options.Preconditions.UID == nil {
			r.breach("%s without a UID", w)
		}
	}
	if w.To == toKubernetes && w.Resource != "cellclusters/status" && r.pausedFor > 10 && !r.behind && r.Object() != nil && r.Object().Spec.Paused {
		r.breach("%s while the cluster is paused", w)
	}
	switch w.kind() {
	case "delete pods":
		r.checkPodDeletion(w)
	case "delete persistentvolumeclaims":
		r.checkClaimDeletion(w)
	case "patch statefulsets":
		r.checkResize(w)
	case "down store":
		r.checkDown(w)
	case "tombstone store":
		r.checkTombstone(w)
	case "add member":
		r.checkAddMember()
	case "remove member":
		r.checkRemoveMember(w)
	}
}

// checkLate holds a write of an operator that woke up late against what is so by then.
func (r *Run) checkLate(w Write) {
	if current(r, w) {
		r.checkWrite(w)
	}
}

// current tells whether a deletion's preconditions still hold, so that it would be carried out.
func current(r *Run, w Write) bool {
	if w.Verb != "delete" || w.options == nil || w.options.Preconditions == nil {
		return true
	}
	var uid, version string
	switch w.Resource {
	case "pods":
		if p := ct.Read[corev1.Pod](r.API, sim.Namespace, w.Name); p != nil {
			uid, version = string(p.UID), p.ResourceVersion
		}
	case "persistentvolumeclaims":
		if c := ct.Read[corev1.PersistentVolumeClaim](r.API, sim.Namespace, w.Name); c != nil {
			uid, version = string(c.UID), c.ResourceVersion
		}
	}
	p := w.options.Preconditions
	return (p.UID == nil || string(*p.UID) == uid) && (p.ResourceVersion == nil || *p.ResourceVersion == version)
}

func (r *Run) set(c naming.Component) *appsv1.StatefulSet {
	return ct.Read[appsv1.StatefulSet](r.API, sim.Namespace, naming.Member(sim.Cluster, c))
}

func (r *Run) members(c naming.Component) []*corev1.Pod {
	return slices.DeleteFunc(ct.ReadAll[corev1.Pod](r.API, sim.Namespace), func(p *corev1.Pod) bool {
		return p.Labels[naming.LabelComponent] != string(c)
	})
}

// tolerance is for how many seconds a member that was taken away by a fault may be unknown to the operator:
// its node may have been lost with it, and PD's word of it may be of the time before.
const tolerance = 20

// notWhole names a pod of PD or stores, other than one, that is not there or not ready, although the
// operator took it away, or knows; "" if there is none.
func (r *Run) notWhole(except string) string {
	for _, name := range r.missing() {
		if name != except && r.known(name) {
			return name
		}
	}
	return ""
}

// known tells whether the operator is to know that a pod is missing.
func (r *Run) known(pod string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	since, noted := r.away[pod]
	return !r.limp || r.ours[pod] || noted && r.Seconds-since > tolerance
}

// blamed tells whether the operator itself took a pod away that is missing.
func (r *Run) blamed(pod string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ours[pod]
}

// noteMissing keeps since when each pod is missing, and forgets those that are back.
func (r *Run) noteMissing() {
	missing := r.missing()
	r.mu.Lock()
	defer r.mu.Unlock()
	away := map[string]int{}
	for _, name := range missing {
		away[name] = r.Seconds
		if since, ok := r.away[name]; ok {
			away[name] = since
		}
	}
	r.away = away
	maps.DeleteFunc(r.ours, func(name string, _ bool) bool { return !slices.Contains(missing, name) })
}

// missing are the pods of PD and stores that are not there or not ready.
func (r *Run) missing() (names []string) {
	for _, c := range []naming.Component{naming.PD, naming.Store} {
		set := r.set(c)
		if set == nil {
			continue
		}
		ready := map[string]bool{}
		for _, p := range r.members(c) {
			ready[p.Name] = kubeview.PodReady(p)
		}
		for i := range *set.Spec.Replicas {
			if name := naming.Pod(sim.Cluster, c, i); !ready[name] {
				names = append(names, name)
			}
		}
	}
	return names
}

// checkPodDeletion: one disruption at a time, PD keeps its quorum, and no store stops that a cell needs.
func (r *Run) checkPodDeletion(w Write) {
	p := ct.Read[corev1.Pod](r.API, sim.Namespace, w.Name)
	if p == nil || !current(r, w) || r.World.PD == nil {
		return
	}
	if !kubeview.PodReady(p) {
		return // nothing is lost with it
	}
	if other := r.notWhole(w.Name); other != "" && (!r.Workload.Cures || r.blamed(other)) {
		r.breach("pod %s is deleted while pod %s is not ready", w.Name, other)
	}
	r.mu.Lock()
	r.ours[w.Name] = true
	r.mu.Unlock()
	switch naming.Component(p.Labels[naming.LabelComponent]) {
	case naming.PD:
		// Of a quorum without a leader nobody has any use.
		if len(r.World.PD.MemberInfos()) > 2 && r.World.Quorum() && !r.World.QuorumWithout(w.Name) && !(r.Workload.Cures && r.World.PD.Leader() == "") {
			r.breach("PD loses its quorum with pod %s", w.Name)
		}
	case naming.Store:
		r.checkStop(w.Name, true)
	}
}

// checkStop sees that no cell loses its majority or, without need, its leader when a store stops.
func (r *Run) checkStop(pod string, leading bool) {
	s := r.storeIn(pod)
	if s == nil || !s.Running {
		return
	}
	running, stores := map[uint64]bool{}, 0
	for _, x := range r.World.PD.StoreInfos() {
		if x.State != pdapi.Tombstone {
			stores++
		}
		// One that has just been lost is not known to be.
		running[x.ID] = x.ID != s.ID && (x.Running || !r.known(naming.PodOfHost(x.Address)))
	}
	for _, c := range r.World.PD.CellInfos() {
		if !slices.Contains(c.Peers, s.ID) {
			continue
		}
		up := 0
		for _, p := range c.Peers {
			if running[p] && !slices.Contains(c.Pending, p) {
				up++
			}
		}
		// Of two stores, and of cells of two replicas, none could ever be restarted.
		if min(stores, r.World.PD.Replicas()) > 2 && 2*up <= len(c.Peers) && !r.Workload.Cures {
			r.breach("cell %d loses its majority with store %d in pod %s", c.ID, s.ID, pod)
		}
		if leading && c.Leader == s.ID && up > 0 && !r.Workload.MayLead {
			r.breach("store %d in pod %s is stopped while it leads cell %d", s.ID, pod, c.ID)
		}
	}
}

// storeIn is the store of a pod that is no tombstone; nil if there is none.
func (r *Run) storeIn(pod string) *pdtest.StoreInfo {
	for _, s := range r.World.PD.StoreInfos() {
		if s.State != pdapi.Tombstone && naming.PodOfHost(s.Address) == pod {
			return &s
		}
	}
	return nil
}

func (r *Run) memberOf(pod string) *pdtest.MemberInfo {
	for _, m := range r.World.PD.MemberInfos() {
		if naming.PodOfHost(strings.TrimPrefix(m.PeerURL, "http://")) == pod {
			return &m
		}
	}
	return nil
}

// checkClaimDeletion: no volume of a living member is deleted.
func (r *Run) checkClaimDeletion(w Write) {
	pod := strings.TrimPrefix(w.Name, naming.DataVolume+"-")
	if r.World.PD == nil || !current(r, w) || ct.Read[corev1.PersistentVolumeClaim](r.API, sim.Namespace, w.Name) == nil {
		return
	}
	if s := r.storeIn(pod); s != nil {
		r.breach("claim %s is deleted while store %d is %s", w.Name, s.ID, s.State)
	}
	m := r.memberOf(pod)
	for _, other := range r.World.PD.MemberInfos() {
		if m != nil && other.ID != m.ID && !other.Running {
			r.breach("claim %s of a PD member is deleted while member %s does not run, so that it could not join again", w.Name, other.PeerURL)
		}
	}
	claim := ct.Read[corev1.PersistentVolumeClaim](r.API, sim.Namespace, w.Name)
	switch {
	case m == nil:
	case claim.Annotations[naming.AnnotationRetired] != "":
		r.breach("claim %s is deleted, as that of a PD that was removed, while it is a member", w.Name)
	case m.Running && !r.asked(w.Name):
		r.breach("claim %s is deleted while its PD runs and is a member", w.Name)
	case !r.World.QuorumWithout(pod):
		r.breach("claim %s of a PD member is deleted without a quorum of the others", w.Name)
	}
}

// asked tells whether the user has asked for the replacement of a claim's member.
func (r *Run) asked(claim string) bool {
	return r.Workload.Asked != "" && strings.HasSuffix(claim, r.Workload.Asked)
}

// replicasIn is the number of members that an apply of a StatefulSet asks for;
// false if it asks for none, or for those of another version than the present one.
func replicasIn(w Write, live *appsv1.StatefulSet) (int32, bool) {
	body, ok := w.body.([]byte)
	if !ok || live == nil {
		return 0, false
	}
	var set struct {
		Metadata struct{ ResourceVersion string }
		Spec     struct{ Replicas *int32 }
	}
	if json.Unmarshal(body, &set) != nil || set.Spec.Replicas == nil {
		return 0, false
	}
	if v := set.Metadata.ResourceVersion; v != "" && v != live.ResourceVersion {
		return 0, false // it will be refused
	}
	return *set.Spec.Replicas, true
}

// checkResize: a member goes when it is a tombstone or leaves a quorum, and one at
// a time; a PD comes when it is expected, and several stores only after the bootstrap.
func (r *Run) checkResize(w Write) {
	component := naming.Component(strings.TrimPrefix(w.Name, sim.Cluster+"-"))
	set := r.set(component)
	want, ok := replicasIn(w, set)
	if !ok || r.World.PD == nil {
		return
	}
	have := *set.Spec.Replicas
	if want < have-1 || component == naming.PD && want > have+1 {
		r.breach("the number of %ss goes from %d to %d at once", component, have, want)
	}
	if component == naming.Store && want > have && have > 0 && len(r.World.PD.CellInfos()) == 0 {
		r.breach("stores are added before the first has created the first cells")
	}
	for i := want; i < have; i++ {
		r.checkShrink(component, naming.Pod(sim.Cluster, component, i))
	}
	if component == naming.PD {
		for i := have; i < want; i++ {
			// The second must run before the first depends on it.
			if name := naming.Pod(sim.Cluster, component, i); r.memberOf(name) == nil && len(r.World.PD.MemberInfos()) > 1 {
				r.breach("pod %s comes and is no member", name)
			}
		}
	}
}

func (r *Run) checkShrink(component naming.Component, pod string) {
	if component == naming.Store {
		if s := r.storeIn(pod); s != nil {
			r.breach("pod %s goes while store %d is %s", pod, s.ID, s.State)
		}
		return
	}
	if m := r.memberOf(pod); m != nil && m.Running && !r.World.QuorumWithout(pod) {
		r.breach("PD loses its quorum with pod %s", pod)
	}
	if other := r.notWhole(pod); other != "" && r.memberOf(pod) != nil && r.memberOf(pod).Running {
		r.breach("PD's pod %s goes while pod %s is not ready", pod, other)
	}
}

// checkDown: a store is emptied only where the others can take over what it holds, and one at a time.
func (r *Run) checkDown(w Write) {
	id, up := r.storeOf(w), 0
	if id == 0 {
		return
	}
	for _, s := range r.World.PD.StoreInfos() {
		switch {
		case s.ID != id && s.State == pdapi.Down:
			r.breach("store %d is taken down while store %d is being emptied", id, s.ID)
		case s.ID != id && s.State == pdapi.Up && s.Running:
			up++
		}
	}
	if n := r.World.Leads(id); n > 0 && !r.Workload.MayLead {
		r.breach("store %d is taken down while it leads %d cells", id, n)
	}
	if up < r.World.PD.Replicas() {
		r.breach("store %d is taken down and %d remain up", id, up)
	}
}

// storeOf is the store that PD is told something about; 0 if that is without effect, since it was told before.
func (r *Run) storeOf(w Write) uint64 {
	id, _ := strconv.ParseUint(w.Name, 10, 64)
	for _, s := range r.World.PD.StoreInfos() {
		if s.ID == id && s.State != pdapi.Tombstone && (s.State == pdapi.Up || w.Verb == tombstoneStore) {
			return id
		}
	}
	return 0
}

// checkTombstone: a store ends only when no cell has a replica there, and none is being filled.
func (r *Run) checkTombstone(w Write) {
	id := r.storeOf(w)
	if id == 0 {
		return
	}
	for _, c := range r.World.PD.CellInfos() {
		if slices.Contains(c.Peers, id) {
			r.breach("store %d becomes a tombstone with a replica of cell %d", id, c.ID)
		}
		if len(c.Pending) > 0 {
			r.breach("store %d becomes a tombstone while cell %d is being filled", id, c.ID)
		}
	}
}

// checkAddMember: a member is added when all others run, and to a single one when its own pod does.
func (r *Run) checkAddMember() {
	if len(r.World.PD.MemberInfos()) == 1 {
		second := ct.Read[corev1.Pod](r.API, sim.Namespace, naming.Pod(sim.Cluster, naming.PD, 1))
		if second == nil || second.Status.Phase != corev1.PodRunning {
			r.breach("PD is left without a quorum until pod %s runs", naming.Pod(sim.Cluster, naming.PD, 1))
		}
	}
	for _, m := range r.World.PD.MemberInfos() {
		if !m.Running && r.known(naming.PodOfHost(strings.TrimPrefix(m.PeerURL, "http://"))) {
			r.breach("a member is added while member %s does not run", m.PeerURL)
		}
	}
}

// checkRemoveMember: members go when they have stopped, but for the second of two, and never the last.
func (r *Run) checkRemoveMember(w Write) {
	members := r.World.PD.MemberInfos()
	for _, m := range members {
		switch {
		case strconv.FormatUint(m.ID, 16) != w.Name:
		case len(members) == 1:
			r.breach("PD's last member is removed")
		case len(members) > 2 && m.Running:
			r.breach("member %s is removed while it runs", m.Name)
		}
	}
}

// checkSecond holds the world against what must never be so.
func (r *Run) checkSecond() {
	pd := r.World.PD
	if pd == nil || !r.armed || r.Object() == nil || r.Object().DeletionTimestamp != nil {
		return
	}
	if !r.World.Quorum() && len(pd.MemberInfos()) > 2 && !r.limp && !r.fault.Harms {
		r.breach("PD has lost its quorum")
	}
	if r.pausedFor++; !r.Object().Spec.Paused {
		r.pausedFor = 0
	}
	if set := r.set(naming.Store); set != nil {
		most := r.most()
		if *set.Spec.Replicas > most {
			r.breach("there are %d stores, and at most %d may be", *set.Spec.Replicas, most)
		}
	}
	r.noteMissing()
	if n, init := len(pd.CellInfos()), pd.Init(); n != 0 && (init == nil || n != int(init.InitCellCount)) {
		r.breach("there are %d cells, so that stores have created them twice, or without being told how many", n)
	}
}

// most is how many stores there may be at once.
func (r *Run) most() int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.widest = max(r.widest, r.Object().Spec.Store.Replicas)
	return r.widest + r.Workload.Spares
}
