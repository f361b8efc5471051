// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

const (
	up, down, tombstone = 0, 1, 2
)

// upCluster is a running cluster of one PD and some stores, without proxies.
func upCluster(t *testing.T, stores int, o testcluster.Options) *testcluster.Cluster {
	o.PDs, o.Stores = 1, max(stores, 1)
	c := testcluster.New(t, o)
	c.Proxies = nil
	if o.InitCells == 0 {
		c.Options.InitCells = 2
	}
	c.Up()
	return c
}

// deleteStore removes a store by the API; force is "" or "?force=true".
func deleteStore(c *testcluster.Cluster, id uint64, force string) testcluster.Answer {
	c.T.Helper()
	return c.Do("DELETE", fmt.Sprintf("/pd/api/v1/stores/%d%s", id, force), "")
}

// An empty data dir at the address of a living store is refused, and holds a new id from then on; once the old id is a
// tombstone, the same start succeeds.
func TestDuplicatedAddress(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{})
	s := c.Stores[2]
	old := c.StoreByAddr(s).Meta.ID
	s.Kill()
	require.NoError(t, os.RemoveAll(s.Data))
	c.StartStore(s)
	requireExit(t, s.Process, 1, "duplicated store address")

	require.Zero(t, deleteStore(c, old, "?force").Code)
	c.StartStore(s)
	testcluster.Await(t, 10*time.Second, "the store has registered anew", func() bool { return c.StoreByAddr(s).Meta.ID > old })
	assert.Equal(t, 4, c.System().StoreCount, "tombstones are counted")
	assert.Equal(t, 1, c.System().TombStoneStoreCount)
}

// PD takes over a store's new address and labels; its client address stays what it was first.
func TestClientAddressIsForLife(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{})
	s := c.Stores[1]
	before := c.StoreByAddr(s)
	s.Term()
	moved := testcluster.FreeAddrs(t, "127.0.0.1", 2)
	s.Addr, s.Client, s.Zone = moved[0], moved[1], "elsewhere"
	c.StartStore(s)
	testcluster.Await(t, 10*time.Second, "PD has the new address", func() bool {
		for _, info := range c.ListStores() {
			if info.Meta.Address == s.Addr {
				return true
			}
		}
		return false
	})
	after := c.StoreByAddr(s)
	assert.Equal(t, before.Meta.ID, after.Meta.ID)
	assert.Equal(t, before.Meta.ClientAddress, after.Meta.ClientAddress)
	assert.Equal(t, "elsewhere", after.Meta.Lables[0].Value)
	c.AwaitFull(2 * time.Minute)
}

// A store becomes a tombstone without anybody looking whether it is empty. Its process goes on until it is restarted.
func TestTombstone(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{})
	s := c.Stores[2]
	id := c.StoreByAddr(s).Meta.ID
	require.Zero(t, deleteStore(c, id, "?force").Code)
	info := c.StoreByAddr(s)
	assert.Equal(t, tombstone, info.Meta.State)
	assert.Zero(t, info.Status.Stats.Capacity, "figures are zeroed")
	assert.Equal(t, "store has been removed", deleteStore(c, id, "").Error)
	assert.Zero(t, deleteStore(c, id, "?force").Code)
	testcluster.Await(t, 10*time.Second, "its heartbeats are refused", func() bool {
		return contains(s.Log(), "store is tombstone")
	})
	require.True(t, s.Alive())
	s.Term()
	c.StartStore(s)
	requireExit(t, s.Process, 1, "store is tombstone")

	require.NoError(t, os.RemoveAll(s.Data)) // empty, its address is free
	c.StartStore(s)
	testcluster.Await(t, 10*time.Second, "registered anew", func() bool { return c.StoreByAddr(s).Meta.State == up })
}

// Down is for ever. With as many usable stores as replicas it never drains and nothing says so; with a spare it does.
func TestDownForEver(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{InitCells: 4})
	s := c.Stores[0]
	id := c.StoreByAddr(s).Meta.ID
	for range 2 {
		require.Zero(t, deleteStore(c, id, "").Code)
		require.Equal(t, down, c.StoreByAddr(s).Meta.State)
	}
	require.Equal(t, 1, c.System().OfflineStoreCount)
	s.Term()
	c.StartStore(s)
	time.Sleep(4 * time.Second) // several heartbeats in which nothing may happen
	assert.Equal(t, down, c.StoreByAddr(s).Meta.State, "a restart does not bring it back")
	assert.Zero(t, c.System().OperatorCount)
	assert.Len(t, cellsOf(c, id), 4)

	spare := *s
	spare.Name, spare.Data, spare.Zone = "spare", s.Data+"-spare", "z9"
	addrs := testcluster.FreeAddrs(t, "127.0.0.1", 2)
	spare.Addr, spare.Client = addrs[0], addrs[1]
	c.StartStore(&spare)
	testcluster.Await(t, 60*time.Second, "drained", func() bool {
		stats := c.StoreByAddr(s).Status
		return len(cellsOf(c, id)) == 0 && stats.Stats.CellCount == 0 && stats.LeaderCount == 0 && c.Full()
	})
	assert.Zero(t, c.System().ReplicasNotFullCellCount)
	assert.Equal(t, down, c.StoreByAddr(s).Meta.State)
}

