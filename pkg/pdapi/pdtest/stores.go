// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"errors"
	"fmt"
	"time"
)

// What a store's process dies of at its start.
var (
	// ErrDuplicatedAddress: another store that is no tombstone has the address.
	ErrDuplicatedAddress = errors.New("duplicated store address")
	// ErrTombstone: the store was taken out for good.
	ErrTombstone = errors.New("store is tombstone")
	// ErrNoStore: PD does not know the id.
	ErrNoStore = errors.New("store not found")
)

// The states of a store, as PD prints them.
const (
	up = iota
	down
	tombstone
)

// Store is what a store says of itself when it starts.
type Store struct {
	Address, ClientAddress string
	// Zone and Rack become labels.
	Zone, Rack string
	// Capacity is bytes; 10 GiB by default.
	Capacity uint64
}

type store struct {
	Store
	id uint64
	// state is the leader's memory, stored is etcd's: they differ while a heartbeat has written Up back over Down.
	state, stored int
	raceDown      bool // the next DELETE meets a heartbeat under way
	writeBackUp   bool // that heartbeat comes next
	running       bool
	gaveUp        bool // it runs, and never reports again
	// started is the process's last start, stopped its last end.
	started, stopped time.Time

	// What the leader has heard; zero after an election.
	heartbeat            time.Time
	cellCount, leaderCnt int
}

func (s *store) forget() {
	s.heartbeat, s.cellCount, s.leaderCnt = time.Time{}, 0, 0
	s.state, s.writeBackUp = s.stored, false
}

func (pd *PD) store(id uint64) *store {
	for _, s := range pd.stores {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (pd *PD) nextID() uint64 {
	pd.lastID++
	return pd.lastID
}

// AddStore starts a store with an empty data directory and returns its id. The
// first one bootstraps the cluster; later ones are empty until Step fills them.
// With ErrDuplicatedAddress the id is spent all the same, as in its data directory.
func (pd *PD) AddStore(s Store) (uint64, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	id := pd.nextID()
	return id, pd.addStore(id, s)
}

func (pd *PD) addStore(id uint64, s Store) error {
	for _, other := range pd.stores {
		if other.Address == s.Address && other.state != tombstone {
			return fmt.Errorf("add store %d: %w: %s is store %d", id, ErrDuplicatedAddress, s.Address, other.id)
		}
	}
	setDefault(&s.Capacity, 10<<30)
	added := &store{Store: s, id: id, running: true, started: pd.config.Now()}
	pd.stores = append(pd.stores, added)
	if !pd.bootstrapped {
		pd.bootstrapped = true
		pd.addInitialCells(added)
	}
	pd.hear(added)
	pd.hearCells(added)
	return nil
}

// AddStoresAtOnce starts several stores on an empty cluster, none of which waits
// for another: each keeps its own set of initial cells, and the key space is
// corrupt. It returns the ids.
func (pd *PD) AddStoresAtOnce(stores ...Store) ([]uint64, error) {
	var ids []uint64
	for i, s := range stores {
		id, err := pd.AddStore(s)
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
		if i > 0 {
			pd.mu.Lock()
			pd.addInitialCells(pd.store(id))
			pd.mu.Unlock()
			pd.Heartbeat(id)
		}
	}
	return ids, nil
}

// addInitialCells gives a store one replica of each initial cell.
func (pd *PD) addInitialCells(s *store) {
	count := 1
	if pd.init != nil {
		count = int(pd.init.InitCellCount)
	}
	for i := range count {
		c := &cell{id: pd.nextID(), confVer: 1, cellVer: 1, start: bound(i, count), end: bound(i+1, count)}
		c.peers = []*peer{{id: pd.nextID(), store: s.id}}
		c.leader = c.peers[0]
		pd.cells = append(pd.cells, c)
	}
}

// bound is the i-th of count borders; the first and the last are open.
func bound(i, count int) []byte {
	if i == 0 || i == count {
		return nil
	}
	return []byte{byte(i * 256 / count), byte(i * 65536 / count)}
}

// StopStore ends a store's process. Its cells get other leaders at the next Step.
func (pd *PD) StopStore(id uint64) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if s := pd.store(id); s != nil {
		s.running, s.stopped = false, pd.config.Now()
	}
}

// GiveUp makes a store that runs never report again until it is started anew, as one does that could not reach PD for too long.
func (pd *PD) GiveUp(id uint64) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if s := pd.store(id); s != nil {
		s.gaveUp = true
	}
}

