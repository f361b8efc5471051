// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"
)

// Load is a number of clients that write, count and read through the proxies, and keep a ledger of it.
type Load struct {
	c       *Cluster
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	begin   time.Time
	counter atomic.Int64

	mu      sync.Mutex
	ledger  []porcupine.Operation
	unknown int
	done    []time.Time // when operations ended well
	slowest time.Duration
}

// operation is what a client asked; for gets and incrs the answer is a number, 0 for none.
type operation struct {
	kind, key string
	value     int64
}

const (
	opSet  = "set"
	opGet  = "get"
	opIncr = "incr"
)

// clientTimeout is after how long a client takes an operation's outcome for unknown.
const clientTimeout = 3 * time.Second

// StartLoad starts the clients, spread over the proxies.
func (c *Cluster) StartLoad(clients int) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{c: c, cancel: cancel, begin: time.Now()}
	for i := range clients {
		l.wg.Go(func() { l.client(ctx, i) })
	}
	return l
}

// client works until ctx ends; after an unknown outcome it goes on through the next proxy.
func (l *Load) client(ctx context.Context, id int) {
	proxy := id
	conn := l.dial(proxy)
	defer func() { _ = conn.Close() }()
	for ctx.Err() == nil {
		op := l.next(id)
		call := time.Now()
		got, err := execute(conn, op)
		if err != nil {
			_ = conn.Close()
			proxy++
			conn = l.dial(proxy)
		}
		l.note(id, op, got, call, err)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
	}
}

func (l *Load) dial(i int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: l.c.Proxies[i%len(l.c.Proxies)].Addr, Protocol: 2, MaxRetries: -1, DisableIdentity: true,
		ContextTimeoutEnabled: true, ReadTimeout: clientTimeout, DialTimeout: time.Second, PoolSize: 1,
	})
}

// keysPerClient and the change of keys with time keep the number of operations on one key small enough to check.
const (
	keySpan = 2 * time.Second
	keys    = 12
)

func (l *Load) next(int) operation {
	key := fmt.Sprintf("ledger-%d-%d-%d", l.begin.UnixNano(), int(time.Since(l.begin)/keySpan), rand.IntN(keys))
	switch n := rand.IntN(10); {
	case n < 2:
		return operation{opSet, key, 1000 * l.counter.Add(1)}
	case n < 6:
		return operation{kind: opIncr, key: key}
	default:
		return operation{kind: opGet, key: key}
	}
}

func execute(conn *redis.Client, op operation) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	switch op.kind {
	case opSet:
		return 0, conn.Set(ctx, op.key, op.value, 0).Err()
	case opIncr:
		return conn.Incr(ctx, op.key).Result()
	default:
		n, err := conn.Get(ctx, op.key).Int64()
		if errors.Is(err, redis.Nil) {
			return 0, nil
		}
		return n, err
	}
}

func (l *Load) note(id int, op operation, got int64, call time.Time, err error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := porcupine.Operation{
		ClientId: id, Input: op, Output: got, Call: call.Sub(l.begin).Nanoseconds(), Return: now.Sub(l.begin).Nanoseconds(),
	}
	if err != nil {
		l.unknown++
		if op.kind == opGet {
			return // says nothing
		}
		entry.Output, entry.Return = unknownOutcome{}, math.MaxInt64
	} else {
		l.done = append(l.done, now)
		l.slowest = max(l.slowest, now.Sub(call))
	}
	l.ledger = append(l.ledger, entry)
}

// unknownOutcome stands for the answer that never came.
type unknownOutcome struct{}

// Result is what a load has seen.
type Result struct {
	Done    int           // operations answered
	Unknown int           // operations without an answer
	Slowest time.Duration // of those answered
	Stall   time.Duration // the longest time in which nothing was answered to anybody
}

// Stop ends the load and checks that its ledger is linearizable: no acknowledged write lost, none carried out twice, no
// stale read.
func (l *Load) Stop(t testing.TB) Result {
	t.Helper()
	l.cancel()
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Result{Done: len(l.done), Unknown: l.unknown, Slowest: l.slowest}
	slices.SortFunc(l.done, func(a, b time.Time) int { return a.Compare(b) })
	for i := 1; i < len(l.done); i++ {
		r.Stall = max(r.Stall, l.done[i].Sub(l.done[i-1]))
	}
	switch porcupine.CheckOperationsTimeout(model, l.ledger, time.Minute) {
	case porcupine.Illegal:
		t.Errorf("the ledger of %d operations is not linearizable", len(l.ledger))
	case porcupine.Unknown:
		t.Errorf("the ledger of %d operations could not be checked in time", len(l.ledger))
	}
	return r
}

// model is a number per key.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(operation).key
			byKey[key] = append(byKey[key], op)
		}
		parts := make([][]porcupine.Operation, 0, len(byKey))
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		now, op := state.(int64), input.(operation)
		got, known := output.(int64)
		switch op.kind {
		case opSet:
			return true, op.value
		case opIncr:
			return !known || got == now+1, now + 1
		default:
			return got == now, now
		}
	},
}
