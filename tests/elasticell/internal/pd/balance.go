// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

// balanceGrace is how long leaders stand uneven before PD moves the first one back; seen: 4-6 s with its way there.
const balanceGrace = 3 * time.Second

// balance moves leaders, then replicas, from the fullest store to the emptiest, while they differ by two or more.
func (c *cluster) balance(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.operators, func(_ uint64, op *operator) bool { return now.After(op.EndAt) })
	for _, cell := range c.cells {
		if cell.leader == nil {
			return // too early under this leader to judge
		}
	}
	leaders, replicas := c.countPerStore(now)
	if len(leaders) < 2 {
		return
	}
	order := byCount(leaders)
	from, to := order[0], order[len(order)-1]
	if leaders[from]-leaders[to] < 2 {
		c.unevenSince = time.Time{}
	} else if c.unevenSince.IsZero() {
		c.unevenSince = now
	} else if now.Sub(c.unevenSince) >= balanceGrace && c.count(kindLeader) < c.leaderLimit(leaders) {
		c.balanceLeader(from, to, now)
	}
	if c.count(kindCell) == 0 && c.count(kindReplica) == 0 && now.After(c.nextBalance) {
		c.balanceReplica(replicas, now)
	}
}

// countPerStore counts leaders and peers of the stores that take part.
func (c *cluster) countPerStore(now time.Time) (leaders, replicas map[uint64]int) {
	leaders, replicas = map[uint64]int{}, map[uint64]int{}
	for id, s := range c.stores {
		if c.fresh(s, now) {
			leaders[id], replicas[id] = 0, 0
		}
	}
	for _, cell := range c.cells {
		if _, counted := leaders[cell.leader.StoreID]; counted {
			leaders[cell.leader.StoreID]++
		}
		for _, p := range cell.meta.Peers {
			if _, counted := replicas[p.StoreID]; counted {
				replicas[p.StoreID]++
			}
		}
	}
	return leaders, replicas
}

// byCount returns the stores, the one with the most first.
func byCount(counts map[uint64]int) []uint64 {
	ids := make([]uint64, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uint64) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	return ids
}

// leaderLimit is how many transfers may be in flight in the whole cluster: one, unless leaders are very uneven.
func (c *cluster) leaderLimit(leaders map[uint64]int) int {
	var sum, squares float64
	for _, n := range leaders {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	n := max(float64(len(leaders)), 1)
	deviation := math.Sqrt(max(squares/n-(sum/n)*(sum/n), 0))
	return min(max(1, int(deviation/10)), c.cfg.LimitLeader)
}

func (c *cluster) balanceLeader(from, to uint64, now time.Time) {
	for _, cell := range c.sortedCells() {
		heir, there := cell.meta.PeerOn(to)
		if cell.leader.StoreID == from && there && cell.sound(heir) && c.operators[cell.meta.ID] == nil {
			c.operators[cell.meta.ID] = c.newOperator(cell, kindLeader, now, step{stepTransfer, heir})
			slog.Info("balance a leader", "cell", cell.meta.ID, "from", from, "to", to)
			return
		}
	}
}

// balanceReplica moves one replica to the emptiest store, from the fullest that can give one up without its cell's
// replicas standing closer together.
func (c *cluster) balanceReplica(replicas map[uint64]int, now time.Time) {
	order := byCount(replicas)
	to := order[len(order)-1]
	if c.cfg.LimitCell == 0 || !c.roomy(c.stores[to]) {
		return
	}
	for _, from := range order {
		if replicas[from]-replicas[to] < 2 {
			break
		}
		for _, cell := range c.sortedCells() {
			if !c.movable(cell, from, to) {
				continue
			}
			old, _ := cell.meta.PeerOn(from)
			if op := c.replaceOn(cell, old, to, kindCell, now); op != nil {
				c.operators[cell.meta.ID] = op
				slog.Info("balance a replica", "cell", cell.meta.ID, "from", from, "to", to)
			}
			return
		}
	}
	c.nextBalance = now.Add(5 * time.Second) // nothing can move: look again later
}

// movable says whether the cell is whole and its replica on one store may as well stand on the other.
func (c *cluster) movable(cell *cellInfo, from, to uint64) bool {
	old, has := cell.meta.PeerOn(from)
	_, there := cell.meta.PeerOn(to)
	if !has || there || c.operators[cell.meta.ID] != nil || len(cell.down)+len(cell.pending) > 0 || len(cell.meta.Peers) != c.cfg.MaxReplicas {
		return false
	}
	others := c.storesOf(cell, old)
	labels := c.cfg.LocationLabels
	return isolation(labels, c.stores[to].meta, others) >= isolation(labels, c.stores[from].meta, others)
}

func (c *cluster) sortedCells() []*cellInfo {
	cells := make([]*cellInfo, 0, len(c.cells))
	for _, cell := range c.cells {
		cells = append(cells, cell)
	}
	slices.SortFunc(cells, func(a, b *cellInfo) int { return cmp.Compare(a.meta.ID, b.meta.ID) })
	return cells
}

// refusal is an error in upstream's words.
type refusal string

func (r refusal) Error() string { return string(r) }

const errLimit = refusal("Scheduler not performed by limit")

// transferLeader is the API's order. It is refused while another transfer is in flight anywhere; and it is accepted,
// and forgotten, while the cell has another operator.
func (c *cluster) transferLeader(cellID, toPeer uint64, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.bootstrapped {
		return errNotBootstrapped
	}
	cell := c.cells[cellID]
	if cell == nil {
		return refusal(fmt.Sprintf("Cell %d not found", cellID))
	}
	heir, there := cell.meta.Peer(toPeer)
	if !there {
		return refusal(fmt.Sprintf("Peer %d not found", toPeer))
	}
	leaders := map[uint64]int{}
	for _, s := range c.stores {
		if s.meta.State == meta.Up {
			leaders[s.meta.ID] = 0
		}
	}
	for _, other := range c.cells {
		if other.leader != nil {
			leaders[other.leader.StoreID]++
		}
	}
	if c.count(kindLeader) >= c.leaderLimit(leaders) {
		return errLimit
	}
	if c.operators[cellID] == nil {
		c.operators[cellID] = c.newOperator(cell, kindLeader, now, step{stepTransfer, heir})
	}
	return nil
}
