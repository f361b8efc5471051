// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memory is a store that does as told with each command, the n-th since its start.
type memory struct {
	mu     sync.Mutex
	n      int
	now    map[string]int64
	before map[string]int64 // each key's value before the present one

	set     func(n int) (keep bool, err error)
	get     func(n int) (stale bool, err error)
	connect int
}

func newMemory() *memory {
	return &memory{
		now: map[string]int64{}, before: map[string]int64{},
		set: func(int) (bool, error) { return true, nil }, get: func(int) (bool, error) { return false, nil },
	}
}

// memoryClient is a connection to a memory.
type memoryClient struct{ *memory }

func (m *memory) client() Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.connect++
	return memoryClient{m}
}

func (memoryClient) Close() {}

func (m *memory) Set(_ context.Context, key string, value int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	keep, err := m.set(m.n)
	if keep {
		m.before[key], m.now[key] = m.now[key], value
	}
	return err
}

func (m *memory) Get(_ context.Context, key string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	stale, err := m.get(m.n)
	if stale {
		return m.before[key], err
	}
	return m.now[key], err
}

func (m *memory) commands() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

// load runs a load on the memory until it has seen n commands.
func load(t *testing.T, m *memory, n int) (*Ledger, Report) {
	t.Helper()
	l := Start(t.Context(), Options{
		Connect: m.client, Clients: 3, Pause: 100 * time.Microsecond, Prefix: "k", Keys: 2, Span: 20 * time.Millisecond,
	})
	require.Eventually(t, func() bool { return m.commands() >= n }, 20*time.Second, time.Millisecond)
	return l, l.Stop()
}

// verdict is what the ledger says of a memory that has become what it always should have been.
func verdict(t *testing.T, l *Ledger, m *memory) Verdict {
	t.Helper()
	sound := newMemory()
	m.mu.Lock()
	m.set, m.get = sound.set, sound.get
	m.mu.Unlock()
	v, err := l.Check(t.Context())
	require.NoError(t, err)
	return v
}

func TestAllIsWell(t *testing.T) {
	m := newMemory()
	l, r := load(t, m, 300)
	v := verdict(t, l, m)
	assert.Empty(t, v.Lost)
	assert.Empty(t, v.Inconsistent)
	assert.Equal(t, r.Writes, v.Acknowledged)
	assert.Positive(t, r.Reads)
	assert.Empty(t, r.Failed)
	assert.Zero(t, r.Closed)
	assert.Equal(t, 4, m.connect, "one connection for each client and one for the check")
}

// Writes that are acknowledged and dropped on purpose must be found: the last one
// of each key by the check alone, any other one by the reads meanwhile.
func TestDroppedWriteIsFound(t *testing.T) {
	m := newMemory()
	m.set = func(n int) (bool, error) { return n%10 != 0, nil }
	l, _ := load(t, m, 600)
	v := verdict(t, l, m)
	assert.NotEmpty(t, append(v.Lost, v.Inconsistent...))
}

// The very last write of a load is dropped: the next value would have hidden it.
func TestDroppedLastWriteIsLost(t *testing.T) {
	history := []attempt{
		done(1, "k", 1, 0, 10), done(2, "k", 2, 20, 30), // the second is dropped
		seen(3, "k", 1, 40, 50, true),
	}
	v, err := judge(t.Context(), history)
	require.NoError(t, err)
	require.Len(t, v.Lost, 1)
	assert.Contains(t, v.Lost[0], "SET k 2: ok")
	assert.Empty(t, v.Inconsistent)
}

func TestStaleReadIsFound(t *testing.T) {
	m := newMemory()
	m.get = func(n int) (bool, error) { return n%20 == 0, nil }
	l, _ := load(t, m, 600)
	v := verdict(t, l, m)
	assert.Empty(t, v.Lost, "all writes are there")
	assert.NotEmpty(t, v.Inconsistent)
}

// A write without an answer may have happened or not; either is right.
func TestUnansweredWrites(t *testing.T) {
	for name, keep := range map[string]bool{"happened": true, "did not happen": false} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			m.set = func(n int) (bool, error) {
				if n%7 == 0 {
					return keep, context.DeadlineExceeded
				}
				return true, nil
			}
			l, r := load(t, m, 300)
			v := verdict(t, l, m)
			assert.Empty(t, v.Lost)
			assert.Empty(t, v.Inconsistent)
			assert.NotEmpty(t, r.Failed)
			assert.Zero(t, r.GaveUp, "they were tried again on other connections")
			assert.Equal(t, 4+len(r.Failed), m.connect)
		})
	}
}

