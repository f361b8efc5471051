// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// Look asks a PD at this moment, its cells included, for a decision that a
// snapshot is not good enough for. last may be nil. It never returns nil; Err tells of a failure.
func Look(ctx context.Context, client pdapi.Client, last *Snapshot, limit time.Duration, now time.Time) *Snapshot {
	return ask(ctx, client, Target{WantCells: true, HeartbeatLimit: limit}, last, now)
}

// ask polls one PD and makes the next snapshot from its answer and the last
// snapshot, which may be nil. A cluster at rest costs three requests.
func ask(ctx context.Context, client pdapi.Client, t Target, last *Snapshot, now time.Time) *Snapshot {
	next, err := askAll(ctx, client, t, last, now)
	if err == nil {
		next.HeartbeatLimit = t.HeartbeatLimit
		return next
	}
	failed := Snapshot{}
	if last != nil {
		failed = *last
	}
	if failed.Err == nil {
		failed.FailedSince, failed.Failures = now, 0
	}
	failed.Err, failed.HeartbeatLimit = err, t.HeartbeatLimit
	failed.Failures++
	if !next.MembersAt.IsZero() {
		failed.Members, failed.MembersAt = next.Members, next.MembersAt
	}
	return &failed
}

// askAll never returns nil: with an error, the snapshot holds at most the members.
func askAll(ctx context.Context, client pdapi.Client, t Target, last *Snapshot, now time.Time) (*Snapshot, error) {
	s := &Snapshot{At: now}
	endpoint, system, err := client.Leader(ctx)
	if err != nil && !errors.Is(err, pdapi.ErrUnknown) {
		return s, err // nobody is there to ask for the members
	}
	members, membersErr := client.Members(ctx)
	if membersErr == nil {
		s.Members, s.MembersAt = members, now
	}
	if err != nil {
		return s, err
	}
	if membersErr != nil {
		return s, membersErr
	}
	s.LeaderEndpoint, s.System = endpoint, system
	if !system.AlreadyBootstrapped {
		if last != nil && last.System.AlreadyBootstrapped {
			return s, fmt.Errorf("PD at %s says that the cluster is not bootstrapped, though it was: %w", endpoint, pdapi.ErrUnknown)
		}
	} else if err := s.askStores(ctx, client, t); err != nil {
		return s, err
	}
	s.LeaderSince = leaderSince(last, s)
	s.discountPending(last)
	return s, nil
}

func (s *Snapshot) askStores(ctx context.Context, client pdapi.Client, t Target) (err error) {
	if s.Stores, err = client.Stores(ctx); err != nil {
		return err
	}
	if t.Busy || t.WantCells {
		if s.Cells, err = client.Cells(ctx); err != nil {
			return err
		}
		s.CellsAt = s.At
	}
	return nil
}

// leaderSince carries the leader's beginning over from the last snapshot,
// unless the leader is another one, or may have been elected anew.
func leaderSince(last, s *Snapshot) time.Time {
	if last == nil || last.Err != nil || last.LeaderEndpoint != s.LeaderEndpoint || forgot(last, s) {
		return s.At
	}
	return last.LeaderSince
}

// forgot reports whether a heartbeat that was known is not any more: PD's
// process was restarted and leads again.
func forgot(last, s *Snapshot) bool {
	for i := range s.Stores {
		now := &s.Stores[i]
		if before := last.Store(now.ID); before != nil && s.Freshness(now) == Unheard && last.Freshness(before) != Unheard {
			return true
		}
	}
	return false
}
