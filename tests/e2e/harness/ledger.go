// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/ledger"
	"github.com/deepfabric/elasticell-operator/tests/e2e/proof"
)

const (
	// ledgerClients is how many clients a ledger has.
	ledgerClients = 8
	// checkLimit is how long the check of a ledger may take.
	checkLimit = 3 * time.Minute
	// StallLimit is how long a client may wait for what the operator does on purpose.
	StallLimit = time.Second
)

// UnderLoad does something to the cluster while a ledger writes to it and reads
// from it through the proxies, and sees that no acknowledged write was lost and
// that each key's history is linearizable. Stalls and failures are printed, not
// judged: machines are noisy.
func (c *Cells) UnderLoad(t *testing.T, prefix string, act func()) ledger.Report {
	t.Helper()
	report, _ := c.watched(t, prefix, act)
	return report
}

// Planned is UnderLoad for what the operator does on purpose. With proof.Enable
// it also judges by the bars of planned work: nobody waits longer than
// StallLimit, and no attempt fails but those under way on the connections that
// a stopping proxy closes.
func (c *Cells) Planned(t *testing.T, name, prefix string, act func()) {
	t.Helper()
	before := c.Lives(t, naming.Proxy)
	began := time.Now()
	report, verdict := c.watched(t, prefix, act)
	stopped := 0
	after := c.Lives(t, naming.Proxy)
	for pod := range before {
		if _, there := after[pod]; !there {
			stopped++
		}
	}
	row := proof.NewRow(name, time.Since(began), report, verdict)
	row.Planned, row.Allowed = true, stopped*ledgerClients
	row.Within = report.Longest <= StallLimit && len(report.Failed) == 0 && report.Closed <= row.Allowed
	require.NoError(t, proof.Note(row))
	if proof.Enabled() {
		assert.True(t, row.Within, "planned work has its bars: no wait above %s, no failed attempt, at most %d connections closed by proxies that stopped; it was %s",
			StallLimit, row.Allowed, report)
	}
}

// Befallen is UnderLoad for what nobody planned: only what is lost is judged.
func (c *Cells) Befallen(t *testing.T, name, prefix string, act func()) {
	t.Helper()
	began := time.Now()
	report, verdict := c.watched(t, prefix, act)
	require.NoError(t, proof.Note(proof.NewRow(name, time.Since(began), report, verdict)))
}

// watched runs the load and judges what became of it.
func (c *Cells) watched(t *testing.T, prefix string, act func()) (ledger.Report, ledger.Verdict) {
	t.Helper()
	l := ledger.Start(context.WithoutCancel(t.Context()), ledger.Options{Connect: c.ledgerClient, Clients: ledgerClients, Prefix: prefix})
	began := time.Now()
	var report ledger.Report
	func() {
		defer func() {
			report = l.Stop()
			t.Logf("%s: %s; begun at %s; the longest waits: %s", prefix, report, began.Format(time.TimeOnly), strings.Join(report.Slowest, "; "))
			for _, f := range report.Failed[:min(len(report.Failed), 20)] {
				t.Logf("%s: failed attempt %s", prefix, f)
			}
		}()
		act()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), checkLimit)
	defer cancel()
	verdict, err := l.Check(ctx)
	require.NoError(t, err)
	assert.Empty(t, verdict.Lost, "acknowledged writes were lost")
	assert.Empty(t, verdict.Inconsistent, "histories of keys are not linearizable")
	return report, verdict
}

// ledgerClient makes a connection of its own, to whatever proxy the Service chooses.
func (c *Cells) ledgerClient() ledger.Client {
	client := redis.NewClient(&redis.Options{
		Addr:     fmt.Sprintf("%s:%d", naming.ServiceHost(c.Namespace, c.Name, naming.Proxy), naming.ProxyRedisPort),
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1,
		ContextTimeoutEnabled: true, DialTimeout: tryLimit, ReadTimeout: tryLimit, WriteTimeout: tryLimit,
	})
	return redisClient{client}
}

// redisClient speaks for a ledger.
type redisClient struct{ client *redis.Client }

func (r redisClient) Set(ctx context.Context, key string, value int64) error {
	return closedOr(r.client.Set(ctx, key, value, 0).Err())
}

func (r redisClient) Get(ctx context.Context, key string) (int64, error) {
	got, err := r.client.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	if err != nil {
		return 0, closedOr(err)
	}
	return strconv.ParseInt(got, 10, 64)
}

func (r redisClient) Close() { _ = r.client.Close() }

// closedOr marks the error of a connection that was open and that the proxy has closed.
// One that could not be opened is none.
func closedOr(err error) error {
	var network *net.OpError
	dialled := errors.As(err, &network) && network.Op == "dial"
	for _, closed := range []error{io.EOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, closed) && !dialled {
			return fmt.Errorf("%w: %w", ledger.ErrClosed, err)
		}
	}
	return err
}
