// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"context"
	"fmt"
	"time"
)

// Options are the times of a drain.
type Options struct {
	// Grace passes in any case: as long as a new connection may still come.
	Grace time.Duration
	// Max is when to give up waiting, counted from the beginning. It must be well
	// below the pod's terminationGracePeriodSeconds.
	Max time.Duration
	// Every is the time between two counts.
	Every time.Duration
}

// Result is how a drain ended.
type Result struct {
	// Remaining is the number of client connections at the end.
	Remaining int
	Took      time.Duration
}

func (r Result) String() string {
	took := r.Took.Round(time.Millisecond)
	if r.Remaining == 0 {
		return fmt.Sprintf("drained: no client connection is left after %s", took)
	}
	return fmt.Sprintf("not drained: %d client connections remain after %s and will be closed", r.Remaining, took)
}

// Wait waits for the grace and then until count returns 0, Max has passed or ctx
// ends. Connections that remain are no error; a count that fails is.
func Wait(ctx context.Context, o Options, count func() (int, error)) (Result, error) {
	began := time.Now()
	pause(ctx, o.Grace)
	for {
		remaining, err := count()
		if err != nil {
			return Result{}, fmt.Errorf("count client connections: %w", err)
		}
		took := time.Since(began)
		if remaining == 0 || took >= o.Max || ctx.Err() != nil {
			return Result{Remaining: remaining, Took: took}, nil
		}
		pause(ctx, min(o.Every, o.Max-took))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
