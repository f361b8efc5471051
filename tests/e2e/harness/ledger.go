// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/e2e/ledger"
)

// UnderLoad does something to the cluster while a ledger writes to it through
// the proxies, and sees that no acknowledged write was lost. Stalls and failures
// are printed, not judged: machines are noisy.
func (c *Cells) UnderLoad(t *testing.T, prefix string, act func()) {
	t.Helper()
	l := ledger.Start(t.Context(), func() ledger.Store { return &ledgerClient{cells: c, client: c.redis()} },
		ledger.Options{Writers: 4, Pause: 20 * time.Millisecond, Limit: 20 * time.Second, Prefix: prefix})
	func() {
		defer func() { t.Logf("%s: %s", prefix, l.Stop()) }()
		act()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	lost, err := l.Lost(ctx)
	require.NoError(t, err)
	assert.Empty(t, lost, "acknowledged writes were lost")
}

// ledgerClient is one writer's connection.
type ledgerClient struct {
	cells  *Cells
	client *redis.Client
}

func (x *ledgerClient) Set(ctx context.Context, key, value string) error {
	return x.client.Set(ctx, key, value, 0).Err()
}

func (x *ledgerClient) Get(ctx context.Context, key string) (string, error) {
	got, err := x.client.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return got, err
}

func (x *ledgerClient) Reconnect() {
	_ = x.client.Close()
	x.client = x.cells.redis()
}
