// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// triedTotal counts the schedules of all tallies.
var triedTotal atomic.Int64

// Tally counts the schedules of one kind of fault, and tells of them when its test and all that is in it
// have ended, in the words of tests/model's campaigns.
type Tally struct{ tried, failed atomic.Int64 }

// NewTally counts the schedules of a workload under a fault. Neither name holds a colon.
func NewTally(t *testing.T, workload, fault string) *Tally {
	x := &Tally{}
	t.Cleanup(func() {
		if n := x.tried.Load(); n > 0 {
			t.Logf("%s, %s: %d of %d schedules tried, %d failed", workload, fault, n, n, x.failed.Load())
		}
	})
	return x
}

// Count counts a test as so many schedules, all failed if it fails.
func (x *Tally) Count(t *testing.T, n int) {
	t.Cleanup(func() {
		triedTotal.Add(int64(n))
		x.tried.Add(int64(n))
		if t.Failed() {
			x.failed.Add(int64(n))
		}
	})
}

// tellTried says how many schedules of all tallies were tried.
func tellTried() { fmt.Printf("%d schedules were tried\n", triedTotal.Load()) }
