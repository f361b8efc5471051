// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// start starts a pod's program, as its launcher would. Without a process it still
// waits for something; with an error the program has ended.
func (w *World) start(p *corev1.Pod) (*process, error) {
	switch naming.Component(p.Labels[naming.LabelComponent]) {
	case naming.PD:
		return w.startPD(p), nil
	case naming.Store:
		return w.startStore(p)
	}
	if w.PD == nil || w.PD.Leader() == "" || len(w.PD.CellInfos()) == 0 {
		return nil, nil
	}
	return &process{pod: p.UID, proxy: true}, nil
}

// serves tells whether a pod's probe finds its program ready.
func (w *World) serves(p *corev1.Pod, x *process) bool {
	return x.member == 0 || w.Quorum()
}

// end ends the program of a pod, if one runs.
func (w *World) end(name string) {
	x := w.processes[name]
	if x == nil {
		return
	}
	delete(w.processes, name)
	switch {
	case x.member != 0:
		w.PD.StopMember(name)
		w.leave(name)
	case x.store != 0:
		w.PD.StopStore(x.store)
	}
}

// leave takes a PD from its address.
func (w *World) leave(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ip, at := range w.places {
		if at == name {
			delete(w.places, ip)
		}
	}
}

// arrive puts a PD at its pod's address.
func (w *World) arrive(p *corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places[p.Status.PodIP] = p.Name
}

// join is the membership that PDs are told to start with.
func (w *World) join() (launch.Join, bool) {
	start := ct.Read[corev1.ConfigMap](w.API, Namespace, naming.StartConfigMap(Cluster))
	if start == nil {
		return launch.Join{}, false
	}
	j, err := launch.DecodeJoin([]byte(start.Data[launch.JoinKey]))
	return j, err == nil
}

// startPD starts a PD where its launcher would let it: with data, if the owner of
// the data is a member; without, if it is a member that has never started.
func (w *World) startPD(p *corev1.Pod) *process {
	j, ok := w.join()
	claim := w.claimOf(p)
	if !ok || claim == nil || w.disks[claim.UID] == nil {
		return nil
	}
	if _, planned := j.Member(p.Name); !planned {
		return nil
	}
	d := w.disks[claim.UID]
	if w.PD == nil {
		if j.State != launch.JoinNew {
			return nil
		}
		w.found(p, j)
	}
	member := w.listed(p.Name)
	switch {
	case member == nil:
		return nil
	case d.member != 0 && d.member != member.ID:
		return nil // the data of a member that was removed
	case d.member == 0 && w.started[member.ID]:
		return nil // it has lost its data
	case d.member == 0 && j.State == launch.JoinExisting && !w.answers():
		return nil
	case d.member == 0 && j.State == launch.JoinNew && member.Name == "" && w.answers():
		return nil // it has been added to a cluster, and is told to form one
	case d.member == 0 && j.State == launch.JoinNew && w.refounds(j):
		w.Breach("PD %s, whose volume is empty, is told to found a cluster that exists", p.Name)
		return nil
	}
	if w.PD.StartMember(p.Name) != nil {
		return nil
	}
	if w.PD.Leader() == p.Name {
		_ = w.PD.Elect(p.Name) // it takes the lead again, and has forgotten all
	}
	w.limits(p)
	d.member = member.ID
	w.started[member.ID] = true
	return &process{pod: p.UID, claim: claim.UID, member: member.ID}
}

// answers tells whether any PD runs that a new one could ask.
func (w *World) answers() bool {
	return slices.ContainsFunc(w.PD.MemberInfos(), func(m pdtest.MemberInfo) bool { return m.Running })
}

// refounds tells whether a membership is to found a cluster of which nobody would know that it exists.
func (w *World) refounds(j launch.Join) bool {
	for _, m := range j.Members {
		if x := w.processes[m.Name]; x != nil && x.member != 0 {
			return false
		}
	}
	return len(w.started) > 0
}

// listed is the member of a pod in PD's membership; nil if there is none.
func (w *World) listed(name string) *pdtest.MemberInfo {
	for _, m := range w.PD.MemberInfos() {
		if naming.PodOfHost(strings.TrimPrefix(m.PeerURL, "http://")) == name {
			return &m
		}
	}
	return nil
}

// fillingTime is for how many seconds a new replica is being filled: longer than a store's heartbeat.
const fillingTime = 8

// found forms PD's cluster of the members that the operator planned.
func (w *World) found(p *corev1.Pod, j launch.Join) {
	urls := map[string]launch.JoinMember{}
	var names []string
	for _, m := range j.Members {
		names = append(names, m.Name)
		urls[m.Name] = m
	}
	host := func(name string) string { return naming.Host(Namespace, Cluster, naming.PD, name) }
	w.PD = pdtest.New(pdtest.Config{
		Members: names,
		// Each field of a PD that joins later has the same form.
		ClientURL: func(name string) string { return fmt.Sprintf("http://%s:%d", host(name), naming.PDClientPort) },
		PeerURL:   func(name string) string { return fmt.Sprintf("http://%s:%d", host(name), naming.PDPeerPort) },
		ClusterID: 0xc1, Now: time.Now, KeepCalls: -1, Quorum: true, PendingSteps: fillingTime,
	})
	for _, name := range names {
		if m := w.listed(name); m == nil || m.PeerURL != urls[name].PeerURL {
			w.Breach("the plan's URL of PD %s is %s", name, urls[name].PeerURL)
		}
		w.PD.StopMember(name)
	}
	w.PD.Expire()
}

