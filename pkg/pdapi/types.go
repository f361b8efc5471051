// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"strconv"
	"time"
)

// StoreState is PD's word on what a store may be used for. It does not tell
// whether the store lives: a dead store stays Up, only its heartbeat ages.
type StoreState int

// The states of a store. There is no way back from a later one to an earlier one.
const (
	// Up stores take cells.
	Up StoreState = 0
	// Down stores are being drained. They still serve, and lead cells until they are empty.
	Down StoreState = 1
	// Tombstone stores are gone for good; PD keeps them on its list and refuses their process at its next start.
	Tombstone StoreState = 2
)

// String names the state as PD's source does.
func (s StoreState) String() string {
	switch s {
	case Up:
		return "Up"
	case Down:
		return "Down"
	case Tombstone:
		return "Tombstone"
	}
	return "StoreState(" + strconv.Itoa(int(s)) + ")"
}

// Store is one store as PD's leader sees it.
type Store struct {
	// ID comes from a counter shared with cells and peers; an empty data directory gets a new one.
	ID uint64
	// Address is where other stores reach it; PD follows a change of it.
	Address string
	// ClientAddress is where proxies reach it. PD never changes it again.
	ClientAddress string
	// Labels hold zone and rack.
	Labels map[string]string
	// State may be written back from Down to Up once, by a heartbeat that was under way: trust Down only when it is seen again a heartbeat later.
	State StoreState

	// Capacity, Available and UsedSize are bytes; Capacity is the file system's, not the volume's request.
	Capacity, Available, UsedSize uint64
	// CellCount and LeaderCount are as of the last heartbeat and lag behind the cells' own list.
	CellCount, LeaderCount int
	// SendingSnapCount, ReceivingSnapCount and ApplyingSnapCount count snapshots in work.
	SendingSnapCount, ReceivingSnapCount, ApplyingSnapCount int
	// Busy stores take no new cells for the moment.
	Busy bool

	// StartTime is when the store's process started; zero where unknown.
	StartTime time.Time
	// LastHeartbeat is by PD's clock, to the second. Zero: unknown to this PD leader, which may have been elected a moment ago.
	LastHeartbeat time.Time
	// ObservedAt is PD's own clock when it answered, to the second; zero if the answer did not say.
	// It makes the heartbeat's age independent of how well the clocks of PD and reader agree.
	ObservedAt time.Time
}

// HeartbeatAge tells how old the last heartbeat was when PD answered, and
// whether it is known at all. Where the answer did not carry PD's clock, now
// takes its place.
func (s *Store) HeartbeatAge(now time.Time) (age time.Duration, known bool) {
	if s.LastHeartbeat.IsZero() {
		return 0, false
	}
	at := s.ObservedAt
	if at.IsZero() {
		at = now
	}
	return max(at.Sub(s.LastHeartbeat), 0), true
}

// Fresh reports whether the heartbeat is known and was no older than limit when PD answered.
func (s *Store) Fresh(now time.Time, limit time.Duration) bool {
	age, known := s.HeartbeatAge(now)
	return known && age <= limit
}

// Peer is one replica of a cell.
type Peer struct {
	ID, StoreID uint64
}

// DownPeer is a replica that its cell's leader has not heard of for Down.
// Leaders report one only after their -limit-peer-down (300 s by default).
type DownPeer struct {
	Peer Peer
	Down time.Duration
}

// Cell is one range of keys, replicated by one raft group.
type Cell struct {
	ID uint64
	// Start and End bound the range; an empty End is the end of all keys.
	Start, End []byte
	// ConfVer grows with each change of peers, CellVer with each split.
	ConfVer, CellVer uint64
	Peers            []Peer
	// Leader is nil until the cell's first heartbeat to this PD leader.
	Leader *Peer
	// DownPeers and PendingPeers are, like Leader, empty until that heartbeat.
	DownPeers    []DownPeer
	PendingPeers []Peer
}

// PeerOn returns the cell's peer on a store, and whether there is one.
func (c *Cell) PeerOn(storeID uint64) (Peer, bool) {
	for _, p := range c.Peers {
		if p.StoreID == storeID {
			return p, true
		}
	}
	return Peer{}, false
}

// LedBy reports whether the cell's known leader is on the store.
func (c *Cell) LedBy(storeID uint64) bool {
	return c.Leader != nil && c.Leader.StoreID == storeID
}

// InitParams are set once, before the first store starts, and never again.
type InitParams struct {
	// InitCellCount is the number of cells at the start. 1 places keys by their order, more by their hash.
	InitCellCount uint64 `json:"initCellCount"`
	// CellCapacity is bytes. PD keeps it; stores go by their own -capacity-cell.
	CellCapacity uint64 `json:"cellCapacity"`
}

// System is PD's summary of the cluster.
type System struct {
	// AlreadyBootstrapped true holds for ever. False is no proof: a leader that has just been elected may not have loaded the cluster.
	AlreadyBootstrapped bool
	// InitParams is nil where nobody has set them.
	InitParams *InitParams
	// MaxReplicas is 0 before the bootstrap.
	MaxReplicas int
	// StoreCount includes Down and Tombstone ones.
	StoreCount, OfflineStoreCount, TombstoneStoreCount int
	CellCount                                          int
	// ReplicasNotFullCellCount counts cells with fewer than MaxReplicas peers, pending ones counted as peers.
	ReplicasNotFullCellCount int
	OperatorCount            int
	// StorageCapacity and StorageAvailable are bytes over all Up stores.
	StorageCapacity, StorageAvailable uint64
}

// Member is one PD in etcd's membership.
type Member struct {
	ID uint64
	// ClusterID is the id of the cluster that lists the member, from the header
	// X-Etcd-Cluster-ID; 0 where the answer has none. It stays the same for the life of PD's data.
	ClusterID uint64
	// Name is empty for a member that was added and has never started.
	Name       string
	PeerURLs   []string
	ClientURLs []string
}

// Operator is what PD is doing to a cell at the moment. It times out after 5 minutes and lives only in the leader's memory.
type Operator struct {
	CellID uint64
	// StartAt is by PD's clock; zero where PD did not say.
	StartAt time.Time
	// Steps name what is done, in order: "transfer_leader", "add_peer", "remove_peer", ….
	Steps []string
}
