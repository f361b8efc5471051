// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

const (
	launcherImage = "cell-operator:1"
	// nodes is enough to keep five members apart, and one to spare.
	nodes = 6
	// settling bounds how long a cluster takes to come up.
	settling = 300
	// lastFault bounds in seconds how long a run takes after its last disturbance.
	lastFault = 1800
)

// Run is one run of a workload.
type Run struct {
	T        testing.TB
	API      *ct.API
	World    *sim.World
	Workload *Workload
	// Seconds since the workload began.
	Seconds int

	fault     Fault
	op        *operator
	operators int
	// others are operators that are not stopped yet though they have been replaced.
	others []*operator

	mu       sync.Mutex
	armed    bool
	begin    int // Kubernetes' version when the workload began
	writes   []Write
	told     []told
	breaches []string
	// away is since which second each missing pod of PD and stores is missing; ours are those of them that the operator deleted.
	away map[string]int
	ours map[string]bool
	// limp: the workload or the fault takes members away, so that their absence is not the operator's doing.
	limp bool
	rest bool // nothing may be written any more
	// node is being drained; "" if none is.
	node  string
	notes int
	// behind tells that the operator sees an old view: it cannot know what was asked for since.
	behind bool
	// pausedFor is for how many seconds the cluster has been paused.
	pausedFor int
	// widest is the greatest number of stores that the user has asked for.
	widest int32
}

// newRun is a run of a workload in an empty world.
func newRun(t testing.TB, w *Workload) *Run {
	r := &Run{T: t, API: ct.NewAPI(), Workload: w, ours: map[string]bool{}}
	r.World = sim.New(r.API, nodes)
	r.World.Breach = r.breach
	return r
}

// play runs a workload under a fault to its end, and tells what came of it.
func play(t *testing.T, w *Workload, f Fault) (out *Outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, w)
		out = r.play(f)
		out.Fault, out.scattered = f.Name, f.Scatters
		for _, o := range append(r.others, r.op) {
			o.stop()
		}
	})
	return out
}

func (r *Run) play(f Fault) *Outcome {
	if r.Workload.New {
		r.arm(f)
		r.op = r.startOperator()
		r.create()
	} else {
		r.op = r.startOperator()
		r.create()
		if !r.until(settling, r.Ready) {
			return r.outcome("the cluster does not come up")
		}
		r.pass(12) // the polls become rare
		r.arm(f)
	}
	r.Workload.Do(r)
	done := r.until(r.limit(), func() bool { return r.Workload.done(r) && r.Seconds > r.Workload.Least })
	if !done {
		return r.outcome("it does not come to its end")
	}
	if end := r.fault.End; end != nil {
		end(r)
	}
	r.disarm()
	r.pass(2)
	if !r.until(r.limit(), func() bool { return r.Workload.done(r) }) {
		return r.outcome("it does not come to its end when the fault is over")
	}
	return r.outcome(r.settle())
}

func (r *Run) limit() int {
	if r.Workload.Limit > 0 {
		return r.Workload.Limit + lastFault
	}
	return lastFault
}

// arm lets the fault work from now on.
func (r *Run) arm(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault, r.armed, r.begin, r.Seconds = f, true, r.API.Version(), 0
	r.limp = r.Workload.Harms || f.Harms
	r.World.Deaf = f.PD != nil
}

// disarm ends the fault.
func (r *Run) disarm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault.Write, r.fault.Read, r.fault.PD, r.fault.Second = nil, nil, nil, nil
}

// armedWith is the fault that works at this moment.
func (r *Run) armedWith() Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

func (r *Run) sight() ct.Sight {
	if r.fault.Sight == nil {
		return nil
	}
	return r.fault.Sight(r)
}

// pass lets seconds pass.
func (r *Run) pass(seconds int) {
	for range seconds {
		r.second()
	}
}

// until lets seconds pass, at most so many, until something holds.
func (r *Run) until(seconds int, so func() bool) bool {
	for range seconds {
		if so() {
			return true
		}
		r.second()
	}
	return so()
}

// second is one second of everybody.
func (r *Run) second() {
	r.World.Step()
	if r.armed && r.fault.Second != nil {
		r.fault.Second(r)
	}
	if r.armed && r.Workload.Each != nil {
		r.Workload.Each(r)
	}
	time.Sleep(sim.Second)
	synctest.Wait()
	r.Seconds++
	if r.op.crashed.Load() {
		r.op.stop()
		r.op = r.startOperator()
		synctest.Wait()
	}
	r.checkSecond()
}

// replace starts another operator while the present one is still there.
func (r *Run) replace() {
	r.others = append(r.others, r.op)
	r.op = r.startOperator()
}

