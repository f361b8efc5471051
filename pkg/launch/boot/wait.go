// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"log/slog"
	"time"
)

// Wait is a reason not to start yet.
type Wait struct {
	// For is what is missing; it stays the same as long as the wait is the same.
	For string
	// Now is what is seen instead, or what there is to do about it.
	Now string
}

// said logs a wait when it begins and then from time to time, not at every look.
type said struct {
	log   *slog.Logger
	every time.Duration

	wait        Wait
	since, last time.Time
}

func (s *said) tell(wait Wait, now time.Time) {
	switch {
	case s.since.IsZero() || wait.For != s.wait.For:
		s.since, s.last = now, now
		s.log.Info("waiting", "for", wait.For, "now", wait.Now)
	case now.Sub(s.last) >= s.every:
		s.last = now
		s.log.Info("still waiting", "for", wait.For, "now", wait.Now, "waited", now.Sub(s.since).Round(time.Second))
	}
	s.wait = wait
}
