// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

func TestUnknown(t *testing.T) {
	unheard := func(s *Snapshot) { s.Stores[1].LastHeartbeat = time.Time{} }
	tests := []struct {
		name   string
		change func(*Snapshot)
		now    time.Duration // after the answer
		want   string
	}{
		{"healthy", nil, 0, ""},
		{"healthy, old enough", nil, DefaultMaxAge, ""},
		{"too old", nil, DefaultMaxAge + 2*time.Second, "PD's last answer is 1m17s old"},
		{"too old by its own limit", func(s *Snapshot) { s.MaxAge = time.Second }, 3 * time.Second, "PD's last answer is 3s old"},
		{"failed", func(s *Snapshot) {
			s.Err, s.FailedSince = &pdapi.CallError{Op: "find leader", Endpoint: "http://pd-0:2379", Kind: pdapi.ErrUnreachable}, t0
		}, 7 * time.Second, "PD has given no answer for 7s: find leader at http://pd-0:2379: PD is unreachable; check that PD's pods run and that their names resolve"},
		{"fresh leader, stores have reported", func(s *Snapshot) { s.LeaderSince = t0 }, 0, ""},
		{"fresh leader, one has not", func(s *Snapshot) { s.LeaderSince = t0.Add(-3 * time.Second); unheard(s) }, 0,
			"PD at http://pd-0:2379 has led for 3s, and 1 of 3 stores have not reported to it"},
		{"it was not asked again", func(s *Snapshot) { s.LeaderSince = t0.Add(-3 * time.Second); unheard(s) }, DefaultHeartbeatLimit,
			"PD at http://pd-0:2379 has led for 3s, and 1 of 3 stores have not reported to it"},
		{"it had the time to", func(s *Snapshot) { s.LeaderSince = t0.Add(-DefaultHeartbeatLimit); unheard(s) }, 0, ""},
		{"only a tombstone is silent", func(s *Snapshot) { s.LeaderSince = t0; unheard(s); s.Stores[1].State = pdapi.Tombstone }, 0, ""},
		{"not bootstrapped", func(s *Snapshot) { s.LeaderSince, s.Stores, s.System = t0, nil, pdapi.System{} }, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := healthy()
			if tt.change != nil {
				tt.change(s)
			}
			now := t0.Add(tt.now)
			assert.Equal(t, tt.want, s.Unknown(now))
			assert.Equal(t, tt.want == "", s.Known(now))
		})
	}
	var none *Snapshot
	assert.Equal(t, "PD has not been asked yet", none.Unknown(t0))
	assert.Nil(t, none.Store(1))
}

func TestFreshness(t *testing.T) {
	s := healthy()
	s.Stores[1].LastHeartbeat = time.Time{}
	s.Stores[2].LastHeartbeat = t0.Add(-time.Minute)
	assert.Equal(t, Fresh, s.Freshness(s.Store(1)))
	assert.Equal(t, Unheard, s.Freshness(s.Store(2)))
	assert.Equal(t, Stale, s.Freshness(s.Store(3)))
	assert.Nil(t, s.Store(4))
	assert.Equal(t, "fresh unheard stale", Fresh.String()+" "+Unheard.String()+" "+Stale.String())

	// PD's clock is an hour ahead of ours: it is PD's that counts.
	s.Stores[0].LastHeartbeat, s.Stores[0].ObservedAt = t0.Add(time.Hour), t0.Add(time.Hour+5*time.Second)
	assert.Equal(t, Fresh, s.Freshness(s.Store(1)))
	s.Stores[0].ObservedAt = t0.Add(2 * time.Hour)
	assert.Equal(t, Stale, s.Freshness(s.Store(1)))
}