// restart stops the operator and starts a new one.
func (r *Run) restart() {
	r.op.stop()
	r.op = r.startOperator()
	synctest.Wait()
}

// judge notes a write, holds it against what must not be, and asks the fault about it.
func (r *Run) judge(o *operator, w *Write) Verdict {
	r.mu.Lock()
	if !r.armed {
		r.mu.Unlock()
		r.checkWrite(*w)
		return Verdict{}
	}
	w.N, w.Second, w.Operator, w.Version = len(r.writes)+1, r.Seconds, o.number, r.API.Version()
	r.writes = append(r.writes, *w)
	rest, strike := r.rest, r.fault.Write
	r.mu.Unlock()
	if rest {
		r.breach("a write at rest: %s", w)
	}
	r.checkWrite(*w)
	if strike == nil {
		return Verdict{}
	}
	return strike(r, o.number, *w)
}

func (r *Run) breach(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.breaches) < 20 {
		r.breaches = append(r.breaches, fmt.Sprintf("second %d: ", r.Seconds)+fmt.Sprintf(format, args...))
	}
}

// create makes the cluster.
func (r *Run) create() {
	c := &v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Namespace: sim.Namespace, Name: sim.Cluster}}
	c.Spec.PD.Replicas, c.Spec.PD.Image = 3, "pd:1"
	c.Spec.Store.Replicas, c.Spec.Store.Image = 3, "store:1"
	c.Spec.Proxy.Replicas, c.Spec.Proxy.Image = 2, "proxy:1"
	c.Spec.Store.InitialCells = &v1alpha1.InitialCells{Count: 3}
	if r.Workload.Spec != nil {
		r.Workload.Spec(&c.Spec)
	}
	r.widest = c.Spec.Store.Replicas
	r.API.Put(c)
}

// Object is the CellCluster as it is; nil if it is gone. It must not be modified.
func (r *Run) Object() *v1alpha1.CellCluster {
	return ct.Read[v1alpha1.CellCluster](r.API, sim.Namespace, sim.Cluster)
}

// Edit changes the spec, as a user does.
func (r *Run) Edit(change func(*v1alpha1.CellClusterSpec)) {
	c := r.Object()
	if c == nil {
		return
	}
	c = c.DeepCopy()
	change(&c.Spec)
	r.API.Replace(c, true)
}

// Ready tells whether the newest spec is carried out.
func (r *Run) Ready() bool {
	c := r.Object()
	if c == nil {
		return false
	}
	x := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady)
	return x != nil && x.Status == metav1.ConditionTrue && x.ObservedGeneration == c.Generation
}

// Condition is the reason of a condition that is True, "" for one that is not.
func (r *Run) Condition(kind string) string {
	c := r.Object()
	if c == nil {
		return ""
	}
	x := meta.FindStatusCondition(c.Status.Conditions, kind)
	if x == nil || x.Status != metav1.ConditionTrue {
		return ""
	}
	return x.Reason
}

// settle sees that a run that has come to its end rests: a hundred syncs and a
// relist write nothing. It returns what is wrong.
func (r *Run) settle() string {
	r.pass(5)
	// A status that trails a little may still be written.
	r.until(60, func() bool { return r.quietFor(15) })
	r.mu.Lock()
	r.rest = true
	r.mu.Unlock()
	for i := range syncs {
		r.poke(i)
	}
	r.restart()
	r.pass(40)
	if r.fault.Name == "" {
		r.pass(600) // what is done by time alone, once a minute or in ten, is not done either
	}
	r.mu.Lock()
	r.rest = false
	r.mu.Unlock()
	if !r.Workload.done(r) {
		return "it was at its end, and is not any more"
	}
	if r.Ready() {
		return r.asAsked() // Ready is the operator's own word
	}
	return ""
}

// syncs is how many are tried at rest.
const syncs = 100

// quietFor tells whether nothing was written for some seconds.
func (r *Run) quietFor(seconds int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.writes) == 0 || r.Seconds-r.writes[len(r.writes)-1].Second >= seconds
}

// poke has the cluster synced, by a change that matters to nobody.
func (r *Run) poke(i int) {
	c := r.Object()
	if c == nil {
		return
	}
	c = c.DeepCopy()
	metav1.SetMetaDataAnnotation(&c.ObjectMeta, "example.com/poke", fmt.Sprint(i))
	r.API.Replace(c, false)
	time.Sleep(50 * time.Millisecond)
	synctest.Wait()
}

// newNote is an object that matters to nobody.
func newNote(r *Run) *corev1.ConfigMap {
	r.notes++
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Name: fmt.Sprintf("note-%d", r.notes)}}
}
