// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/watch"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
)

// view is what an operator sees of Kubernetes, where that is not all of it.
type view struct {
	mu      sync.Mutex
	horizon int
	cut     int // watches that began before this version end
	pass    func(ct.Event) bool
}

// Horizon implements controltest.Sight.
func (v *view) Horizon() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.horizon
}

// Pass implements controltest.Sight.
func (v *view) Pass(e ct.Event) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.pass == nil || v.pass(e)
}

// Cut implements controltest.Sight.
func (v *view) Cut(began int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return began < v.cut
}

// look lets an operator see no more than up to a version, 0 for all.
func (v *view) look(r *Run, horizon int) {
	v.mu.Lock()
	v.horizon = horizon
	v.mu.Unlock()
	r.API.Release()
}

// sever ends all watches that have begun.
func (v *view) sever(r *Run) {
	v.mu.Lock()
	v.cut = r.API.Version() + 1
	v.mu.Unlock()
	r.API.Put(newNote(r)) // a version that all later watches begin with
	r.API.Release()
}

// restartedBehind lets the operator crash some seconds after a write, and the next
// one see Kubernetes for a while as it was before that write.
func restartedBehind(n, after int) Fault {
	v := &view{}
	struck, version := -1, 0
	f := atWrite("restarted behind", n, Verdict{})
	f.Sight = func(*Run) ct.Sight { return v }
	f.Write = func(r *Run, _ int, w Write) Verdict {
		if w.N == n && struck < 0 {
			struck, version = r.Seconds, w.Version
		}
		return Verdict{}
	}
	f.Second = func(r *Run) {
		switch {
		case struck < 0:
		case r.Seconds == struck+after:
			r.op.stop()
			v.look(r, version)
			r.behind = true
			r.op = r.startOperator()
		case r.Seconds == struck+after+staleFor:
			v.look(r, 0)
			r.behind = false
		}
	}
	f.End = func(r *Run) { v.look(r, 0) }
	return f
}

// staleFor is for how many seconds an operator that was restarted sees an old view.
const staleFor = 12

// unseen hides the n-th event of an object from the operator.
func unseen(resource, name string, n int) Fault {
	v := &view{}
	count, hidden := 0, -1
	var run *Run
	overwritten := false
	v.pass = func(e ct.Event) bool {
		if e.Resource.Resource != resource || e.Name.Name != name || e.Version <= run.begin {
			return true
		}
		count++
		overwritten = count > n
		if count == n {
			hidden = run.Seconds
		}
		return count != n
	}
	return Fault{
		Sight: func(r *Run) ct.Sight {
			if r.rest || r.operators > 1 {
				return nil
			}
			run = r
			return v
		},
		// A connection that loses the last event for good does not exist: it breaks, and the operator lists anew.
		Second: func(r *Run) {
			if hidden >= 0 && r.Seconds == hidden+20 {
				v.mu.Lock()
				lost := !overwritten
				v.mu.Unlock()
				if lost {
					v.sever(r)
				}
			}
		},
	}
}

// object names an object in the events.
type object struct{ resource, name string }

// overwritten lists the events of a run that a later one overwrites, as object and number.
func overwritten(events []ct.Event) (out []struct {
	object
	n int
}) {
	last := map[object]int{}
	for i, e := range events {
		last[object{e.Resource.Resource, e.Name.Name}] = i
	}
	count := map[object]int{}
	for i, e := range events {
		o := object{e.Resource.Resource, e.Name.Name}
		count[o]++
		if i < last[o] && (e.Type != watch.Added || count[o] > 1) {
			out = append(out, struct {
				object
				n int
			}{o, count[o]})
		}
	}
	return out
}

// severed cuts all watches with 410 Gone at a write.
func severed(n int) Fault {
	v := &view{}
	struck := false
	f := atWrite("watches cut at", n, Verdict{})
	f.Sight = func(*Run) ct.Sight { return v }
	f.Write = func(_ *Run, _ int, w Write) Verdict {
		struck = struck || w.N == n
		return Verdict{}
	}
	f.Second = func(r *Run) {
		if struck {
			struck, n = false, -1
			v.sever(r)
		}
	}
	return f
}

// slow shows the operator all of Kubernetes some seconds late.
func slow(seconds int) Fault {
	v := &view{}
	var versions []int
	return Fault{
		Name: fmt.Sprintf("everything is seen %d s late", seconds),
		Sight: func(r *Run) ct.Sight {
			if r.rest {
				return nil
			}
			return v
		},
		Second: func(r *Run) {
			versions = append(versions, r.API.Version())
			if i := len(versions) - 1 - seconds; i >= 0 {
				v.look(r, versions[i])
			} else {
				v.look(r, r.begin)
			}
		},
		End: func(r *Run) { v.look(r, 0) },
	}
}
