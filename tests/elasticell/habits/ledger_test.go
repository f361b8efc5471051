// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// Whatever dies, stalls or moves: no acknowledged write is lost, none is carried out twice, nothing stale is read.
// CELL_TEST_CHAOS_S makes it longer.
func TestLedgerUnderFaults(t *testing.T) {
	rounds := 25 * time.Second
	if s, err := strconv.Atoi(os.Getenv("CELL_TEST_CHAOS_S")); err == nil {
		rounds = time.Duration(s) * time.Second
	}
	c := testcluster.New(t, testcluster.Options{
		PDs: 3, Stores: 4, InitCells: 4, PDListRepeat: 8, PDFlags: []string{"-interval-store-down=5"},
		StoreFlags: []string{"-limit-peer-down=4"}, Env: []string{"CELL_SNAPSHOT_DELAY_MS=200"},
	})
	c.Up()
	load := c.StartLoad(8)
	faults := faultsOf(t, c)
	for begin := time.Now(); time.Since(begin) < rounds; {
		faults[rand.IntN(len(faults))]()
		time.Sleep(2 * time.Second)
	}
	for _, s := range c.Stores {
		require.True(t, s.Alive(), "%s ended by itself", s.Name)
	}
	time.Sleep(5 * time.Second)
	result := load.Stop(t)
	t.Logf("%+v", result)
	require.Greater(t, result.Done, 1000)
	c.AwaitFull(60 * time.Second)
}

func pick[T any](list []T) T { return list[rand.IntN(len(list))] }

// moveSomeLeader asks PD to move the lead of some cell; refusals are part of life.
func moveSomeLeader(c *testcluster.Cluster) {
	var cells []testcluster.CellInfo
	if c.Get("/pd/api/v1/cells", &cells) != nil || len(cells) == 0 {
		return
	}
	cell := pick(cells)
	if len(cell.Meta.Peers) == 0 {
		return
	}
	body := fmt.Sprintf(`{"cellId":%d,"toPeerId":%d}`, cell.Meta.ID, pick(cell.Meta.Peers).ID)
	_, _ = c.PDs[0].API("PUT", fmt.Sprintf("/pd/api/v1/cells/%d/leader", cell.Meta.ID), body)
}

// faultsOf are the things that befall a cluster.
func faultsOf(t *testing.T, c *testcluster.Cluster) []func() {
	return []func(){
		func() { // a store dies and comes back
			s := pick(c.Stores)
			s.Kill()
			time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
			c.StartStore(s)
		},
		func() { // a store is stopped and comes back
			s := pick(c.Stores)
			s.Term()
			c.StartStore(s)
		},
		func() { // a store freezes long enough for its cells to be led elsewhere
			s := pick(c.Stores)
			s.Freeze(t)
			time.Sleep(time.Duration(2000+rand.IntN(2000)) * time.Millisecond)
			s.Thaw()
		},
		func() { // a store is away so long that PD takes its peers out
			s := pick(c.Stores)
			s.Kill()
			time.Sleep(9 * time.Second)
			c.StartStore(s)
		},
		func() { // the PD leader dies and comes back
			pd := c.FindLeader()
			if pd == nil {
				return
			}
			pd.Kill()
			time.Sleep(500 * time.Millisecond)
			c.StartPD(pd)
		},
		func() { // all stores die at once
			for _, s := range c.Stores {
				s.Kill()
			}
			for _, s := range c.Stores {
				c.StartStore(s)
			}
		},
		func() { // leaders move
			for range 5 {
				moveSomeLeader(c)
				time.Sleep(300 * time.Millisecond)
			}
		},
	}
}

// Neither a write nor a read is answered by a leader that has lost its majority.
func TestAnswersNeedAMajority(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, Proxies: 1, InitCells: 1})
	c.Up()
	conn, err := dial(c.Proxies[0].Addr)
	require.NoError(t, err)
	defer conn.Close()
	for _, command := range []string{"set a 1", "get a"} {
		testcluster.Await(t, 2*time.Minute, "the command is answered", func() bool {
			got, err := say(conn, 3*time.Second, strings.Fields(command)...)
			return err == nil && (got == "+OK" || got == "$1")
		})
		leader := c.ListCells()[0].Leader.StoreID
		for _, s := range c.Stores {
			if c.StoreByAddr(s).Meta.ID != leader {
				s.Freeze(t)
			}
		}
		fresh, err := dial(c.Proxies[0].Addr)
		require.NoError(t, err)
		_, err = say(fresh, 2*time.Second, strings.Fields(command)...)
		assert.True(t, isTimeout(err), "%s: %v", command, err)
		_ = fresh.Close()
		for _, s := range c.Stores {
			s.Thaw()
		}
		c.AwaitFull(2 * time.Minute)
	}
}
