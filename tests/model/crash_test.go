// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"testing"
)

// Every workload comes to its end, rests there, never does what must not be done, and tells what it does.
func TestUndisturbed(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		out := play(t, w, Fault{})
		for _, x := range out.Writes {
			t.Logf("%d s, write %d: %s", x.Second, x.N, x)
		}
		if problem := out.problem(); problem != "" {
			t.Error(problem)
		}
		for _, x := range out.unexplained() {
			t.Errorf("no Event tells of write %d in second %d: %s", x.N, x.Second, x)
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
