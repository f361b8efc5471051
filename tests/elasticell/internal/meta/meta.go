// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package meta holds the words that PD, stores and proxies share: stores, cells, peers, and how a key finds its cell.
// The JSON names are those of Elasticell's HTTP API, misspellings included.
package meta

// State is a store's state in PD.
type State int

// The states PD knows. A dead store stays Up: its death shows only in an old heartbeat.
const (
	Up State = iota
	Down
	Tombstone
)

func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Down:
		return "down"
	case Tombstone:
		return "tombstone"
	}
	return "unknown"
}

// Label is one location label of a store.
type Label struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Store is what PD keeps of a store for ever.
type Store struct {
	ID            uint64  `json:"id"`
	Address       string  `json:"address"`
	Labels        []Label `json:"lables"` // upstream's spelling
	State         State   `json:"state"`
	ClientAddress string  `json:"clientAddress"`
}

// Label returns the value of the label key, or "".
func (s Store) Label(key string) string {
	for _, l := range s.Labels {
		if l.Key == key {
			return l.Value
		}
	}
	return ""
}

// StoreStats is what a store reports in its heartbeat. Sizes are bytes, StartTime is a Unix time in seconds.
type StoreStats struct {
	StoreID            uint64 `json:"storeID"`
	Capacity           uint64 `json:"capacity"`
	Available          uint64 `json:"available"`
	CellCount          uint32 `json:"cellCount"`
	SendingSnapCount   uint32 `json:"sendingSnapCount"`
	ReceivingSnapCount uint32 `json:"receivingSnapCount"`
	StartTime          uint32 `json:"startTime"`
	ApplyingSnapCount  uint32 `json:"applyingSnapCount"`
	IsBusy             bool   `json:"isBusy"`
	UsedSize           uint64 `json:"usedSize"`
	BytesWritten       uint64 `json:"bytesWritten"`
	LogLevel           int32  `json:"logLevel"`
}

// Peer is one replica of a cell.
type Peer struct {
	ID      uint64 `json:"id"`
	StoreID uint64 `json:"storeID"`
}

// Epoch orders the descriptions of one cell.
type Epoch struct {
	ConfVer uint64 `json:"confVer"`
	CellVer uint64 `json:"cellVer"`
}

// Cell is a range of the key space and its replicas. An empty End is the end of the key space.
type Cell struct {
	ID    uint64 `json:"id"`
	Start []byte `json:"start"`
	End   []byte `json:"end"`
	Epoch Epoch  `json:"epoch"`
	Peers []Peer `json:"peers"`
}

// Clone returns a copy that shares nothing that changes.
func (c Cell) Clone() Cell {
	c.Peers = append([]Peer(nil), c.Peers...)
	return c
}

// PeerOn returns the cell's peer on the store.
func (c Cell) PeerOn(store uint64) (Peer, bool) {
	for _, p := range c.Peers {
		if p.StoreID == store {
			return p, true
		}
	}
	return Peer{}, false
}

// Peer returns the cell's peer of the id.
func (c Cell) Peer(id uint64) (Peer, bool) {
	for _, p := range c.Peers {
		if p.ID == id {
			return p, true
		}
	}
	return Peer{}, false
}

// DownPeer is a peer its leader has not heard of for a while.
type DownPeer struct {
	Peer        Peer   `json:"peer"`
	DownSeconds uint64 `json:"downSeconds"`
}

// InitParams are given once, before the bootstrap, and decide the mapping of keys to cells for ever.
type InitParams struct {
	InitCellCount uint64 `json:"initCellCount"`
	CellCapacity  uint64 `json:"cellCapacity"` // bytes; kept, and used by nobody
}
