// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// polled is a fake PD, and what asking it again and again makes of it.
type polled struct {
	*pdtest.PD
	client pdapi.Client
	target Target
	now    time.Time
	last   *Snapshot
	// passed is for how long PD's clock has run: stragglers of the question before may still look at it.
	passed atomic.Int64
}

func newPolled() *polled {
	p := &polled{now: t0}
	p.PD = pdtest.New(pdtest.Config{Members: []string{"pd-0", "pd-1", "pd-2"}, Now: func() time.Time { return t0.Add(time.Duration(p.passed.Load())) }})
	p.client = pdapi.New(p.Endpoints(), pdapi.Options{Transport: pdtest.NewFarm(p.PD), Timeout: 20 * time.Millisecond})
	return p
}

func (p *polled) pass(d time.Duration) {
	p.now = p.now.Add(d)
	p.passed.Add(int64(d))
}

// ask polls once, a second later.
func (p *polled) ask() *Snapshot {
	p.pass(time.Second)
	p.last = ask(context.Background(), p.client, p.target, p.last, p.now)
	return p.last
}

func (p *polled) addStores(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := p.AddStore(pdtest.Store{Address: name + ":10800", ClientAddress: name + ":6370"})
		require.NoError(t, err)
	}
}

func (p *polled) paths() []string {
	var paths []string
	for _, c := range p.Calls() {
		paths = append(paths, c.Member+" "+c.Path)
	}
	p.ResetCalls()
	return paths
}

func TestAskRequests(t *testing.T) {
	p := newPolled()
	s := p.ask()
	require.NoError(t, s.Err)
	assert.Equal(t, []string{"pd-0 /pd/api/v1/system", "pd-0 /v2/members"}, p.paths(), "no stores before the bootstrap")
	assert.False(t, s.System.AlreadyBootstrapped)
	assert.Equal(t, "http://pd-0:2379", s.LeaderEndpoint)
	assert.Equal(t, p.now, s.At)

	p.addStores(t, "store-0")
	s = p.ask()
	assert.Equal(t, []string{"pd-0 /pd/api/v1/system", "pd-0 /v2/members", "pd-0 /pd/api/v1/stores"}, p.paths())
	assert.Len(t, s.Stores, 1)
	assert.Zero(t, s.CellsAt)

	for _, target := range []Target{{Busy: true}, {WantCells: true}} {
		p.target = target
		s = p.ask()
		assert.Equal(t, "pd-0 /pd/api/v1/cells", p.paths()[3])
		assert.Len(t, s.Cells, 1)
		assert.Equal(t, s.At, s.CellsAt)
	}
	p.target = Target{}
	s = p.ask()
	assert.Nil(t, s.Cells, "a settled cluster keeps no cells")
	assert.Zero(t, s.CellsAt)
}

func TestAskFailures(t *testing.T) {
	p := newPolled()
	p.target = Target{WantCells: true, HeartbeatLimit: time.Minute}
	p.addStores(t, "store-0")
	good := p.ask()
	require.NoError(t, good.Err)

	p.Expire()
	s := p.ask()
	require.ErrorIs(t, s.Err, pdapi.ErrNoLeader)
	assert.Equal(t, p.now, s.FailedSince)
	assert.Equal(t, 1, s.Failures)
	assert.Equal(t, p.now, s.MembersAt, "etcd's list needs no leader")
	assert.Equal(t, good.At, s.At)
	assert.Equal(t, good.Stores, s.Stores, "the last good answer stays")
	assert.Equal(t, good.Cells, s.Cells)
	assert.Equal(t, good.LeaderSince, s.LeaderSince)

	since := s.FailedSince
	for _, m := range []string{"pd-0", "pd-1", "pd-2"} {
		p.StopMember(m)
	}
	s = p.ask()
	require.ErrorIs(t, s.Err, pdapi.ErrUnreachable)
	assert.Equal(t, since, s.FailedSince)
	assert.Equal(t, 2, s.Failures)
	assert.Less(t, s.MembersAt, p.now)
	assert.Len(t, s.Members, 3)

	require.NoError(t, p.StartMember("pd-1"))
	require.NoError(t, p.Elect("pd-1"))
	s = p.ask()
	require.NoError(t, s.Err)
	assert.Zero(t, s.Failures)
	assert.Zero(t, s.FailedSince)
	assert.Equal(t, "http://pd-1:2379", s.LeaderEndpoint)
	assert.Equal(t, p.now, s.LeaderSince)
	assert.False(t, s.Known(p.now), "the store has not reported to it")
	p.Heartbeat()
	assert.True(t, p.ask().Known(p.now))
}

func TestAskFirstFailure(t *testing.T) {
	p := newPolled()
	p.SetModes(pdtest.Silent)
	s := p.ask()
	require.ErrorIs(t, s.Err, pdapi.ErrUnreachable)
	assert.Zero(t, s.At)
	assert.Equal(t, 1, s.Failures)
	assert.False(t, s.Known(p.now))
}

// Each part that fails alone fails the poll: a snapshot is of one moment.
func TestAskIsAllOrNothing(t *testing.T) {
	for _, mode := range []pdtest.Mode{pdtest.Panicking, pdtest.Garbage, pdtest.Refusing} {
		p := newPolled()
		p.addStores(t, "store-0")
		good := p.ask()
		p.SetModes(mode)
		s := p.ask()
		require.Error(t, s.Err)
		assert.Equal(t, good.At, s.At)
		assert.Equal(t, good.Stores, s.Stores)
	}
}

func TestAskOnceBootstrappedAlways(t *testing.T) {
	p := newPolled()
	p.addStores(t, "store-0")
	good := p.ask()
	other := pdtest.New(pdtest.Config{Members: []string{"pd-0", "pd-1", "pd-2"}})
	p.client = pdapi.New(other.Endpoints(), pdapi.Options{Transport: pdtest.NewFarm(other)})
	s := p.ask()
	require.ErrorIs(t, s.Err, pdapi.ErrUnknown)
	assert.Contains(t, s.Err.Error(), "PD at http://pd-0:2379 says that the cluster is not bootstrapped, though it was")
	assert.Equal(t, good.System, s.System)
}

func TestLeaderSince(t *testing.T) {
	p := newPolled()
	p.addStores(t, "store-0")
	first := p.ask().LeaderSince
	assert.Equal(t, first, p.ask().LeaderSince, "it goes on")

	require.NoError(t, p.Elect("pd-2"))
	second := p.ask().LeaderSince
	assert.Equal(t, p.now, second, "another leader")
	p.Heartbeat()
	assert.Equal(t, second, p.ask().LeaderSince, "heard of a store again")

	require.NoError(t, p.Elect("pd-2"))
	third := p.ask().LeaderSince
	assert.Equal(t, p.now, third, "the same process started again and forgot the stores")
	assert.Equal(t, third, p.ask().LeaderSince, "it still has not heard of them")

	p.Heartbeat()
	p.Expire()
	p.ask()
	require.NoError(t, p.Elect("pd-2"))
	p.Heartbeat()
	assert.Equal(t, p.now.Add(time.Second), p.ask().LeaderSince, "nobody led in between")
}
