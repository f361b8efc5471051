// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// slowPoll is what a poll of a PD that answers never takes; it is below the
// client's time-out for one request.
const slowPoll = time.Second

// pause is how long to wait after a poll. A busy cluster is asked at shorter
// and shorter distances again whenever something moves, since then more is about
// to; one that fails is asked ever less often.
func pause(o *Options, busy bool, quiet, failures int) time.Duration {
	switch {
	case busy:
		return o.Busy >> max(3-quiet, 0)
	case failures > 0:
		return min(o.Busy<<min(failures-1, 10), o.Settled)
	}
	return o.Settled
}

// spread moves a pause by a random part of it, so that polls do not gather.
func spread(d time.Duration, jitter float64) time.Duration {
	if jitter <= 0 {
		return d
	}
	return d + time.Duration(float64(d)*jitter*(2*rand.Float64()-1))
}

// schedule decides which cluster is polled next. Clusters wait in a queue by
// time until they are due, then in one of two lanes for a worker. The lane of
// those that were slow the last time gets one worker at least and a share of them
// at most: PDs that hang wait for each other and delay nobody else.
type schedule struct {
	workers, slowShare   int
	running, slowRunning int

	byTime      byTime
	ready, slow []*cluster
}

// set puts a cluster into the queue by time, or moves it there.
func (s *schedule) set(c *cluster, due time.Time) {
	c.due = due
	if c.place >= 0 {
		heap.Fix(&s.byTime, c.place)
		return
	}
	heap.Push(&s.byTime, c)
}

// remove takes a cluster out of all queues.
func (s *schedule) remove(c *cluster) {
	if c.place >= 0 {
		heap.Remove(&s.byTime, c.place)
	}
	is := func(o *cluster) bool { return o == c }
	s.ready = slices.DeleteFunc(s.ready, is)
	s.slow = slices.DeleteFunc(s.slow, is)
}

// next is when the first cluster in the queue by time is due; zero if there is none.
func (s *schedule) next() time.Time {
	if len(s.byTime) == 0 {
		return time.Time{}
	}
	return s.byTime[0].due
}

// ripen moves the clusters that are due to their lanes.
func (s *schedule) ripen(now time.Time) {
	for len(s.byTime) > 0 && !s.byTime[0].due.After(now) {
		c := heap.Pop(&s.byTime).(*cluster)
		c.running = true
		if c.slow {
			s.slow = append(s.slow, c)
		} else {
			s.ready = append(s.ready, c)
		}
	}
}

// start takes the next cluster to poll out of its lane, nil if there is none
// or no worker is free for it. Each start needs a done.
func (s *schedule) start() *cluster {
	if s.running >= s.workers {
		return nil
	}
	lane := &s.ready
	if len(s.slow) > 0 && (s.slowRunning == 0 || len(s.ready) == 0) {
		if s.slowRunning >= s.slowShare {
			return nil
		}
		lane = &s.slow
		s.slowRunning++
	}
	if len(*lane) == 0 {
		return nil
	}
	s.running++
	c := (*lane)[0]
	(*lane)[0] = nil
	if *lane = (*lane)[1:]; len(*lane) == 0 {
		*lane = nil
	}
	return c
}

// done gives a worker back.
func (s *schedule) done(c *cluster, wasSlow bool) {
	s.running--
	if wasSlow {
		s.slowRunning--
	}
	c.running = false
}

// byTime is a heap of clusters, the first due on top.
type byTime []*cluster

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *byTime) Push(x any) {
	c := x.(*cluster)
	c.place = len(*h)
	*h = append(*h, c)
}

func (h *byTime) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	c.place = -1
	return c
}
