// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"testing"
)

// After each deletion and each removal the operator is restarted, and sees
// Kubernetes for a while as it was before: what it destroys then must be nothing
// that it would not have destroyed anyway.
func TestRestartedBehind(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "behind", w, 8)
		for _, x := range c.undisturbed.Writes {
			if x.destroys() || x.kind() == "patch statefulsets" || x.Verb == addMember {
				for _, after := range []int{1, 6, 20} {
					f := restartedBehind(x.N, after)
					f.Name = fmt.Sprintf("restarted %d s after write %d", after, x.N)
					c.try(f)
				}
			}
		}
		c.end()
	})
}

// Each notification that a later one overwrites is hidden in turn.
func TestUnseen(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "unseen", w, 90)
		for _, o := range overwritten(c.undisturbed.Events) {
			f := unseen(o.resource, o.name, o.n)
			f.Name = fmt.Sprintf("event %d of %s %s", o.n, o.resource, o.name)
			c.try(f)
		}
		c.end()
	})
}

// At each write all watches end with 410 Gone.
func TestWatchesCut(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "cut", w, 20)
		for n := range c.undisturbed.Writes {
			c.try(severed(n + 1))
		}
		c.end()
	})
}

// All that Kubernetes tells comes late, all the time.
func TestSlowWatches(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "slow", w, 2)
		c.thrifty = true
		for _, seconds := range []int{1, 3, 8} {
			c.try(slow(seconds))
		}
		c.end()
	})
}
