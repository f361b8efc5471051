// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPause(t *testing.T) {
	tests := []struct {
		name            string
		busy            bool
		quiet, failures int
		want            time.Duration
	}{
		{"settled", false, 0, 0, 30 * time.Second},
		{"settled for long", false, 1000, 0, 30 * time.Second},
		{"first failure", false, 0, 1, 2 * time.Second},
		{"second", false, 1, 2, 4 * time.Second},
		{"fourth", false, 3, 4, 16 * time.Second},
		{"fifth", false, 4, 5, 30 * time.Second},
		{"down for days", false, 4, 100000, 30 * time.Second},
		{"busy, something moved", true, 0, 0, 250 * time.Millisecond},
		{"busy, quiet once", true, 1, 0, 500 * time.Millisecond},
		{"busy, quiet", true, 3, 0, 2 * time.Second},
		{"busy, quiet for long", true, 100000, 0, 2 * time.Second},
		{"busy and failing", true, 3, 100, 2 * time.Second},
	}
	var o Options
	o.setDefaults()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, pause(&o, tt.busy, tt.quiet, tt.failures))
		})
	}
}

func TestSpread(t *testing.T) {
	least, most := time.Hour, time.Duration(0)
	for range 1000 {
		d := spread(10*time.Second, 0.1)
		least, most = min(least, d), max(most, d)
	}
	assert.GreaterOrEqual(t, least, 9*time.Second)
	assert.LessOrEqual(t, most, 11*time.Second)
	assert.Greater(t, most-least, 1500*time.Millisecond)
	assert.Equal(t, time.Second, spread(time.Second, -1))
}

func TestScheduleOrder(t *testing.T) {
	s := schedule{workers: 1 << 20, slowShare: 1}
	assert.Zero(t, s.next())
	var all []*cluster
	for i := range 500 {
		c := &cluster{key: fmt.Sprint(i), place: -1}
		all = append(all, c)
		s.set(c, t0.Add(time.Duration(rand.IntN(1000))*time.Second))
	}
	for i, c := range all {
		switch i % 3 {
		case 0:
			s.set(c, t0.Add(time.Duration(rand.IntN(1000))*time.Second))
		case 1:
			s.remove(c)
		}
	}
	assert.Equal(t, len(s.byTime), 333)
	last := s.next()
	count := 0
	for !s.next().IsZero() {
		due := s.next()
		require.False(t, due.Before(last))
		s.ripen(due)
		for c := s.start(); c != nil; c = s.start() {
			assert.Equal(t, due, c.due)
			assert.Equal(t, -1, c.place)
			count++
		}
		last = due
	}
	assert.Equal(t, 333, count)
}

func TestLanes(t *testing.T) {
	s := schedule{workers: 4, slowShare: 2}
	add := func(key string, slow bool) *cluster {
		c := &cluster{key: key, slow: slow, place: -1}
		s.set(c, t0)
		s.ripen(t0)
		return c
	}
	started := func() string {
		if c := s.start(); c != nil {
			return c.key
		}
		return ""
	}
	a, slow1 := add("a", false), add("slow1", true)
	add("slow2", true)
	add("slow3", true)
	add("b", false)
	add("c", false)
	assert.Equal(t, "slow1", started(), "the slow ones have one worker for sure")
	assert.Equal(t, "a", started())
	assert.Equal(t, "b", started())
	assert.Equal(t, "c", started())
	assert.Empty(t, started(), "all four work")
	s.done(a, false)
	assert.Equal(t, "slow2", started(), "nobody else waits")
	s.done(&cluster{}, false)
	assert.Empty(t, started(), "slow3 waits: two are the slow ones' share")
	d := add("d", false)
	assert.Equal(t, "d", started())
	s.done(slow1, true)
	gone := add("gone", false)
	s.remove(gone)
	s.remove(add("gone", true))
	assert.Equal(t, "slow3", started())
	s.done(slow1, true)
	assert.Empty(t, started())
	s.remove(d)
}
