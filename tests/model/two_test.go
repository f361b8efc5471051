// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// An operator stands still in the middle of a write, another one takes over, and
// after a while the first one's write goes out, and whatever else it sends before it
// notices, a second later, that its lease has run out.
func TestTwoOperators(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "two operators", w, 16)
		for n := range c.undisturbed.Writes {
			for _, late := range []int{8, 40} {
				c.try(late2(n+1, late))
			}
		}
		c.end()
	})
}

// late2 holds a write back for some seconds, in which another operator works.
func late2(n, seconds int) Fault {
	struck := -1
	release := make(chan struct{})
	released := false
	let := func(r *Run) {
		if struck >= 0 && !released {
			released = true
			close(release)
			synctest.Wait()
			if len(r.others) > 0 {
				r.others[0].dead.Store(true)
			}
		}
	}
	return Fault{
		End:  let,
		Name: fmt.Sprintf("write %d comes %d s late", n, seconds),
		Write: func(r *Run, o int, w Write) Verdict {
			if w.N != n || struck >= 0 {
				return Verdict{}
			}
			struck = r.Seconds
			release = make(chan struct{})
			return Pause(release)
		},
		Second: func(r *Run) {
			switch {
			case struck < 0:
			case r.Seconds == struck+1:
				r.replace()
			case r.Seconds == struck+1+seconds:
				let(r)
			}
		},
	}
}
