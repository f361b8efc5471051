// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"fmt"
	"slices"
	"time"
)

// operatorTimeout is after how long PD gives an operator up.
const operatorTimeout = 5 * time.Minute

type peer struct {
	id, store uint64
	pending   int // steps until it has caught up; it neither votes nor leads before
}

type cell struct {
	id               uint64
	start, end       []byte
	confVer, cellVer uint64
	peers            []*peer
	leader           *peer
	reported         bool // the present PD leader has had a heartbeat of it
}

func (c *cell) on(store uint64) *peer {
	for _, p := range c.peers {
		if p.store == store {
			return p
		}
	}
	return nil
}

func (c *cell) remove(p *peer) {
	c.peers = slices.DeleteFunc(c.peers, func(q *peer) bool { return q == p })
	if c.leader == p {
		c.leader = nil
	}
	c.confVer++
}

// operator is a transfer of a leader; peers are moved by Step without one being seen.
type operator struct {
	cell    *cell
	target  *peer
	startAt time.Time
}

// transfer is what PUT leader does.
func (pd *PD) transfer(cellID, peerID uint64) error {
	i := slices.IndexFunc(pd.cells, func(c *cell) bool { return c.id == cellID })
	if i < 0 {
		return fmt.Errorf("Cell %d not found", cellID) //lint:ignore ST1005 PD's own words
	}
	c := pd.cells[i]
	j := slices.IndexFunc(c.peers, func(p *peer) bool { return p.id == peerID })
	if j < 0 {
		return fmt.Errorf("Peer %d not found", peerID) //lint:ignore ST1005 PD's own words
	}
	if len(pd.operators) >= pd.config.TransferLimit {
		return fmt.Errorf("Scheduler not performed by limit") //lint:ignore ST1005 PD's own words
	}
	pd.operators = append(pd.operators, &operator{cell: c, target: c.peers[j], startAt: pd.config.Now()})
	return nil
}

// Step is one round of cell heartbeats: dead leaders are replaced, pending
// replicas catch up, ordered transfers happen, then Down stores are drained,
// dead ones given up and missing replicas added. What stores say of themselves
// (cellCount, leaderCount) follows with their next Heartbeat.
func (pd *PD) Step() {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	for _, c := range pd.cells {
		pd.electLeader(c)
		for _, p := range c.peers {
			if p.pending > 0 && pd.alive(p.store) {
				p.pending--
			}
		}
	}
	if !pd.leads() {
		return
	}
	pd.finishTransfers()
	moves := pd.config.MovesPerStep
	for _, c := range pd.cells {
		if moves > 0 && pd.schedule(c) {
			moves--
		}
		c.reported = c.reported || c.leader != nil
	}
}

// Tick is a Step, and then a Heartbeat of all running stores.
func (pd *PD) Tick() {
	pd.Step()
	pd.Heartbeat()
}

// Settle ticks until nothing changes any more, at most a thousand times.
func (pd *PD) Settle() {
	for range 1000 {
		before := pd.fingerprint()
		pd.Tick()
		if pd.fingerprint() == before {
			return
		}
	}
}

func (pd *PD) fingerprint() string {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	var b []byte
	for _, c := range pd.cells {
		b = fmt.Append(b, c.id, c.confVer, c.reported, c.leader)
		for _, p := range c.peers {
			b = fmt.Append(b, *p)
		}
	}
	for _, s := range pd.stores {
		b = fmt.Append(b, s.id, s.state, s.cellCount, s.leaderCnt)
	}
	return string(fmt.Append(b, len(pd.operators)))
}

// Balance moves one leader from the store that leads most to the one that
// leads least, if they differ by two or more, as PD does seconds after an eviction.
func (pd *PD) Balance() {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	leaders := pd.leaders()
	for _, c := range pd.cells {
		for _, p := range c.peers {
			if c.leader != nil && p.pending == 0 && pd.alive(p.store) && leaders[c.leader.store] >= leaders[p.store]+2 {
				c.leader = p
				return
			}
		}
	}
}

