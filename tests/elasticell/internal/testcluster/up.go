// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"context"
	"fmt"
	"time"
)

// StartPDs starts all PDs and waits for a leader.
func (c *Cluster) StartPDs() {
	c.T.Helper()
	for _, pd := range c.PDs {
		c.StartPD(pd)
	}
	c.Leader()
}

// Up starts everything in the right order: PDs, the first store alone, the others, and the proxies once all cells have
// all their replicas.
func (c *Cluster) Up() {
	c.T.Helper()
	c.StartPDs()
	if c.Options.InitCells > 0 {
		if a := c.Do("POST", "/pd/api/v1/system", fmt.Sprintf(`{"initCellCount":%d,"cellCapacity":67108864}`, c.Options.InitCells)); a.Code != 0 {
			c.T.Fatalf("init the cluster: %s", a.Error)
		}
	}
	c.StartStore(c.Stores[0])
	Await(c.T, 10*time.Second, "the first store bootstraps", func() bool { return c.System().AlreadyBootstrapped })
	for _, s := range c.Stores[1:] {
		c.StartStore(s)
	}
	c.AwaitFull(60 * time.Second)
	for _, p := range c.Proxies {
		c.StartProxy(p)
	}
	for _, p := range c.Proxies {
		c.AwaitPong(p, 20*time.Second)
	}
}

// AwaitFull waits until every cell has all replicas, none pending or down, and a leader.
func (c *Cluster) AwaitFull(within time.Duration) {
	c.T.Helper()
	Await(c.T, within, "all cells are full and sound", func() bool { return c.Full() })
}

// Full says whether every cell has all replicas, none pending or down, and a leader.
func (c *Cluster) Full() bool {
	var sys System
	var cells []CellInfo
	if c.Get("/pd/api/v1/system", &sys) != nil || c.Get("/pd/api/v1/cells", &cells) != nil || len(cells) == 0 {
		return false
	}
	for _, cell := range cells {
		if cell.Leader == nil || len(cell.PendingPeers)+len(cell.DownPeers) > 0 || len(cell.Meta.Peers) != sys.MaxReplicas {
			return false
		}
	}
	return true
}

// AwaitPong waits until the proxy answers PING.
func (c *Cluster) AwaitPong(p *Proxy, within time.Duration) {
	c.T.Helper()
	client := c.Redis(p)
	Await(c.T, within, p.Name+" answers PING", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return client.Ping(ctx).Err() == nil
	})
}
