// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// all tells whether every schedule is to be tried, and not only a share of them.
func all() bool { return os.Getenv("CELL_MODEL") == "all" }

// only is part of the name of the schedules to be tried; empty for all of them.
var only = os.Getenv("CELL_MODEL_ONLY")

// triedTotal counts the schedules of all campaigns.
var triedTotal atomic.Int64

// campaign is a row of schedules of one workload, each held against the undisturbed run.
type campaign struct {
	t           *testing.T
	name        string
	workload    *Workload
	undisturbed *Outcome
	// every is how much of it is tried in the quick part: each n-th schedule.
	every int
	// whole is how much of it is tried in all; 0 for each schedule.
	whole int
	// free: the end and the counts may differ from the undisturbed run's, as where the fault itself changes them.
	free bool
	// thrifty: not many more objects may be written than undisturbed.
	thrifty bool
	// sameEnd: the counts may differ, and the end may not.
	sameEnd bool

	schedules, tried, failed int
}

// maxFailures is how many schedules of a campaign may fail before it is given up.
const maxFailures = 3

// begin plays a workload undisturbed.
func begin(t *testing.T, name string, w *Workload, every int) *campaign {
	t.Helper()
	c := &campaign{t: t, name: name, workload: w, every: every}
	c.undisturbed = undisturbed(t, w)
	if problem := c.undisturbed.problem(); problem != "" {
		t.Fatalf("%s, undisturbed: %s", w.Name, problem)
	}
	return c
}

// undisturbedRuns are kept by workload, since all campaigns hold their runs against the same one.
var undisturbedRuns sync.Map

func undisturbed(t *testing.T, w *Workload) *Outcome {
	t.Helper()
	if out, ok := undisturbedRuns.Load(w.Name); ok {
		return out.(*Outcome)
	}
	out := play(t, w, Fault{Name: "undisturbed"})
	undisturbedRuns.Store(w.Name, out)
	return out
}

// try plays the workload under a fault, if it is this schedule's turn.
func (c *campaign) try(f Fault) {
	c.t.Helper()
	c.schedules++
	f.Name = fmt.Sprintf("%s / %s / %s", c.workload.Name, c.name, f.Name)
	share := c.every
	if all() {
		share = c.whole
	}
	if c.failed >= maxFailures || only != "" && !strings.Contains(f.Name, only) || only == "" && share > 1 && (c.schedules+c.offset())%share != 0 {
		return
	}
	c.tried++
	triedTotal.Add(1)
	out := play(c.t, c.workload, f)
	problem := out.problem()
	switch {
	case problem != "" || c.free:
	case c.sameEnd:
		problem = out.EndDifference(c.undisturbed, c.workload.Wiped)
	default:
		problem = out.Difference(c.undisturbed, c.workload.Wiped)
	}
	if have, most := out.objectWrites(), c.undisturbed.objectWrites()*3/2; problem == "" && c.thrifty && have > most {
		problem = fmt.Sprintf("objects were written %d times, and at most %d times would do", have, most)
	}
	if only != "" {
		c.t.Log(strings.Join(out.Log(), "\n"))
	}
	if problem == "" {
		return
	}
	c.failed++
	c.t.Errorf("%s\n%s\nagain: CELL_MODEL_ONLY='%s' go test -C tests ./model -run '%s'", f.Name, problem, f.Name, c.t.Name())
}

// offset spreads the quick share of campaigns over different schedules.
func (c *campaign) offset() int {
	n := 0
	for _, b := range []byte(c.workload.Name) {
		n += int(b)
	}
	return n
}

// end tells how many were tried.
func (c *campaign) end() {
	c.t.Helper()
	c.t.Logf("%s, %s: %d of %d schedules tried, %d failed", c.workload.Name, c.name, c.tried, c.schedules, c.failed)
}

// problem is what is wrong with a run in itself.
func (o *Outcome) problem() string {
	if len(o.Breaches) > 0 {
		return "what must never be so:\n" + strings.Join(o.Breaches, "\n") + "\n" + o.Wrong
	}
	return o.Wrong
}

// forAll runs a campaign for each workload, several at a time.
func forAll(t *testing.T, do func(t *testing.T, w *Workload)) {
	for _, w := range Workloads() {
		t.Run(strings.NewReplacer(" ", "-", ",", "").Replace(w.Name), func(t *testing.T) {
			t.Parallel()
			do(t, w)
		})
	}
}
