// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// upInPart starts a cluster of which some stores are still to come.
func upInPart(t *testing.T, o testcluster.Options, later int) (c *testcluster.Cluster, toCome []*testcluster.Store) {
	t.Helper()
	c = testcluster.New(t, o)
	all := c.Stores
	c.Stores, toCome = all[:len(all)-later], all[len(all)-later:]
	c.Up()
	c.Stores = all
	return c, toCome
}

// holdCells says whether PD knows each of the stores and that it holds so many cells.
func holdCells(c *testcluster.Cluster, stores []*testcluster.Store, cells uint64) bool {
	held := map[string]uint64{}
	for _, s := range c.ListStores() {
		held[s.Meta.Address] = s.Status.Stats.CellCount
	}
	for _, s := range stores {
		if held[s.Addr] < cells {
			return false
		}
	}
	return true
}

// settled says whether PD has nothing more to do.
func settled(c *testcluster.Cluster) func() bool {
	return func() bool { return c.Full() && c.System().OperatorCount == 0 }
}

// Nobody waits in vain while cells move to new stores and away again, as long as none of the crashes is switched on.
func TestPeerChangesAnswerEverybody(t *testing.T) {
	t.Parallel()
	c, toCome := upInPart(t, testcluster.Options{Stores: 5, InitCells: 8, StoreFlags: []string{"-enable-sync-raftlog=true"}}, 2)
	load := c.StartLoad(8)
	for _, s := range toCome {
		c.StartStore(s)
	}
	testcluster.Await(t, 2*time.Minute, "the new stores hold their share", func() bool {
		return holdCells(c, toCome, 4) && settled(c)()
	})
	leaving := c.StoreByAddr(toCome[1]).Meta.ID
	evict(c, leaving)
	require.Zero(t, c.Do("DELETE", fmt.Sprintf("/pd/api/v1/stores/%d", leaving), "").Code)
	testcluster.Await(t, 2*time.Minute, "drained", func() bool {
		return c.StoreByAddr(toCome[1]).Status.Stats.CellCount == 0 && settled(c)()
	})
	result := load.Stop(t)
	t.Logf("%+v", result)
	assert.Zero(t, result.Unknown, "operations without an answer")
	assert.Less(t, result.Slowest, clientPatience)
}

// clientPatience is well below what a client of these tests waits.
const clientPatience = 2 * time.Second

// A leader that has just been elected has heard of nobody yet: its first report calls all others pending, as upstream's
// does. The next one knows better.
func TestFreshLeaderCallsAllPending(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{InitCells: 1, StoreFlags: []string{"-interval-heartbeat-cell=3"}})
	// On a busy machine the others may have answered before the report, or the look may come after the next one.
	testcluster.Await(t, 2*time.Minute, "a new leader calls both others pending", func() bool {
		cell := c.ListCells()[0]
		if cell.Leader == nil || len(cell.PendingPeers) > 0 {
			return false
		}
		to := someoneElse(cell)
		require.Zero(t, transfer(c, cell.Meta.ID, to.ID).Code)
		var first testcluster.CellInfo
		testcluster.Await(t, 20*time.Second, "the other leads", func() bool {
			first = c.ListCells()[0]
			return first.Leader != nil && first.Leader.ID == to.ID
		})
		return len(first.PendingPeers) == 2
	})
	c.AwaitFull(20 * time.Second)
}