func TestClosedConnectionsAreCountedApart(t *testing.T) {
	m := newMemory()
	m.set = func(n int) (bool, error) {
		if n%50 == 0 {
			return false, errors.Join(ErrClosed, errors.New("EOF"))
		}
		return true, nil
	}
	_, r := load(t, m, 200)
	assert.Empty(t, r.Failed)
	assert.Positive(t, r.Closed)
}

// What the judge lets pass and what not, by small histories.
func TestJudge(t *testing.T) {
	const good, lost, inconsistent = "good", "lost", "inconsistent"
	for _, test := range []struct {
		name    string
		history []attempt
		want    string
	}{
		{"read of the last value", []attempt{done(1, "k", 1, 0, 10), seen(2, "k", 1, 20, 30, false), seen(2, "k", 1, 40, 50, true)}, good},
		{"never written", []attempt{seen(1, "k", 0, 0, 10, true)}, good},
		{"rivals, either may be the last", []attempt{done(1, "k", 1, 0, 20), done(2, "k", 2, 10, 30), seen(3, "k", 1, 40, 50, true)}, good},
		{"a value that nobody wrote", []attempt{done(1, "k", 1, 0, 10), seen(2, "k", 9, 20, 30, true)}, lost},
		{"all gone", []attempt{done(1, "k", 1, 0, 10), seen(2, "k", 0, 20, 30, true)}, lost},
		{"stale, and right in the end", []attempt{done(1, "k", 1, 0, 10), done(1, "k", 2, 20, 30), seen(2, "k", 1, 40, 50, false), seen(2, "k", 2, 60, 70, true)}, inconsistent},
		{"an attempt without an answer happens much later", []attempt{open(1, "k", 1, 0, 10), done(2, "k", 2, 20, 30), seen(3, "k", 2, 35, 38, false), seen(3, "k", 1, 40, 50, true)}, good},
		{"but not before its begin", []attempt{seen(3, "k", 1, 0, 5, false), open(1, "k", 1, 10, 20), seen(3, "k", 0, 30, 40, true)}, inconsistent},
		{"tried again: the first attempt comes after a newer value", []attempt{open(1, "k", 1, 0, 10), done(1, "k", 1, 20, 30), done(2, "k", 2, 40, 50), seen(3, "k", 1, 60, 70, true)}, good},
		{"a read without an answer says nothing", []attempt{done(1, "k", 1, 0, 10), {operation: operation{key: "k"}, began: 20, ended: 30, err: ErrClosed}, seen(2, "k", 1, 40, 50, true)}, good},
		{"keys do not mix", []attempt{done(1, "k", 1, 0, 10), done(1, "l", 2, 20, 30), seen(2, "k", 1, 40, 50, true), seen(2, "l", 2, 60, 70, true)}, good},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := judge(t.Context(), test.history)
			require.NoError(t, err)
			got := good
			switch {
			case len(v.Lost) > 0:
				got = lost
			case len(v.Inconsistent) > 0:
				got = inconsistent
			}
			assert.Equal(t, test.want, got, "%v", v)
		})
	}
}

// An outage in which hundreds of attempts end without an answer is judged quickly.
func TestJudgeOutage(t *testing.T) {
	var history []attempt
	for i := range 400 {
		at := time.Duration(i)
		history = append(history, open(i%8, "k", int64(i%8+1), 10*at, 10*at+5))
	}
	history = append(history, done(1, "k", 2, 5000, 5010), seen(2, "k", 2, 5020, 5030, false), seen(3, "k", 2, 6000, 6010, true))
	began := time.Now()
	v, err := judge(t.Context(), history)
	require.NoError(t, err)
	assert.Empty(t, v.Lost)
	assert.Less(t, time.Since(began), 5*time.Second)
}

func done(client int, key string, value int64, began, ended time.Duration) attempt {
	return attempt{operation: operation{key, value}, client: client, began: began, ended: ended}
}

func open(client int, key string, value int64, began, ended time.Duration) attempt {
	a := done(client, key, value, began, ended)
	a.err = context.DeadlineExceeded
	return a
}

func seen(client int, key string, got int64, began, ended time.Duration, final bool) attempt {
	return attempt{operation: operation{key: key}, client: client, began: began, ended: ended, got: got, final: final}
}
