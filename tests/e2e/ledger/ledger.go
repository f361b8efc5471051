// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ledger writes to and reads from a cluster at a steady rate, remembers
// every attempt with its time and its answer, and judges at the end: no
// acknowledged write may be lost, and the history of each key must be linearizable.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Client is a connection to what is written to. A call ends when its context does.
type Client interface {
	Set(ctx context.Context, key string, value int64) error
	// Get gives 0 for a key that was never set.
	Get(ctx context.Context, key string) (int64, error)
	Close()
}

// ErrClosed is what a Client's error wraps when the other side has closed the
// connection, as a proxy that stops does.
var ErrClosed = errors.New("connection closed by the other side")

// Options of a Ledger. Zeros get the defaults.
type Options struct {
	// Connect makes a connection; it is called again after each failed attempt.
	Connect func() Client
	// Clients work at the same time, 8; Pause is the time between two operations of one, 40 ms.
	Clients int
	Pause   time.Duration
	// AttemptLimit is how long one attempt may take, 2 s; OperationLimit how long
	// an operation is tried again before it has failed, 2 minutes.
	AttemptLimit, OperationLimit time.Duration
	// Prefix of the keys. All clients use the same Keys, 8, for the time of Span, 4 s, and then others:
	// so each key has rivals, and a history short enough to be judged.
	Prefix string
	Keys   int
	Span   time.Duration
}

func (o *Options) setDefaults() {
	setDefault(&o.Clients, 8)
	setDefault(&o.Pause, 40*time.Millisecond)
	setDefault(&o.AttemptLimit, 2*time.Second)
	setDefault(&o.OperationLimit, 2*time.Minute)
	setDefault(&o.Keys, 8)
	setDefault(&o.Span, 4*time.Second)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Ledger is a load and its record.
type Ledger struct {
	options Options
	begin   time.Time
	stop    context.CancelFunc
	running sync.WaitGroup
	// values are different for each write, so that a read tells which one it saw.
	values atomic.Int64

	mu     sync.Mutex
	record record
}

// Start begins to write and read.
func Start(ctx context.Context, o Options) *Ledger {
	o.setDefaults()
	ctx, stop := context.WithCancel(ctx)
	l := &Ledger{options: o, begin: time.Now(), stop: stop}
	for i := range o.Clients {
		l.running.Go(func() { l.work(ctx, i) })
	}
	return l
}

// work is one client. An operation that has begun is seen to its end.
func (l *Ledger) work(ctx context.Context, id int) {
	client := l.options.Connect()
	defer func() { client.Close() }()
	for ctx.Err() == nil {
		client = l.operate(context.WithoutCancel(ctx), id, client, l.next())
		select {
		case <-ctx.Done():
		case <-time.After(l.options.Pause):
		}
	}
}

// next is an operation on one of the keys of the hour. One in four is a read.
func (l *Ledger) next() operation {
	key := fmt.Sprintf("%s-%d-%d", l.options.Prefix, time.Since(l.begin)/l.options.Span, rand.IntN(l.options.Keys))
	if rand.IntN(4) == 0 {
		return operation{key: key}
	}
	return operation{key: key, value: l.values.Add(1)}
}

// operation is a write of a value that is written only once, or a read if it is 0.
type operation struct {
	key   string
	value int64
}

// retryPause keeps a client from asking a proxy that refuses all the time.
const retryPause = 20 * time.Millisecond

// operate carries an operation out, each attempt after the first on another
// connection, and returns the last one.
func (l *Ledger) operate(ctx context.Context, id int, client Client, op operation) Client {
	began := time.Since(l.begin)
	for {
		a := attempt{operation: op, client: id, began: time.Since(l.begin)}
		a.got, a.err = l.try(ctx, client, op)
		a.ended = time.Since(l.begin)
		waited := a.ended - began
		given := a.err != nil && waited > l.options.OperationLimit
		l.note(a, waited, given)
		if a.err == nil {
			return client
		}
		client.Close()
		client = l.options.Connect()
		if given {
			return client
		}
		time.Sleep(retryPause)
	}
}

func (l *Ledger) try(ctx context.Context, client Client, op operation) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.AttemptLimit)
	defer cancel()
	if op.value != 0 {
		return 0, client.Set(ctx, op.key, op.value)
	}
	return client.Get(ctx, op.key)
}

func (l *Ledger) note(a attempt, waited time.Duration, given bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.note(a, waited, given)
}

// Stop ends the load, when the operations that have begun have ended.
func (l *Ledger) Stop() Report {
	l.stop()
	l.running.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record.report(time.Since(l.begin))
}

// Check reads every key once more, and judges. Stop comes before it. An error
// means that a key could not be read, or a history not be judged, before ctx ended.
func (l *Ledger) Check(ctx context.Context) (Verdict, error) {
	client := l.options.Connect()
	defer func() { client.Close() }()
	for _, key := range l.record.keys() {
		for {
			a := attempt{operation: operation{key: key}, began: time.Since(l.begin), final: true}
			a.got, a.err = l.try(ctx, client, a.operation)
			a.ended = time.Since(l.begin)
			if a.err == nil {
				l.record.attempts = append(l.record.attempts, a)
				break
			}
			if ctx.Err() != nil {
				return Verdict{}, fmt.Errorf("read %s at the end: %w", key, a.err)
			}
			client.Close()
			client = l.options.Connect()
			time.Sleep(retryPause)
		}
	}
	return judge(ctx, l.record.attempts)
}