// StartStore starts a store again with its data. PD follows a change of its
// address and labels, never of its client address; a zero Store changes nothing.
func (pd *PD) StartStore(id uint64, as Store) error {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	s := pd.store(id)
	switch {
	case s == nil:
		return fmt.Errorf("start store %d: %w", id, ErrNoStore)
	case s.state == tombstone:
		return fmt.Errorf("start store %d: %w", id, ErrTombstone)
	}
	if as.Address != "" {
		s.Address, s.Zone, s.Rack = as.Address, as.Zone, as.Rack
	}
	s.running, s.gaveUp, s.started = true, false, pd.config.Now()
	pd.hear(s)
	return nil
}

// Heartbeat makes running stores report, themselves and the cells they lead: those named, or all.
func (pd *PD) Heartbeat(ids ...uint64) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	for _, s := range pd.chosen(ids) {
		pd.hear(s)
		pd.hearCells(s)
	}
}

// StoreHeartbeat makes running stores report themselves, but not their cells.
func (pd *PD) StoreHeartbeat(ids ...uint64) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	for _, s := range pd.chosen(ids) {
		pd.hear(s)
	}
}

func (pd *PD) chosen(ids []uint64) []*store {
	var out []*store
	for _, s := range pd.stores {
		wanted := len(ids) == 0
		for _, id := range ids {
			wanted = wanted || id == s.id
		}
		if wanted && s.running && !s.gaveUp && s.state != tombstone {
			out = append(out, s)
		}
	}
	return out
}

// hear takes a store's heartbeat in; PD's leader must be there to hear it.
func (pd *PD) hear(s *store) {
	if !pd.leads() {
		return
	}
	if s.writeBackUp {
		s.state, s.writeBackUp = up, false
	}
	s.heartbeat = pd.config.Now()
	s.cellCount, s.leaderCnt = 0, 0
	for _, c := range pd.cells {
		if c.on(s.id) != nil {
			s.cellCount++
		}
		if c.leader != nil && c.leader.store == s.id {
			s.leaderCnt++
		}
	}
}

func (pd *PD) hearCells(s *store) {
	if !pd.leads() {
		return
	}
	for _, c := range pd.cells {
		if c.leader != nil && c.leader.store == s.id {
			c.reported = true
		}
	}
}

func (pd *PD) leads() bool { return pd.leader != "" && pd.member(pd.leader).running }

// RaceNextDown lets the next DELETE of a store meet a heartbeat under way: the
// store's next heartbeat writes Up back, in the leader's memory only.
func (pd *PD) RaceNextDown(id uint64) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if s := pd.store(id); s != nil {
		s.raceDown = true
	}
}

// Down and Tombstone are what DELETE does, without and with ?force.
func (pd *PD) Down(id uint64) error { return pd.locked(func() error { return pd.takeDown(id) }) }

// Tombstone ends a store from any state, without a look at its cells.
func (pd *PD) Tombstone(id uint64) error { return pd.locked(func() error { return pd.end(id) }) }

func (pd *PD) locked(do func() error) error {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return do()
}

func (pd *PD) takeDown(id uint64) error {
	s := pd.store(id)
	switch {
	case s == nil:
		return fmt.Errorf("store %d not found", id)
	case s.state == tombstone:
		return errors.New("store has been removed")
	}
	s.state, s.stored = down, down
	s.writeBackUp, s.raceDown = s.raceDown, false
	return nil
}

func (pd *PD) end(id uint64) error {
	s := pd.store(id)
	if s == nil {
		return fmt.Errorf("store %d not found", id)
	}
	s.state, s.stored, s.writeBackUp = tombstone, tombstone, false
	s.cellCount, s.leaderCnt = 0, 0
	return nil
}