func (pd *PD) leaders() map[uint64]int {
	leaders := make(map[uint64]int, len(pd.stores))
	for _, c := range pd.cells {
		if c.leader != nil {
			leaders[c.leader.store]++
		}
	}
	return leaders
}

func (pd *PD) alive(id uint64) bool {
	s := pd.store(id)
	return s != nil && s.running
}

// electLeader is raft's own: a cell whose leader died elects another while a majority lives.
func (pd *PD) electLeader(c *cell) {
	if c.leader != nil && pd.alive(c.leader.store) {
		return
	}
	var next *peer
	alive := 0
	for _, p := range c.peers {
		if p.pending == 0 && pd.alive(p.store) {
			alive++
			if next == nil {
				next = p
			}
		}
	}
	if 2*alive > len(c.peers) {
		c.leader = next
	} else {
		c.leader = nil
	}
}

// finishTransfers carries out the transfers whose target lives; the others stay, and hold their place, until they time out.
func (pd *PD) finishTransfers() {
	pd.operators = slices.DeleteFunc(pd.operators, func(o *operator) bool {
		if pd.config.Now().Sub(o.startAt) > operatorTimeout {
			return true
		}
		if o.cell.leader != nil && o.target.pending == 0 && pd.alive(o.target.store) {
			o.cell.leader = o.target
			return true
		}
		return false
	})
}

// schedule changes the peers of a cell by one step, and reports whether it did.
func (pd *PD) schedule(c *cell) bool {
	if c.leader == nil {
		return false
	}
	for _, p := range c.peers {
		if pd.gone(p) {
			c.remove(p) // before there is a replacement
			return true
		}
	}
	for _, p := range c.peers {
		if pd.store(p.store).state == down {
			return pd.moveAway(c, p)
		}
	}
	return len(c.peers) < pd.config.MaxReplicas && pd.addPeer(c)
}

// silence is for how long a peer's store has not run; 0 while it does.
func (pd *PD) silence(p *peer) time.Duration {
	s := pd.store(p.store)
	if s == nil || s.running {
		return 0
	}
	return max(pd.config.Now().Sub(s.stopped), 1)
}

// gone reports whether PD gives a peer up: its cell says that it is down, and
// its store has been silent for too long or, since a PD leader that was just
// elected knows no heartbeat, for ever.
func (pd *PD) gone(p *peer) bool {
	s := pd.store(p.store)
	return s.state == up && pd.silence(p) >= pd.config.PeerDownAfter &&
		(s.heartbeat.IsZero() || pd.config.Now().Sub(s.heartbeat) >= pd.config.DownAfter)
}

// moveAway takes a peer off a Down store. The old peer goes at once if others
// have the data, and the list of its store is empty while the copy is pending.
// Without a spare store nothing happens, and nothing says why.
func (pd *PD) moveAway(c *cell, p *peer) bool {
	if len(c.peers) <= pd.config.MaxReplicas && !pd.addPeer(c) {
		return false
	}
	for _, other := range c.peers {
		if other != p && other.pending == 0 {
			c.remove(p)
			pd.electLeader(c)
			break
		}
	}
	return true
}

// addPeer puts a replica on the Up, running store with the fewest, if one has none of this cell.
func (pd *PD) addPeer(c *cell) bool {
	count := make(map[uint64]int, len(pd.stores))
	for _, other := range pd.cells {
		for _, p := range other.peers {
			count[p.store]++
		}
	}
	var target *store
	for _, s := range pd.stores {
		if s.state == up && s.running && c.on(s.id) == nil && (target == nil || count[s.id] < count[target.id]) {
			target = s
		}
	}
	if target == nil {
		return false
	}
	c.peers = append(c.peers, &peer{id: pd.nextID(), store: target.id, pending: max(pd.config.PendingSteps, 0)})
	c.confVer++
	return true
}
