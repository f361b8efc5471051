// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"testing"
)

// Every workload comes to its end, rests there, and never does what must not be done.
func TestUndisturbed(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		out := play(t, w, Fault{})
		for _, x := range out.Writes {
			t.Logf("%d s, write %d: %s", x.Second, x.N, x)
		}
		if problem := out.problem(); problem != "" {
			t.Error(problem)
		}
		t.Logf("%d writes in %d s", len(out.Writes), out.Seconds)
	})
}

// The operator crashes before or after each of its writes, to Kubernetes and to
// PD, and a new one goes on: it ends as if nothing had happened, and no object is
// made or deleted more often.
func TestCrashAtEachWrite(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "crash", w, 10)
		for n := range c.undisturbed.Writes {
			c.try(atWrite("before", n+1, CrashBefore))
			c.try(atWrite("after", n+1, CrashAfter))
		}
		c.end()
	})
}
