// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// By a switch, a leader dies in a change of peers; started again, it goes on.
func TestCrashInPeerChange(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, InitCells: 1})
	c.StartPDs()
	first := c.Stores[0]
	first.Env = []string{"CELL_CRASH_ON_PEER_CHANGE=1"}
	c.StartStore(first)
	testcluster.Await(t, 10*time.Second, "bootstrapped", func() bool { return c.System().AlreadyBootstrapped })
	c.StartStore(c.Stores[1])
	c.StartStore(c.Stores[2])
	requireExit(t, first.Process, 2, "nil pointer dereference")
	for range 20 {
		first.Env = nil
		if !first.Alive() {
			c.StartStore(first)
		}
		if c.Full() {
			return
		}
		time.Sleep(time.Second)
	}
	c.AwaitFull(time.Second)
}

// By a switch, a store that was filled by a snapshot does not start again, ever, with that data.
func TestBrokenAfterSnapshot(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, InitCells: 1, PDFlags: []string{"-interval-store-down=3"}, StoreFlags: []string{"-limit-peer-down=2"}})
	c.Proxies = nil
	s := c.Stores[2]
	s.Env = []string{"CELL_BREAK_AFTER_SNAPSHOT=1"}
	c.Up()
	s.Term()
	s.Env = nil
	for range 2 {
		c.StartStore(s)
		requireExit(t, s.Process, 1, "find no peer for store")
	}
	// The cure: PD takes its peers out, the old id becomes a tombstone, the data goes.
	id := c.StoreByAddr(s).Meta.ID
	testcluster.Await(t, 2*time.Minute, "its peers are out", func() bool { return len(cellsOf(c, id)) == 0 })
	require.Zero(t, deleteStore(c, id, "?force").Code)
	require.NoError(t, os.RemoveAll(s.Data))
	c.StartStore(s)
	c.AwaitFull(60 * time.Second)
}

// A store that was away until PD took its peers out comes back with its data, to no cells. By a switch it dies of that
// once.
func TestBackAfterItsPeersWereRemoved(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 3, testcluster.Options{PDFlags: []string{"-interval-store-down=3"}, StoreFlags: []string{"-limit-peer-down=2"}})
	s := c.Stores[2]
	info := c.StoreByAddr(s)
	s.Kill()
	testcluster.Await(t, 2*time.Minute, "its peers are out, though nothing replaces them", func() bool {
		return len(cellsOf(c, info.Meta.ID)) == 0
	})
	assert.Equal(t, 2, c.System().ReplicasNotFullCellCount)
	assert.Equal(t, up, c.StoreByAddr(s).Meta.State, "a dead store stays up")

	s.Env = []string{"CELL_CRASH_ON_DESTROY=1"}
	c.StartStore(s)
	requireExit(t, s.Process, 1, "destroy cell not exist")
	for range 5 { // one death for each cell that it still finds, at most
		c.StartStore(s)
		if _, err := s.ExitCode(6 * time.Second); err != nil {
			break
		}
	}
	c.AwaitFull(60 * time.Second)
	assert.Equal(t, info.Meta.ID, c.StoreByAddr(s).Meta.ID)
}

// A dead store made a tombstone too early: PD plans to add before it removes, and raft refuses a fourth peer while one
// of three is dead. The operator then blocks the cell until it times out.
func TestForceBeforePeersAreOut(t *testing.T) {
	t.Parallel()
	c := upCluster(t, 4, testcluster.Options{
		InitCells: 3, PDFlags: []string{"-interval-store-down=6"}, StoreFlags: []string{"-limit-peer-down=5"},
	})
	id := mostLoaded(c)
	var s *testcluster.Store
	for _, each := range c.Stores {
		if c.StoreByAddr(each).Meta.ID == id {
			s = each
		}
	}
	had := len(cellsOf(c, id))
	s.Kill()
	testcluster.Await(t, 10*time.Second, "led by others", func() bool {
		for _, cell := range c.ListCells() {
			if cell.Leader == nil || cell.Leader.StoreID == id {
				return false
			}
		}
		return true
	})
	time.Sleep(2500 * time.Millisecond) // until the dead one does not count as sound
	require.Zero(t, deleteStore(c, id, "?force").Code)
	time.Sleep(10 * time.Second) // longer than all limits
	assert.Len(t, cellsOf(c, id), had)
	assert.Equal(t, had, c.System().OperatorCount)

	c.PDs[0].Term() // operators live in the PD leader's memory alone
	c.StartPD(c.PDs[0])
	testcluster.Await(t, 60*time.Second, "repaired", func() bool {
		var cells []testcluster.CellInfo
		return c.Get("/pd/api/v1/cells", &cells) == nil && c.Full()
	})
}