func cellsOf(c *testcluster.Cluster, store uint64) []testcluster.CellInfo {
	c.T.Helper()
	var cells []testcluster.CellInfo
	if err := c.Get(fmt.Sprintf("/pd/api/v1/stores/%d/cells", store), &cells); err != nil {
		c.T.Fatal(err)
	}
	return cells
}

// A store's list of cells is empty while what replaces it has still to be copied.
func TestDrainedTooEarly(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 4, testcluster.Options{InitCells: 4, Env: []string{"CELL_SNAPSHOT_DELAY_MS=4000"}})
	id := mostLoaded(c)
	require.Zero(t, deleteStore(c, id, "").Code)
	testcluster.Await(t, 60*time.Second, "the list is empty", func() bool { return len(cellsOf(c, id)) == 0 })
	pending := 0
	for _, cell := range c.ListCells() {
		pending += len(cell.PendingPeers)
	}
	assert.Positive(t, pending, "drained, and yet not")
	c.AwaitFull(60 * time.Second)
}

// mostLoaded is the store with the most replicas.
func mostLoaded(c *testcluster.Cluster) uint64 {
	count := map[uint64]int{}
	most := uint64(0)
	for _, cell := range c.ListCells() {
		for _, p := range cell.Meta.Peers {
			if count[p.StoreID]++; count[p.StoreID] > count[most] {
				most = p.StoreID
			}
		}
	}
	return most
}

// A heartbeat in flight writes the old state back over DELETE, in PD's memory.
func TestDeleteRacesWithHeartbeat(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 1, testcluster.Options{PDFlags: []string{"-limit-replicas=1"}, Env: []string{"CELL_PD_HEARTBEAT_WINDOW_MS=900"}})
	s := c.Stores[0]
	id := c.StoreByAddr(s).Meta.ID
	testcluster.Await(t, 20*time.Second, "Up is written back", func() bool {
		require.Zero(t, deleteStore(c, id, "").Code)
		time.Sleep(1200 * time.Millisecond)
		return c.StoreByAddr(s).Meta.State == up
	})
	c.PDs[0].Term()
	c.StartPD(c.PDs[0])
	c.Leader()
	assert.Equal(t, down, c.StoreByAddr(s).Meta.State, "etcd kept Down")
}

// The client port opens when PD has taken the store, and never answers a plain Redis client. SIGTERM takes its time.
func TestClientPortAndTerm(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 1, testcluster.Options{PDFlags: []string{"-limit-replicas=1"}})
	s := c.Stores[0]
	conn, err := net.Dial("tcp", s.Client)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("*1\r\n$4\r\nPING\r\n"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(1500*time.Millisecond)))
	_, err = io.ReadFull(conn, make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	assert.True(t, timeout.Timeout(), "neither answered nor closed")

	took := s.Term()
	assert.GreaterOrEqual(t, took, time.Second)
	assert.Less(t, took, 3*time.Second)
	code, err := s.ExitCode(time.Second)
	require.NoError(t, err)
	assert.Zero(t, code)
}

// A store whose file system is fuller than -threshold-rate-storage silently gets no replicas.
func TestFullStoreIsNoTarget(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1})
	c.StartPDs()
	full := c.Stores[2]
	full.Env = []string{"CELL_DISK=1000000,150000"}
	for i, s := range c.Stores {
		c.StartStore(s)
		testcluster.Await(t, 10*time.Second, "registered", func() bool {
			var stores []testcluster.StoreInfo
			return c.Get("/pd/api/v1/stores", &stores) == nil && len(stores) == i+1
		})
	}
	testcluster.Await(t, 2*time.Minute, "two replicas each", func() bool {
		for _, cell := range c.ListCells() {
			if len(cell.Meta.Peers) < 2 {
				return false
			}
		}
		return true
	})
	time.Sleep(3 * time.Second) // several heartbeats in which nothing may happen
	assert.Empty(t, cellsOf(c, c.StoreByAddr(full).Meta.ID))
	assert.Equal(t, 1, c.System().ReplicasNotFullCellCount)
}
