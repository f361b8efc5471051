// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// tryLimit is how long one command may take: what a proxy has sent to a store
// that dies is never answered.
const tryLimit = 2 * time.Second

// redis is a client of the cluster through the Service of its proxies. It is to
// be closed soon: a proxy that shall stop waits for its clients.
func (c *Cells) redis() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:     fmt.Sprintf("%s:%d", naming.ServiceHost(c.Namespace, c.Name, naming.Proxy), naming.ProxyRedisPort),
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1,
		DialTimeout: tryLimit, ReadTimeout: tryLimit, WriteTimeout: tryLimit,
	})
}

// keyCount is enough for keys in each of the initial cells.
const keyCount = 100

func key(prefix string, i int) string { return fmt.Sprintf("%s-%03d", prefix, i) }

// Write sets keys of a prefix; each must be acknowledged.
func (c *Cells) Write(t *testing.T, prefix string) {
	t.Helper()
	client := c.redis()
	defer client.Close()
	for i := range keyCount {
		retry(t, "SET "+key(prefix, i), func(ctx context.Context) error {
			return client.Set(ctx, key(prefix, i), c.value(prefix, i), 0).Err()
		})
	}
}

// Read gets the keys that Write has set; each must have its value.
func (c *Cells) Read(t *testing.T, prefix string) {
	t.Helper()
	client := c.redis()
	defer client.Close()
	for i := range keyCount {
		var got string
		retry(t, "GET "+key(prefix, i), func(ctx context.Context) error {
			var err error
			if got, err = client.Get(ctx, key(prefix, i)).Result(); errors.Is(err, redis.Nil) {
				err = nil // answered; what it means is judged below
			}
			return err
		})
		require.Equal(t, c.value(prefix, i), got, "key %s of cluster %s/%s", key(prefix, i), c.Namespace, c.Name)
	}
}

// Lacks sees that no key of a prefix is there.
func (c *Cells) Lacks(t *testing.T, prefix string) {
	t.Helper()
	client := c.redis()
	defer client.Close()
	for i := range keyCount {
		retry(t, "GET "+key(prefix, i), func(ctx context.Context) error {
			got, err := client.Get(ctx, key(prefix, i)).Result()
			if err == nil {
				require.Fail(t, "a key of another cluster", "%s is %q in cluster %s/%s", key(prefix, i), got, c.Namespace, c.Name)
			}
			if errors.Is(err, redis.Nil) {
				return nil
			}
			return err
		})
	}
}

// value tells the clusters apart.
func (c *Cells) value(prefix string, i int) string {
	return fmt.Sprintf("%s/%s/%s", c.Namespace, c.Name, key(prefix, i))
}

// retry repeats a command that has no answer, since no node or proxy answers
// while it is being replaced.
func retry(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	Eventually(t, what, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), tryLimit)
		defer cancel()
		return try(ctx)
	})
}
