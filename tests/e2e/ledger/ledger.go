// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ledger writes to a cluster at a steady rate, remembers every write
// that was acknowledged, and checks at the end that none of them was lost.
package ledger

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Store is what is written to. A call ends when its context does.
type Store interface {
	Set(ctx context.Context, key, value string) error
	// Get gives "" for a key that was never set.
	Get(ctx context.Context, key string) (string, error)
	// Reconnect drops connections, so that the next call goes another way.
	Reconnect()
}

// Options of a Ledger.
type Options struct {
	// Writers write at the same time, each its own keys; Pause is the time between two writes of one.
	Writers int
	Pause   time.Duration
	// Limit is how long one write may take before it counts as failed, with an outcome that nobody knows.
	Limit time.Duration
	// Prefix of the keys.
	Prefix string
}

// Ledger is a load and its record.
type Ledger struct {
	options Options
	connect func() Store
	stop    context.CancelFunc
	running sync.WaitGroup
	writers []*writer
}

// writer writes rising numbers to one key at a time.
type writer struct {
	name string
	// entries are the keys in the order in which they were written.
	entries []entry
	writes  int
	failed  []error
	longest time.Duration
	lastAck time.Time
}

// entry is one key. A write whose outcome is unknown ends a key, since it may
// still happen at any time after.
type entry struct {
	key string
	// acked is the last value that was acknowledged, tried the last that was attempted.
	acked, tried int
}

// Start begins to write.
func Start(ctx context.Context, connect func() Store, o Options) *Ledger {
	ctx, stop := context.WithCancel(ctx)
	l := &Ledger{options: o, connect: connect, stop: stop}
	for i := range o.Writers {
		w := &writer{name: o.Prefix + "-" + strconv.Itoa(i)}
		l.writers = append(l.writers, w)
		l.running.Go(func() { w.run(ctx, connect(), o) })
	}
	return l
}

func (w *writer) run(ctx context.Context, store Store, o Options) {
	w.lastAck = time.Now()
	w.nextKey()
	for ctx.Err() == nil {
		e := &w.entries[len(w.entries)-1]
		e.tried++
		// A write that has begun is seen to its end, so that its outcome is known if it can be.
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Limit)
		err := store.Set(try, e.key, strconv.Itoa(e.tried))
		cancel()
		if err != nil {
			w.failed = append(w.failed, err)
			w.nextKey()
			store.Reconnect()
		} else {
			e.acked = e.tried
			w.writes++
			w.longest = max(w.longest, time.Since(w.lastAck))
			w.lastAck = time.Now()
		}
		select {
		case <-ctx.Done():
		case <-time.After(o.Pause):
		}
	}
}

func (w *writer) nextKey() {
	w.entries = append(w.entries, entry{key: fmt.Sprintf("%s-%d", w.name, len(w.entries))})
}

// Report is what a load came to.
type Report struct {
	// Writes were acknowledged, Failed were not; the outcome of these is unknown.
	Writes int
	Failed []error
	// Longest is the longest time between two acknowledged writes of one writer.
	Longest time.Duration
}

// String sums the report up in a line.
func (r Report) String() string {
	return fmt.Sprintf("%d writes acknowledged, %d failed, longest stall %s", r.Writes, len(r.Failed), r.Longest.Round(time.Millisecond))
}

// Stop ends the writing.
func (l *Ledger) Stop() Report {
	l.stop()
	l.running.Wait()
	var r Report
	for _, w := range l.writers {
		r.Writes += w.writes
		r.Failed = append(r.Failed, w.failed...)
		r.Longest = max(r.Longest, w.longest)
	}
	return r
}

// Lost reads every key and returns those of which an acknowledged write is not
// there. An error means that a key could not be read before ctx ended.
func (l *Ledger) Lost(ctx context.Context) (lost []string, err error) {
	store := l.connect()
	for _, w := range l.writers {
		for _, e := range w.entries {
			got, err := l.read(ctx, store, e.key)
			if err != nil {
				return lost, fmt.Errorf("read %s: %w", e.key, err)
			}
			if why := e.judge(got); why != "" {
				lost = append(lost, why)
			}
		}
	}
	return lost, nil
}

// judge says what is wrong with the value of a key; "" if nothing is.
func (e *entry) judge(got string) string {
	value := 0
	if got != "" {
		var err error
		if value, err = strconv.Atoi(got); err != nil {
			return fmt.Sprintf("%s is %q, which nobody wrote", e.key, got)
		}
	}
	if value < e.acked || value > e.tried {
		return fmt.Sprintf("%s is %d; %d was acknowledged and %d attempted last", e.key, value, e.acked, e.tried)
	}
	return ""
}

// read repeats until there is an answer.
func (l *Ledger) read(ctx context.Context, store Store, key string) (string, error) {
	for {
		try, cancel := context.WithTimeout(ctx, l.options.Limit)
		got, err := store.Get(try, key)
		cancel()
		if err == nil {
			return got, nil
		}
		if ctx.Err() != nil {
			return "", err
		}
		store.Reconnect()
	}
}