// limits takes over what a program was started with.
func (w *World) limits(p *corev1.Pod) {
	w.PD.SetLimits(int(w.flag(p, "limit-replicas")), time.Duration(w.flag(p, "interval-store-down"))*time.Second, time.Duration(w.flag(p, "limit-peer-down"))*time.Second)
}

// flag is a number on a program's command line; 0 if it is not there.
func (w *World) flag(p *corev1.Pod, name string) int64 {
	for _, e := range p.Spec.Containers[0].Env {
		if e.Name != launch.PlanVariable {
			continue
		}
		plan, err := launch.Decode([]byte(strings.NewReplacer("$$$$", "$$", "$$(", "$(").Replace(e.Value)))
		if err != nil {
			w.Breach("the plan of pod %s cannot be read: %v", p.Name, err)
			return 0
		}
		for _, arg := range plan.Args {
			if text, ok := strings.CutPrefix(arg, "-"+name+"="); ok {
				n, _ := strconv.ParseInt(text, 10, 64)
				return n
			}
		}
	}
	return 0
}

// Quorum tells whether a majority of PD's members runs.
func (w *World) Quorum() bool { return w.QuorumWithout("") }

// QuorumWithout tells whether PD has a majority when a pod's PD does not run.
func (w *World) QuorumWithout(name string) bool {
	if w.PD == nil {
		return false
	}
	running, all := 0, 0
	for _, m := range w.PD.MemberInfos() {
		all++
		if m.Running && m.Name != name {
			running++
		}
	}
	return 2*running > all
}

// errSpoiled is the end of a store on data that was left in a bad moment.
var errSpoiled = errors.New("raft log is damaged")

// electionTime is for how long PD has no leader when one has ended.
const electionTime = 7 * time.Second

// elect gives PD another leader some time after the last one ended, if there is a quorum.
func (w *World) elect() {
	if w.PD == nil {
		return
	}
	if w.leads() {
		w.leaderOut = time.Time{}
		return
	}
	first := len(w.PD.CellInfos()) == 0 && w.PD.Leader() == ""
	if w.leaderOut.IsZero() {
		w.leaderOut = time.Now()
	}
	switch {
	case !first && time.Since(w.leaderOut) < electionTime:
	case !w.Quorum():
		w.PD.Expire()
	default:
		for _, m := range w.PD.MemberInfos() {
			if m.Running && w.PD.Elect(m.Name) == nil {
				w.leaderOut = time.Time{}
				return
			}
		}
	}
}

// leads tells whether PD has a leader that runs, with a quorum.
func (w *World) leads() bool {
	leader := w.PD.Leader()
	return leader != "" && w.Quorum() && slices.ContainsFunc(w.PD.MemberInfos(), func(m pdtest.MemberInfo) bool { return m.Name == leader && m.Running })
}

// startStore starts a store once it knows where it stands and PD has a leader.
func (w *World) startStore(p *corev1.Pod) (*process, error) {
	zone, rack := p.Annotations[naming.AnnotationZone], p.Annotations[naming.AnnotationRack]
	claim := w.claimOf(p)
	if zone == "" || rack == "" || claim == nil || w.disks[claim.UID] == nil || w.PD == nil || w.PD.Leader() == "" || !w.Quorum() {
		return nil, nil
	}
	d := w.disks[claim.UID]
	if d.spoiled {
		return nil, errSpoiled
	}
	host := naming.Host(Namespace, Cluster, naming.Store, p.Name)
	as := pdtest.Store{Address: fmt.Sprintf("%s:%d", host, naming.StoreRaftPort), ClientAddress: fmt.Sprintf("%s:%d", host, naming.StoreClientPort), Zone: zone, Rack: rack}
	first := len(w.PD.CellInfos()) == 0
	if first && w.PD.Init() == nil {
		w.Breach("the first store starts before PD knows the initial cells")
	}
	var err error
	if d.store == 0 {
		d.store, err = w.PD.AddStore(as)
	} else if err = w.PD.StartStore(d.store, as); errors.Is(err, pdtest.ErrNoStore) {
		err = w.PD.AddStoreAs(d.store, as)
	}
	if err != nil {
		return nil, err
	}
	if first {
		w.watchFirst(p.Name)
	}
	w.PD.SetLimits(0, 0, time.Duration(w.flag(p, "limit-peer-down"))*time.Second)
	return &process{pod: p.UID, claim: claim.UID, store: d.store}, nil
}

// watchFirst sees that no other store could have bootstrapped at the same time.
func (w *World) watchFirst(name string) {
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		if p.Name != name && p.Labels[naming.LabelComponent] == string(naming.Store) {
			w.Breach("pod %s exists while store %s creates the first cells", p.Name, name)
		}
	}
}

// GiveUp is an outage of PD that is so long that all stores give it up.
func (w *World) GiveUp() {
	for _, x := range w.processes {
		if x.store != 0 {
			w.PD.GiveUp(x.store)
		}
	}
	w.Reelect()
}

// Reelect gives PD another leader at once, where it has another member that runs.
func (w *World) Reelect() {
	for _, m := range w.PD.MemberInfos() {
		if m.Running && m.Name != w.PD.Leader() && w.PD.Elect(m.Name) == nil {
			return
		}
	}
}

// Leads is how many cells a store leads that another store could lead.
func (w *World) Leads(id uint64) int {
	running := map[uint64]bool{}
	for _, s := range w.PD.StoreInfos() {
		running[s.ID] = s.Running && s.ID != id
	}
	n := 0
	for _, c := range w.PD.CellInfos() {
		could := slices.ContainsFunc(c.Peers, func(p uint64) bool { return running[p] && !slices.Contains(c.Pending, p) })
		if c.Leader == id && could {
			n++
		}
	}
	return n
}
