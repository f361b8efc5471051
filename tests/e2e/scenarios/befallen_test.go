// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// recovery is how long the operator may take to repair what has befallen a cluster.
const recovery = 12 * time.Minute

// aftermath is how long the load goes on at least.
const aftermath = 30 * time.Second

// TestBefallen lets misfortune come upon a cluster. Clients may wait, but no
// write that was acknowledged may be lost.
func TestBefallen(t *testing.T) {
	w := harness.Get(t)
	w.NeedOperator(t)
	w.OwnNamespace(t, "befallen", "baseline")
	c := w.CellsNamed("befallen", "cell", "hurt")
	c.Install(t, harness.Hasty...)
	c.AwaitReady(t)
	c.Write(t, "before")
	store, pd := naming.Pod(c.Name, naming.Store, 1), naming.Pod(c.Name, naming.PD, 1)

	befall := func(name, prefix string, misfortune func(t *testing.T)) {
		t.Run(prefix, func(t *testing.T) {
			awaitRest(t, c) // so that each store leads some cells
			c.Befallen(t, name, prefix, func() {
				began := time.Now()
				misfortune(t)
				c.AwaitReadyWithin(t, recovery)
				time.Sleep(aftermath - time.Since(began)) // some of what follows comes late
			})
			whole(t, c)
		})
	}
	befall("a store is killed", "store-killed", func(t *testing.T) {
		require.Positive(t, c.Kill(t, naming.Store, store))
		c.AwaitTrouble(t)
	})
	befall("the leading PD is killed", "pd-killed", func(t *testing.T) {
		leader := c.AwaitReady(t).Status.PD.Leader
		require.Positive(t, c.Kill(t, naming.PD, leader))
		c.AwaitTrouble(t)
	})
	befall("a node loses its power, and gets it back when all is repaired", "node-killed", func(t *testing.T) {
		node, old := c.NodeOf(t, store), c.Stores(t)[store]
		w.Node(t, "stop", node)
		t.Cleanup(func() { w.TryNode("start", node) })
		awaitEmptied(t, c, old)
		w.Node(t, "start", node)
	})
	befall("a node is cut off for 90 s", "node-cut", func(t *testing.T) {
		node := c.NodeOf(t, store)
		w.Node(t, "cut", node)
		t.Cleanup(func() { w.TryNode("join", node) })
		time.Sleep(90 * time.Second) // the misfortune itself, nothing is waited for
		w.Node(t, "join", node)
	})
	befall("a store's volume is wiped", "store-wiped", func(t *testing.T) {
		old := c.Stores(t)[store]
		c.Wipe(t, naming.Store, store)
		c.AwaitOtherStore(t, store, old, recovery)
	})
	befall("a PD's volume is wiped", "pd-wiped", func(t *testing.T) {
		c.Wipe(t, naming.PD, pd)
		c.AwaitTrouble(t)
	})
	befall("all PDs are away for a minute", "pds-away", func(t *testing.T) {
		c.KeepDown(t, naming.PD, time.Minute)
		c.AwaitTrouble(t)
	})
	c.Read(t, "before")
}

// TestGivenUp lets stores and proxies give PD up for good. Their patience is short here: PD is away for far longer
// than that, and not all at once, since its pods come back at different moments.
func TestGivenUp(t *testing.T) {
	w := harness.Get(t)
	w.NeedOperator(t)
	w.OwnNamespace(t, "givenup", "baseline")
	c := w.CellsNamed("givenup", "cell", "given")
	var impatient []string // the periods are the defaults, longer than it takes to restart all
	for _, component := range []string{"store", "proxy"} {
		impatient = append(impatient, "--set="+component+".env[0].name=CELL_PD_DIAL_WAIT_MS", "--set-string="+component+".env[0].value=100")
	}
	c.Install(t, impatient...)
	c.AwaitReady(t)
	c.Write(t, "before")
	before := c.Lives(t, naming.Proxy)
	c.Befallen(t, "all PDs are away, and stores and proxies give them up", "given-up", func() {
		c.KeepDown(t, naming.PD, time.Minute)
		harness.Within(t, recovery, "stores that gave PD up, and the proxies that ran beside them, have been restarted", func() error {
			told := w.Kubectl(t, "get", "events", "--namespace="+c.Namespace, "--field-selector=involvedObject.name="+c.Name, "--output=jsonpath={.items[*].message}")
			if !strings.Contains(told, "had not reported to PD") {
				return errors.New("no store has been restarted for it")
			}
			for name, life := range c.Lives(t, naming.Proxy) {
				if before[name] == life {
					return fmt.Errorf("proxy %s has not been restarted", name)
				}
			}
			return nil
		})
		c.AwaitReadyWithin(t, recovery)
	})
	whole(t, c)
	c.Read(t, "before")
}

// awaitEmptied waits until all cells have all replicas without the store.
func awaitEmptied(t *testing.T, c *harness.Cells, store uint64) {
	t.Helper()
	client := c.PD(t)
	harness.Within(t, recovery, fmt.Sprintf("no cell needs store %d any more", store), func() error {
		cells, err := client.Cells(t.Context())
		if err != nil {
			return err
		}
		for _, cell := range cells {
			if len(cell.Peers) != 3 || len(cell.PendingPeers)+len(cell.DownPeers) > 0 {
				return fmt.Errorf("cell %d has %d replicas, %d pending, %d down", cell.ID, len(cell.Peers), len(cell.PendingPeers), len(cell.DownPeers))
			}
			for _, p := range cell.Peers {
				if p.StoreID == store {
					return fmt.Errorf("cell %d has a replica there", cell.ID)
				}
			}
		}
		return nil
	})
}

// whole sees that a cluster is as its spec says: three PDs, three stores, nobody in addition.
func whole(t *testing.T, c *harness.Cells) {
	t.Helper()
	client := c.PD(t)
	members, err := client.Members(t.Context())
	require.NoError(t, err)
	assert.Len(t, members, 3)
	stores, err := client.Stores(t.Context())
	require.NoError(t, err)
	up := 0
	for _, s := range stores {
		if s.State == pdapi.Up {
			up++
		} else {
			assert.Equal(t, pdapi.Tombstone, s.State, "store %d", s.ID)
		}
	}
	assert.Equal(t, 3, up)
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		assert.Len(t, c.Pods(t, component), 3, component)
	}
}
