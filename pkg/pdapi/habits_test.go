// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

var ctx = context.Background()

// clock is the time of a fake PD.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type setup struct {
	*pdtest.PD
	pdapi.Client
	farm    *pdtest.Farm
	clock   *clock
	options pdapi.Options
}

// start serves a PD of three members and makes a client of it.
func start(t *testing.T, config pdtest.Config) *setup {
	t.Helper()
	s := &setup{clock: &clock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}}
	config.Now = s.clock.Now
	if config.Members == nil {
		config.Members = []string{"pd-0", "pd-1", "pd-2"}
	}
	s.PD = pdtest.New(config)
	farm, err := s.PD.Serve()
	require.NoError(t, err)
	t.Cleanup(func() { farm.Close() })
	s.farm = farm
	s.options = pdapi.Options{DialContext: farm.DialContext, Timeout: 2 * time.Second}
	s.Client = pdapi.New(s.Endpoints(), s.options)
	return s
}

// hasty makes a client that gives silent members up at once.
func (s *setup) hasty() pdapi.Client {
	s.options.Timeout, s.options.MemberTimeout = 50*time.Millisecond, 50*time.Millisecond
	return pdapi.New(s.Endpoints(), s.options)
}

func (s *setup) addStores(t *testing.T, names ...string) []uint64 {
	t.Helper()
	var ids []uint64
	for _, name := range names {
		id, err := s.AddStore(storeNamed(name))
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

func storeNamed(name string) pdtest.Store {
	return pdtest.Store{Address: name + ":10800", ClientAddress: name + ":6370", Zone: "z1", Rack: name}
}

func (s *setup) store(t *testing.T, id uint64) pdapi.Store {
	t.Helper()
	store, err := s.Client.Store(ctx, id)
	require.NoError(t, err)
	return store
}

func (s *setup) cells(t *testing.T) []pdapi.Cell {
	t.Helper()
	cells, err := s.Client.Cells(ctx)
	require.NoError(t, err)
	return cells
}

func leader(t *testing.T, c pdapi.Client) string {
	t.Helper()
	endpoint, _, err := c.Leader(ctx)
	require.NoError(t, err)
	return endpoint
}

func TestBootstrap(t *testing.T) {
	s := start(t, pdtest.Config{})
	system, err := s.System(ctx)
	require.NoError(t, err)
	assert.Equal(t, pdapi.System{}, system)
	_, err = s.Stores(ctx)
	assert.ErrorIs(t, err, pdapi.ErrNotBootstrapped)
	_, err = s.Client.Cells(ctx)
	assert.ErrorIs(t, err, pdapi.ErrNotBootstrapped)

	require.NoError(t, s.InitCluster(ctx, pdapi.InitParams{InitCellCount: 4}))
	require.NoError(t, s.InitCluster(ctx, pdapi.InitParams{InitCellCount: 8, CellCapacity: 1 << 26}), "repeatable before the bootstrap")
	ids := s.addStores(t, "store-0", "store-1", "store-2")
	require.ErrorIs(t, s.InitCluster(ctx, pdapi.InitParams{}), pdapi.ErrAlreadyBootstrapped)

	system, err = s.System(ctx)
	require.NoError(t, err)
	assert.Equal(t, &pdapi.InitParams{InitCellCount: 8, CellCapacity: 1 << 26}, system.InitParams)
	assert.Equal(t, []any{true, 3, 3, 8, 8}, []any{system.AlreadyBootstrapped, system.MaxReplicas, system.StoreCount, system.CellCount, system.ReplicasNotFullCellCount})

	s.Settle()
	system, err = s.System(ctx)
	require.NoError(t, err)
	assert.Zero(t, system.ReplicasNotFullCellCount)
	for _, id := range ids {
		store := s.store(t, id)
		assert.Equal(t, 8, store.CellCount)
		assert.Equal(t, "z1", store.Labels["zone"])
		assert.True(t, store.Fresh(s.clock.Now(), 0))
	}
	_, err = s.Client.Store(ctx, 4711)
	assert.ErrorIs(t, err, pdapi.ErrNotFound)
}

func TestBootstrapRace(t *testing.T) {
	s := start(t, pdtest.Config{})
	_, err := s.AddStoresAtOnce(storeNamed("store-0"), storeNamed("store-1"))
	require.NoError(t, err)
	cells := s.cells(t)
	require.Len(t, cells, 2)
	assert.Equal(t, cells[0].Start, cells[1].Start, "two cells for the same range: the key space is corrupt")
}

func TestDownAndTombstone(t *testing.T) {
	s := start(t, pdtest.Config{PendingSteps: 2})
	require.NoError(t, s.InitCluster(ctx, pdapi.InitParams{InitCellCount: 2}))
	ids := s.addStores(t, "store-0", "store-1", "store-2")
	s.Settle()
	victim := ids[2]

	require.NoError(t, s.DownStore(ctx, victim))
	require.NoError(t, s.DownStore(ctx, victim), "repeatable")
	s.Settle()
	cells, err := s.StoreCells(ctx, victim)
	require.NoError(t, err)
	assert.Len(t, cells, 2, "without a spare store nothing moves, and nothing says why")
	require.NoError(t, s.StartStore(victim, pdtest.Store{}))
	assert.Equal(t, pdapi.Down, s.store(t, victim).State, "there is no way back")

	s.addStores(t, "store-3")
	s.Step()
	cells, err = s.StoreCells(ctx, victim)
	require.NoError(t, err)
	assert.Empty(t, cells)
	assert.Equal(t, 2, s.store(t, victim).CellCount, "its own count lags by a heartbeat")
	pending := 0
	for _, c := range s.cells(t) {
		pending += len(c.PendingPeers)
	}
	assert.Equal(t, 2, pending, "empty, but not drained: the copies are still pending")
	s.Settle()
	for _, c := range s.cells(t) {
		assert.Empty(t, c.PendingPeers)
		assert.Len(t, c.Peers, 3)
	}
	assert.Zero(t, s.store(t, victim).CellCount)

	require.NoError(t, s.TombstoneStore(ctx, victim))
	require.NoError(t, s.TombstoneStore(ctx, victim), "repeatable")
	assert.ErrorIs(t, s.DownStore(ctx, victim), pdapi.ErrTombstone)
	assert.ErrorIs(t, s.DownStore(ctx, 4711), pdapi.ErrNotFound)
	assert.Equal(t, pdapi.Tombstone, s.store(t, victim).State, "it stays on the list")
	assert.ErrorIs(t, s.StartStore(victim, pdtest.Store{}), pdtest.ErrTombstone)
}

func TestDownIsWrittenBack(t *testing.T) {
	s := start(t, pdtest.Config{})
	id := s.addStores(t, "store-0")[0]
	s.RaceNextDown(id)
	require.NoError(t, s.DownStore(ctx, id))
	assert.Equal(t, pdapi.Down, s.store(t, id).State, "seen once")
	s.Heartbeat()
	assert.Equal(t, pdapi.Up, s.store(t, id).State, "and written back by the heartbeat under way")
	require.NoError(t, s.DownStore(ctx, id))
	s.Heartbeat()
	assert.Equal(t, pdapi.Down, s.store(t, id).State)
}

func TestAddressesAreForLife(t *testing.T) {
	s := start(t, pdtest.Config{})
	id := s.addStores(t, "store-0")[0]
	burnt, err := s.AddStore(storeNamed("store-0"))
	require.ErrorIs(t, err, pdtest.ErrDuplicatedAddress)
	require.NoError(t, s.StartStore(id, pdtest.Store{Address: "new:1", ClientAddress: "new:2", Zone: "z2"}))
	store := s.store(t, id)
	assert.Equal(t, "new:1", store.Address)
	assert.Equal(t, "store-0:6370", store.ClientAddress, "proxies go on dialling the old one")
	require.NoError(t, s.TombstoneStore(ctx, id))
	again, err := s.AddStore(pdtest.Store{Address: "new:1"})
	require.NoError(t, err)
	assert.Greater(t, again, burnt)
}

func TestTransferLeader(t *testing.T) {
	s := start(t, pdtest.Config{})
	require.NoError(t, s.InitCluster(ctx, pdapi.InitParams{InitCellCount: 2}))
	ids := s.addStores(t, "store-0", "store-1", "store-2")
	s.Settle()
	cells := s.cells(t)
	target := func(c pdapi.Cell, store uint64) uint64 {
		p, ok := c.PeerOn(store)
		require.True(t, ok)
		return p.ID
	}

	require.NoError(t, s.TransferLeader(ctx, cells[0].ID, target(cells[0], ids[1])))
	require.ErrorIs(t, s.TransferLeader(ctx, cells[1].ID, target(cells[1], ids[1])), pdapi.ErrLimited)
	assert.ErrorIs(t, s.TransferLeader(ctx, 9999, 1), pdapi.ErrNotFound)
	assert.ErrorIs(t, s.TransferLeader(ctx, cells[0].ID, 99999), pdapi.ErrNotFound)
	operators, err := s.Operators(ctx)
	require.NoError(t, err)
	assert.Equal(t, []pdapi.Operator{{CellID: cells[0].ID, StartAt: s.clock.Now(), Steps: []string{"transfer_leader"}}}, operators)
	s.Tick()
	assert.True(t, s.cells(t)[0].LedBy(ids[1]))
	assert.Equal(t, 1, s.store(t, ids[1]).LeaderCount)

	// One aimed at a dead store holds the only place for five minutes.
	s.StopStore(ids[2])
	require.NoError(t, s.TransferLeader(ctx, cells[1].ID, target(cells[1], ids[2])))
	s.clock.step(4 * time.Minute)
	s.Tick()
	require.ErrorIs(t, s.TransferLeader(ctx, cells[1].ID, target(cells[1], ids[1])), pdapi.ErrLimited)
	s.clock.step(2 * time.Minute)
	s.Tick()
	require.NoError(t, s.TransferLeader(ctx, cells[1].ID, target(cells[1], ids[1])))
}

func TestDeadStore(t *testing.T) {
	s := start(t, pdtest.Config{})
	ids := s.addStores(t, "store-0", "store-1", "store-2")
	s.Settle()
	s.StopStore(ids[0])
	s.clock.step(30 * time.Second)
	s.Tick()
	cell := s.cells(t)[0]
	assert.False(t, cell.LedBy(ids[0]), "the others elect")
	store := s.store(t, ids[0])
	assert.Equal(t, pdapi.Up, store.State, "a dead store stays Up")
	assert.False(t, store.Fresh(s.clock.Now(), 20*time.Second))
	assert.Empty(t, cell.DownPeers, "its cells wait for limit-peer-down")
	s.clock.step(5 * time.Minute)
	s.Tick()
	require.Len(t, s.cells(t)[0].DownPeers, 1)
	assert.GreaterOrEqual(t, s.cells(t)[0].DownPeers[0].Down, 5*time.Minute)
	s.clock.step(time.Hour)
	s.Tick()
	assert.Len(t, s.cells(t)[0].Peers, 2, "PD removes the peer before there is another store")
	s.addStores(t, "store-3")
	s.Settle()
	assert.Len(t, s.cells(t)[0].Peers, 3)
}

// A leader that was just elected knows no heartbeat of a store that is away.
func TestFreshLeaderGivesDeadStoreUpAtOnce(t *testing.T) {
	s := start(t, pdtest.Config{})
	ids := s.addStores(t, "store-0", "store-1", "store-2")
	s.Settle()
	s.StopStore(ids[0])
	s.clock.step(6 * time.Minute)
	s.Tick()
	assert.Len(t, s.cells(t)[0].Peers, 3)
	require.NoError(t, s.Elect("pd-1"))
	s.Tick()
	assert.Len(t, s.cells(t)[0].Peers, 2)
}

func TestObserve(t *testing.T) {
	s := start(t, pdtest.Config{Members: []string{"pd-0"}})
	var mu sync.Mutex
	var seen []string
	s.options.UserAgent = "cell-operator/test"
	s.options.Observe = func(op string, took time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		assert.GreaterOrEqual(t, took, time.Duration(0))
		seen = append(seen, op+": "+pdapi.Class(err))
	}
	c := pdapi.NewFactory(s.options)(s.Endpoints())
	_, _, _ = c.Leader(ctx)
	_, _ = c.Stores(ctx)
	_ = c.DownStore(ctx, 5)
	_, _ = c.AddMember(ctx, "http://pd-1:2380")
	assert.Equal(t, []string{"find leader: ok", "list stores: not_bootstrapped", "down store: not_bootstrapped", "add member: ok"}, seen)
}

func TestRememberedCallsAreBounded(t *testing.T) {
	hooked := 0
	s := start(t, pdtest.Config{KeepCalls: 2, OnCall: func(pdtest.Call) { hooked++ }})
	for range 7 {
		_, err := s.System(ctx)
		require.NoError(t, err)
	}
	assert.Len(t, s.Calls(), 2)
	assert.Equal(t, 7, s.CallCount())
	assert.Equal(t, 7, hooked)
	assert.Equal(t, pdtest.Call{At: s.clock.Now(), Member: "pd-0", Method: "GET", Path: "/pd/api/v1/system"}, s.Calls()[0])
	s.ResetCalls()
	assert.Zero(t, s.CallCount())
}
