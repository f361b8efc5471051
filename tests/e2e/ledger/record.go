// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// attempt is one try of an operation and its answer. Times are since the load's begin.
type attempt struct {
	operation
	client       int
	began, ended time.Duration
	got          int64 // by a read that was answered
	err          error // no answer: nobody knows whether a write has happened, or will
	final        bool  // a read after the load
}

// record is everything that happened.
type record struct {
	attempts []attempt
	waits    []wait
	gaveUp   int
}

// wait is how long an answered operation took, all attempts included.
type wait struct {
	operation
	began, took time.Duration
}

func (r *record) note(a attempt, waited time.Duration, given bool) {
	r.attempts = append(r.attempts, a)
	if a.err == nil {
		r.waits = append(r.waits, wait{a.operation, a.ended - waited, waited})
	}
	if given {
		r.gaveUp++
	}
}

// keys are all that were written to or tried to.
func (r *record) keys() []string {
	seen := map[string]bool{}
	var keys []string
	for i := range r.attempts {
		if key := r.attempts[i].key; !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// Report is what a load has met with.
type Report struct {
	// Took is how long the load lasted.
	Took time.Duration
	// Writes and Reads are those that were answered.
	Writes, Reads int
	// Closed counts the attempts that ended since a proxy closed the connection,
	// as one that stops does; Failed are all others without an answer.
	Closed int
	Failed []Failure
	// GaveUp counts operations that were not answered at all.
	GaveUp int
	// Longest is the longest time that a client waited for an operation, with all
	// its attempts, and LongestAt when it began; Typical is the median.
	Longest, LongestAt, Typical time.Duration
	// Slowest are the longest waits, the longest first, told in a line each.
	Slowest []string
}

// slowest is how many waits a report tells of.
const slowest = 5

// Failure is an attempt that was not answered.
type Failure struct {
	At, Took time.Duration
	What     string
	Err      error
}

// String tells the failure in a line.
func (f Failure) String() string {
	return fmt.Sprintf("at %.1f s, %s, after %.1f s: %v", f.At.Seconds(), f.What, f.Took.Seconds(), f.Err)
}

func (r *record) report(took time.Duration) Report {
	out := Report{Took: took, GaveUp: r.gaveUp}
	for i := range r.attempts {
		switch a := &r.attempts[i]; {
		case errors.Is(a.err, ErrClosed):
			out.Closed++
		case a.err != nil:
			out.Failed = append(out.Failed, Failure{a.began, a.ended - a.began, a.operation.String(), a.err})
		case a.value != 0:
			out.Writes++
		default:
			out.Reads++
		}
	}
	if len(r.waits) == 0 {
		return out
	}
	waits := slices.Clone(r.waits)
	slices.SortFunc(waits, func(a, b wait) int { return int(a.took - b.took) })
	longest := waits[len(waits)-1]
	out.Longest, out.LongestAt, out.Typical = longest.took, longest.began, waits[len(waits)/2].took
	for _, w := range slices.Backward(waits[max(0, len(waits)-slowest):]) {
		out.Slowest = append(out.Slowest, fmt.Sprintf("%.2f s at %.1f s, %s", w.took.Seconds(), w.began.Seconds(), w.operation))
	}
	return out
}

// String names the operation as a Redis client would.
func (o operation) String() string {
	if o.value == 0 {
		return "GET " + o.key
	}
	return fmt.Sprintf("SET %s %d", o.key, o.value)
}

// String sums the report up in a line.
func (r Report) String() string {
	return fmt.Sprintf("%d writes and %d reads answered in %.0f s, longest wait %.2f s (at %.1f s), median %.1f ms; %d attempts failed, %d connections closed by a proxy, %d operations given up",
		r.Writes, r.Reads, r.Took.Seconds(), r.Longest.Seconds(), r.LongestAt.Seconds(), float64(r.Typical)/1e6, len(r.Failed), r.Closed, r.GaveUp)
}
