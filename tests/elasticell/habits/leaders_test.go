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

// ledBy returns the cells that a store leads.
func ledBy(c *testcluster.Cluster, store uint64) []testcluster.CellInfo {
	var led []testcluster.CellInfo
	for _, cell := range c.ListCells() {
		if cell.Leader != nil && cell.Leader.StoreID == store {
			led = append(led, cell)
		}
	}
	return led
}

// transfer asks PD to move the lead of a cell to a peer.
func transfer(c *testcluster.Cluster, cell, peer uint64) testcluster.Answer {
	c.T.Helper()
	// The path's id is not looked at: the body decides.
	return c.Do("PUT", "/pd/api/v1/cells/1/leader", fmt.Sprintf(`{"cellId":%d,"toPeerId":%d}`, cell, peer))
}

// someoneElse is a peer of the cell that does not lead it.
func someoneElse(cell testcluster.CellInfo) testcluster.PeerInfo {
	for _, p := range cell.Meta.Peers {
		if p.ID != cell.Leader.ID {
			return p
		}
	}
	return testcluster.PeerInfo{}
}

// evict moves all leaders away from a store, again and again, until it leads nothing.
func evict(c *testcluster.Cluster, store uint64) {
	c.T.Helper()
	testcluster.Await(c.T, 60*time.Second, "leaders moved away", func() bool {
		led := ledBy(c, store)
		for _, cell := range led {
			transfer(c, cell.Meta.ID, someoneElse(cell).ID)
		}
		return len(led) == 0
	})
}

// One transfer at a time in the whole cluster, carried out with the cell's next heartbeat; then PD moves leaders back.
func TestTransferLimitAndBalance(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{InitCells: 6, StoreFlags: []string{"-interval-heartbeat-cell=2"}})
	assert.Equal(t, "Peer 99999 not found", transfer(c, c.ListCells()[0].Meta.ID, 99999).Error)
	assert.Equal(t, "Cell 9999 not found", transfer(c, 9999, 1).Error)
	even := func() bool {
		for _, s := range c.Stores {
			if len(ledBy(c, c.StoreByAddr(s).Meta.ID)) != 2 {
				return false
			}
		}
		return c.System().OperatorCount == 0
	}
	testcluster.Await(t, 60*time.Second, "PD has spread the leaders", even)

	id := c.StoreByAddr(c.Stores[1]).Meta.ID
	led := ledBy(c, id)
	require.Len(t, led, 2)
	first, second := led[0], led[1]
	a := transfer(c, first.Meta.ID, someoneElse(first).ID)
	require.Zero(t, a.Code, a.Error)
	a = transfer(c, second.Meta.ID, someoneElse(second).ID)
	assert.Equal(t, 200, a.Status)
	assert.Equal(t, 1, a.Code)
	assert.Equal(t, "Scheduler not performed by limit", a.Error)

	evict(c, id)
	begin := time.Now()
	testcluster.Await(t, 20*time.Second, "the first comes back", func() bool { return len(ledBy(c, id)) > 0 })
	t.Logf("the first leader came back after %s", time.Since(begin))
	testcluster.Await(t, 60*time.Second, "even again", even)
}

// A transfer to the peer that leads already moves nothing, and holds the only slot until the cell's next heartbeat.
func TestTransferToTheLeaderHoldsTheSlot(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{InitCells: 3, StoreFlags: []string{"-interval-heartbeat-cell=3"}})
	testcluster.Await(t, 60*time.Second, "PD has nothing to do", func() bool { return c.System().OperatorCount == 0 })
	cells := c.ListCells()
	held, other := cells[0], cells[1]
	a := transfer(c, held.Meta.ID, held.Leader.ID)
	require.Zero(t, a.Code, a.Error)
	a = transfer(c, other.Meta.ID, someoneElse(other).ID)
	assert.Equal(t, "Scheduler not performed by limit", a.Error)
	testcluster.Await(t, 10*time.Second, "the slot is free again", func() bool { return c.System().OperatorCount == 0 })
	assert.Equal(t, held.Leader, c.ListCells()[0].Leader)
}

// A transfer aimed at a peer on a dead store stays, and holds the only slot.
func TestTransferToTheDead(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{InitCells: 4})
	s := c.Stores[2]
	id := c.StoreByAddr(s).Meta.ID
	evict(c, id)
	s.Kill()
	var aimed, other testcluster.CellInfo
	testcluster.Await(t, 20*time.Second, "a slot is free", func() bool {
		cells := c.ListCells()
		aimed, other = cells[0], cells[1]
		for _, p := range aimed.Meta.Peers {
			if p.StoreID == id {
				return transfer(c, aimed.Meta.ID, p.ID).Code == 0
			}
		}
		return false
	})
	for begin := time.Now(); time.Since(begin) < 6*time.Second; time.Sleep(500 * time.Millisecond) {
		assert.Equal(t, "Scheduler not performed by limit", transfer(c, other.Meta.ID, someoneElse(other).ID).Error)
	}
	a := c.Do("GET", fmt.Sprintf("/pd/api/v1/cells/%d/operator", aimed.Meta.ID), "")
	assert.Contains(t, a.Body, `"name":"transfer_leader"`)
	a = c.Do("GET", "/pd/api/v1/operators", "")
	assert.Contains(t, a.Body, fmt.Sprintf(`"cellID":%d`, aimed.Meta.ID))
}

// A store that stops while it leads stalls its clients for an election, at least; one whose leaders were moved away
// before stalls nobody.
func TestStallOfALeaderThatWasNotMoved(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, InitCells: 3, StoreFlags: []string{"-interval-raft-tick=300"}})
	c.Up()
	victim := c.Stores[0]
	id := c.StoreByAddr(victim).Meta.ID

	load := c.StartLoad(8)
	time.Sleep(time.Second)
	evict(c, id)
	victim.Term()
	calm := load.Stop(t)
	t.Logf("leaders moved away first: %+v", calm)
	assert.Zero(t, calm.Unknown)
	assert.Less(t, calm.Slowest, time.Second)

	c.StartStore(victim)
	c.AwaitFull(60 * time.Second)
	for _, cell := range c.ListCells() { // all to the victim
		testcluster.Await(t, 2*time.Minute, "the victim leads all", func() bool {
			now := must(cellNow(c, cell.Meta.ID))
			if now.Leader != nil && now.Leader.StoreID == id {
				return true
			}
			for _, p := range now.Meta.Peers {
				if p.StoreID == id {
					transfer(c, cell.Meta.ID, p.ID)
				}
			}
			return false
		})
	}
	load = c.StartLoad(8)
	time.Sleep(time.Second)
	led := len(ledBy(c, id))
	victim.Term()
	c.StartStore(victim)
	time.Sleep(8 * time.Second)
	stalled := load.Stop(t)
	t.Logf("leading %d of 3 cells at its end: %+v", led, stalled)
	assert.Positive(t, stalled.Unknown, "requests under way are never answered")
	if led == 3 {
		assert.Greater(t, stalled.Stall, 2500*time.Millisecond, "ten ticks of 300 ms have to pass")
	}
}

func cellNow(c *testcluster.Cluster, id uint64) (cell testcluster.CellInfo, err error) {
	return cell, c.Get(fmt.Sprintf("/pd/api/v1/cells/%d", id), &cell)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
