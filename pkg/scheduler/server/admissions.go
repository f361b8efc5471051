// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/placement"
	"github.com/deepfabric/elasticell-operator/pkg/scheduler/cache"
)

// admissionLimit is how long a pod that was let through is taken to be under way to some node. What
// kube-scheduler chose shows long before: by the node that the pod's claim is meant for, or by the
// pod's own. It is longer than the API server gives a write to happen.
const admissionLimit = 70 * time.Second

// nominationLimit is how long the node on which kube-scheduler makes room for a pod takes to show by the pod's status.
const nominationLimit = 5 * time.Second

// admissions are the pods that were let through and whose node does not show yet. Without
// them two pods of the same instant could take places that only one of them may have.
type admissions struct {
	mu    sync.Mutex
	known map[group]map[int32]admission
	// waiting are the pods that were refused for evenness alone, and since when.
	waiting map[types.UID]time.Time
}

// group is a component of a cluster.
type group struct {
	cluster   types.NamespacedName
	component naming.Component
}

type admission struct {
	pod types.UID
	// zone is the value of the first topology key, if that is decided.
	zone    string
	decided bool
	until   time.Time
	// preempts tells that kube-scheduler was let evict others for the pod, and nominates it to their node.
	preempts bool
}

// note remembers that a pod was let through, in place of what was said of the ordinal before.
func (a *admissions) note(g group, ordinal int32, pod types.UID, t *cache.Tree, within placement.Place, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, pod)
	a.put(g, ordinal, admission{pod: pod, zone: t.Value(within), decided: within.Known(), until: now.Add(admissionLimit)})
}

// notePreemption remembers that a pod is about to be nominated to a node.
func (a *admissions) notePreemption(g group, ordinal int32, pod types.UID, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.put(g, ordinal, admission{pod: pod, preempts: true, until: now.Add(nominationLimit)})
}

func (a *admissions) put(g group, ordinal int32, x admission) {
	if a.known == nil {
		a.known = map[group]map[int32]admission{}
	}
	if a.known[g] == nil {
		a.known[g] = map[int32]admission{}
	}
	a.known[g][ordinal] = x
}

// mayWait tells whether a pod has waited for less than evenLimit for the sake of evenness. The first question begins that time.
func (a *admissions) mayWait(pod types.UID, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	since, waits := a.waiting[pod]
	if !waits {
		if a.waiting == nil {
			a.waiting = map[types.UID]time.Time{}
		}
		since = now
		a.waiting[pod] = since
	}
	return now.Sub(since) < evenLimit
}

// drop forgets an ordinal: its pod is asked for anew.
func (a *admissions) drop(g group, ordinal int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(g, ordinal)
}

// gone forgets a pod that was deleted.
func (a *admissions) gone(pod types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, pod)
	for g, list := range a.known {
		for ordinal, x := range list {
			if x.pod == pod {
				a.remove(g, ordinal)
			}
		}
	}
}

func (a *admissions) remove(g group, ordinal int32) {
	delete(a.known[g], ordinal)
	if len(a.known[g]) == 0 {
		delete(a.known, g)
	}
}

// others sorts the members of a component but for one ordinal into those whose place
// is known and those for whom it is being chosen. Admissions that the cache confirms, or that ran out, are forgotten.
func (a *admissions) others(g group, but int32, members []cache.Member, t *cache.Tree, now time.Time) (known, choosing []placement.Place, alive int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := map[int32]bool{}
	for _, m := range members {
		seen[m.Ordinal] = true
		if m.Ordinal == but || m.Dead {
			continue
		}
		alive++
		x, under := a.known[g][m.Ordinal]
		if under && (m.Bound || (m.Pod != "" && m.Pod != x.pod) || now.After(x.until) || x.preempts && m.Nominated.Known()) {
			a.remove(g, m.Ordinal)
			under = false
		}
		switch {
		case under && !t.Finest(m.At): // a pod that is let in anew may get another node than the one it was nominated to
			choosing = append(choosing, x.place(t, m.At))
		case m.Nominated.Known():
			known = append(known, m.Nominated)
		default: // if it is under way, its volume is bound to the node that was chosen
			known = append(known, m.At)
		}
	}
	for ordinal, x := range a.known[g] { // pods that the cache has not seen yet
		if seen[ordinal] || ordinal == but {
			continue
		}
		if now.After(x.until) {
			a.remove(g, ordinal)
			continue
		}
		alive++
		choosing = append(choosing, x.place(t, placement.Place{}))
	}
	return known, choosing, alive
}

// place is the narrowest domain that is known of an admitted pod.
func (x admission) place(t *cache.Tree, pin placement.Place) placement.Place {
	if pin.Known() || !x.decided {
		return pin
	}
	p, _ := t.First(x.zone)
	return p
}
