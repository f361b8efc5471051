// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// One PD, three stores, one proxy: what is set can be got.
func TestSetAndGet(t *testing.T) {
	c := testcluster.New(t, testcluster.Options{PDs: 1, Proxies: 1, InitCells: 4})
	begin := time.Now()
	c.Up()
	t.Logf("up after %s", time.Since(begin))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := c.Redis(c.Proxies[0])
	for i := range 100 {
		key, value := fmt.Sprintf("key%d", i), fmt.Sprintf("value%d", i)
		require.NoError(t, client.Set(ctx, key, value, 0).Err())
		require.Equal(t, value, client.Get(ctx, key).Val())
	}
}
