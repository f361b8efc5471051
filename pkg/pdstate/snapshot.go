// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"fmt"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// DefaultHeartbeatLimit is the age beyond which a store's heartbeat is stale:
// three heartbeats of 5 s, and some slack.
const DefaultHeartbeatLimit = 20 * time.Second

// DefaultMaxAge is the age beyond which an answer of PD says nothing any more:
// two polls of a settled cluster, and some slack.
const DefaultMaxAge = 75 * time.Second

// Snapshot is what is known of a cluster from its PD. It is shared and never
// changes. After a failed poll the next snapshot holds the last good answer, At
// included, together with the failure.
type Snapshot struct {
	// At is when the last successful poll began; zero if there was none.
	At time.Time
	// LeaderEndpoint is the client URL at which it answered.
	LeaderEndpoint string
	// LeaderSince is when this leader was first seen. It begins anew when PD was away in between, or forgot a heartbeat it knew.
	LeaderSince time.Time

	System pdapi.System
	// Stores are sorted by id, tombstones included.
	Stores []pdapi.Store
	// Cells are sorted by id. They are asked for only on demand; CellsAt is zero, and Cells nil, if this poll did not.
	Cells   []pdapi.Cell
	CellsAt time.Time
	// whole holds, by cell, the version of its peers with which no replica was pending or down.
	whole map[uint64]uint64
	// Members are sorted by id. MembersAt may be newer than At, since etcd's list needs no PD leader.
	Members   []pdapi.Member
	MembersAt time.Time

	// Err is why the newest poll failed, nil if it did not.
	Err error
	// FailedSince is when the first of the present row of Failures began.
	FailedSince time.Time
	Failures    int

	// HeartbeatLimit and MaxAge are what the methods go by; zero stands for the defaults.
	HeartbeatLimit, MaxAge time.Duration
}

// Freshness is what a store's heartbeat says.
type Freshness int

// The kinds of heartbeat.
const (
	// Unheard: the present PD leader has had none. It may be younger than the store's silence.
	Unheard Freshness = iota
	// Fresh: no older than the limit when PD answered.
	Fresh
	// Stale: older.
	Stale
)

// String names the freshness for messages.
func (f Freshness) String() string {
	return [...]string{"unheard", "fresh", "stale"}[f]
}

// Freshness tells what a store's heartbeat said when PD answered. What happened since is the snapshot's age.
func (s *Snapshot) Freshness(store *pdapi.Store) Freshness {
	if _, known := store.HeartbeatAge(s.At); !known {
		return Unheard
	}
	if store.Fresh(s.At, s.heartbeatLimit()) {
		return Fresh
	}
	return Stale
}

// Store returns a store by id, nil if PD does not list it.
func (s *Snapshot) Store(id uint64) *pdapi.Store {
	if s == nil {
		return nil
	}
	for i := range s.Stores {
		if s.Stores[i].ID == id {
			return &s.Stores[i]
		}
	}
	return nil
}

// Age is how long ago the last successful poll began.
func (s *Snapshot) Age(now time.Time) time.Duration { return now.Sub(s.At) }

// TooOld reports whether the last answer says nothing any more.
func (s *Snapshot) TooOld(now time.Time) bool { return s.Age(now) > s.maxAge() }

// Known reports whether something may be concluded from the snapshot.
func (s *Snapshot) Known(now time.Time) bool { return s.Unknown(now) == "" }

// Unknown says for users why nothing may be concluded from the snapshot, ""
// if it may be. Unknown are a PD that does not answer, one without a leader, an
// answer that is too old, and a leader to which the stores had no time to report
// yet. A store that is silent for longer than that is known to be silent.
func (s *Snapshot) Unknown(now time.Time) string {
	switch {
	case s == nil:
		return "PD has not been asked yet"
	case s.Err != nil:
		return fmt.Sprintf("PD has given no answer for %v: %v", rounded(now.Sub(s.FailedSince)), s.Err)
	case s.TooOld(now):
		return fmt.Sprintf("PD's last answer is %v old", rounded(s.Age(now)))
	}
	// It counts what the leader could know when it answered; time alone does not make it know more.
	if s.tooYoung() {
		silent, all := s.unheard()
		return fmt.Sprintf("PD at %s has led for %v, and %d of %d stores have not reported to it", s.LeaderEndpoint, rounded(s.At.Sub(s.LeaderSince)), silent, all)
	}
	return ""
}

// tooYoung tells whether PD's leader had led for too short a time, when it answered, for all stores to report to it.
func (s *Snapshot) tooYoung() bool {
	if s.At.Sub(s.LeaderSince) >= s.heartbeatLimit() {
		return false
	}
	silent, _ := s.unheard()
	return silent > 0
}

// unheard counts the stores without a known heartbeat among those that are no tombstones.
func (s *Snapshot) unheard() (silent, all int) {
	for i := range s.Stores {
		if s.Stores[i].State == pdapi.Tombstone {
			continue
		}
		all++
		if s.Freshness(&s.Stores[i]) == Unheard {
			silent++
		}
	}
	return silent, all
}

func (s *Snapshot) heartbeatLimit() time.Duration {
	if s.HeartbeatLimit > 0 {
		return s.HeartbeatLimit
	}
	return DefaultHeartbeatLimit
}

func (s *Snapshot) maxAge() time.Duration {
	if s.MaxAge > 0 {
		return s.MaxAge
	}
	return DefaultMaxAge
}

func rounded(d time.Duration) time.Duration { return max(d, 0).Round(time.Second) }
