// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWait(t *testing.T) {
	options := Options{Grace: 5 * time.Second, Max: 25 * time.Second, Every: 200 * time.Millisecond}
	forever := time.Hour
	tests := []struct {
		name    string
		options Options
		leave   time.Duration // when the last of 3 clients leaves
		stop    time.Duration // when the hook is told to stop
		want    Result
		says    string
	}{
		{"nobody there", options, 0, forever, Result{0, 5 * time.Second}, "drained: no client connection is left after 5s"},
		{"gone within the grace", options, 4 * time.Second, forever, Result{0, 5 * time.Second}, "drained"},
		{"gone later", options, 9900 * time.Millisecond, forever, Result{0, 10 * time.Second}, "drained"},
		{"never gone", options, forever, forever, Result{3, 25 * time.Second}, "not drained: 3 client connections remain after 25s and will be closed"},
		{"gone at the last moment", options, 24900 * time.Millisecond, forever, Result{0, 25 * time.Second}, "drained"},
		{"grace longer than max", Options{Grace: 9 * time.Second, Max: 3 * time.Second, Every: time.Second}, forever, forever, Result{3, 9 * time.Second}, "not drained"},
		{"the last pause is shorter", Options{Grace: time.Second, Max: 2500 * time.Millisecond, Every: time.Second}, forever, forever, Result{3, 2500 * time.Millisecond}, "not drained"},
		{"told to stop in the grace", options, forever, 2 * time.Second, Result{3, 2 * time.Second}, "not drained"},
		{"told to stop later", options, forever, 7 * time.Second, Result{3, 7 * time.Second}, "not drained"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.stop)
				defer cancel()
				began := time.Now()
				got, err := Wait(ctx, tt.options, func() (int, error) {
					if time.Since(began) >= tt.leave {
						return 0, nil
					}
					return 3, nil
				})
				require.NoError(t, err)
				assert.Equal(t, tt.want, got)
				assert.Contains(t, got.String(), tt.says)
			})
		})
	}
}

// Without a count the grace has passed all the same.
func TestWaitThatCannotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := Wait(t.Context(), Options{Grace: 5 * time.Second, Max: 25 * time.Second, Every: time.Second},
			func() (int, error) { return 0, errors.New("no /proc") })
		require.ErrorContains(t, err, "count client connections: no /proc")
		assert.Equal(t, 5*time.Second, time.Since(began))
	})
}
