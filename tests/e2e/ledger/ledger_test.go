// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memory is a store that forgets, fails or invents on demand.
type memory struct {
	mu     sync.Mutex
	data   map[string]string
	writes int
	// set decides about the n-th write: whether to keep it, and what to answer.
	set func(n int) (keep bool, err error)
}

func (m *memory) Set(_ context.Context, key, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	keep, err := m.set(m.writes)
	if keep {
		m.data[key] = value
	}
	return err
}

func (m *memory) Get(_ context.Context, key string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data[key], nil
}

func (m *memory) Reconnect() {}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// write lets one writer write until the store has seen n writes.
func write(t *testing.T, n int, set func(int) (bool, error)) (*Ledger, *memory, Report) {
	t.Helper()
	m := &memory{data: map[string]string{}, set: set}
	l := Start(t.Context(), func() Store { return m }, Options{Writers: 1, Pause: time.Microsecond, Limit: time.Second, Prefix: "k"})
	require.Eventually(t, func() bool { return m.count() >= n }, 10*time.Second, time.Millisecond)
	return l, m, l.Stop()
}

func keepAll(int) (bool, error) { return true, nil }

func TestNothingLost(t *testing.T) {
	l, _, r := write(t, 20, keepAll)
	lost, err := l.Lost(t.Context())
	require.NoError(t, err)
	assert.Empty(t, lost)
	assert.GreaterOrEqual(t, r.Writes, 20)
	assert.Empty(t, r.Failed)
}

// A write that is acknowledged and dropped on purpose must be found.
func TestDroppedWriteIsFound(t *testing.T) {
	down := errors.New("down")
	// The tenth write is dropped; the eleventh fails, so that the key ends with the loss in it.
	l, _, _ := write(t, 20, func(n int) (bool, error) {
		switch n {
		case 10:
			return false, nil
		case 11:
			return false, down
		}
		return true, nil
	})
	lost, err := l.Lost(t.Context())
	require.NoError(t, err)
	require.Len(t, lost, 1)
	assert.Contains(t, lost[0], "9; 10 was acknowledged and 11 attempted")
}

// A write without an answer may have happened or not; both are right.
func TestUnansweredWrites(t *testing.T) {
	for name, keep := range map[string]bool{"happened": true, "did not happen": false} {
		t.Run(name, func(t *testing.T) {
			l, _, r := write(t, 20, func(n int) (bool, error) {
				if n%5 == 0 {
					return keep, context.DeadlineExceeded
				}
				return true, nil
			})
			lost, err := l.Lost(t.Context())
			require.NoError(t, err)
			assert.Empty(t, lost)
			assert.NotEmpty(t, r.Failed)
		})
	}
}

func TestInventedValueIsFound(t *testing.T) {
	l, m, _ := write(t, 20, keepAll)
	for key := range m.data {
		m.data[key] = "1000000"
	}
	lost, err := l.Lost(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, lost)
	assert.True(t, strings.HasPrefix(lost[0], "k-0-0 is 1000000"), lost[0])
}
