// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"fmt"
	"time"
)

// The forms of PD's answers, written down apart from the client's so that the
// two check each other.

type wireEnvelope struct {
	Code  int    `json:"code"`
	Error string `json:"error"`
	Value any    `json:"value"`
}

type wireInit struct {
	InitCellCount uint64 `json:"initCellCount"`
	CellCapacity  uint64 `json:"cellCapacity"`
}

type wireSystem struct {
	AlreadyBootstrapped      bool      `json:"alreadyBootstrapped"`
	InitParams               *wireInit `json:"initParams"`
	MaxReplicas              int       `json:"maxReplicas"`
	StoreCount               int       `json:"storeCount"`
	OfflineStoreCount        int       `json:"offlineStoreCount"`
	TombStoneStoreCount      int       `json:"tombStoneStoreCount"`
	CellCount                int       `json:"cellCount"`
	ReplicasNotFullCellCount int       `json:"replicasNotFullCellCount"`
	StorageCapacity          uint64    `json:"storageCapacity"`
	StorageAvailable         uint64    `json:"storageAvailable"`
	OperatorCount            int       `json:"operatorCount"`
}

func (pd *PD) system() wireSystem {
	sys := wireSystem{AlreadyBootstrapped: pd.bootstrapped, InitParams: pd.init}
	if !pd.bootstrapped {
		return sys
	}
	sys.MaxReplicas, sys.OperatorCount = pd.config.MaxReplicas, len(pd.operators)
	sys.StoreCount, sys.CellCount = len(pd.stores), len(pd.cells)
	for _, s := range pd.stores {
		switch {
		case s.state == down:
			sys.OfflineStoreCount++
		case s.state == tombstone:
			sys.TombStoneStoreCount++
		case !s.heartbeat.IsZero():
			sys.StorageCapacity += s.Capacity
			sys.StorageAvailable += s.Capacity
		}
	}
	for _, c := range pd.cells {
		if len(c.peers) < pd.config.MaxReplicas {
			sys.ReplicasNotFullCellCount++
		}
	}
	return sys
}

type wireLabel struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type wireStore struct {
	Meta struct {
		ID            uint64      `json:"id"`
		Address       string      `json:"address"`
		Labels        []wireLabel `json:"lables"`
		State         int         `json:"state"`
		ClientAddress string      `json:"clientAddress"`
	} `json:"meta"`
	Status struct {
		Stats           wireStats `json:"stats"`
		LeaderCount     int       `json:"leaderCount"`
		LastHeartbeatTS int64     `json:"lastHeartbeatTS"`
	} `json:"status"`
}

type wireStats struct {
	StoreID            uint64 `json:"storeID"`
	Capacity           uint64 `json:"capacity"`
	Available          uint64 `json:"available"`
	CellCount          int    `json:"cellCount"`
	SendingSnapCount   int    `json:"sendingSnapCount"`
	ReceivingSnapCount int    `json:"receivingSnapCount"`
	StartTime          int64  `json:"startTime"`
	ApplyingSnapCount  int    `json:"applyingSnapCount"`
	IsBusy             bool   `json:"isBusy"`
	UsedSize           uint64 `json:"usedSize"`
	BytesWritten       uint64 `json:"bytesWritten"`
	LogLevel           int    `json:"logLevel"`
}

func (pd *PD) storeList() []wireStore {
	list := make([]wireStore, len(pd.stores))
	for i, s := range pd.stores {
		w := &list[i]
		w.Meta.ID, w.Meta.Address, w.Meta.ClientAddress, w.Meta.State = s.id, s.Address, s.ClientAddress, s.state
		w.Meta.Labels = []wireLabel{{"zone", s.Zone}, {"rack", s.Rack}}
		w.Status.LastHeartbeatTS = s.heartbeat.Unix() // Go's zero time is -62135596800
		if s.heartbeat.IsZero() || s.state == tombstone {
			continue
		}
		w.Status.LeaderCount = s.leaderCnt
		w.Status.Stats = wireStats{
			StoreID: s.id, Capacity: s.Capacity, Available: s.Capacity, CellCount: s.cellCount,
			ReceivingSnapCount: pd.receiving(s.id), StartTime: s.started.Unix(), LogLevel: 15,
		}
	}
	return list
}

func (pd *PD) receiving(id uint64) int {
	n := 0
	for _, c := range pd.cells {
		if p := c.on(id); p != nil && p.pending > 0 {
			n++
		}
	}
	return n
}

type wirePeer struct {
	ID      uint64 `json:"id"`
	StoreID uint64 `json:"storeID"`
}

type wireDownPeer struct {
	Peer        wirePeer `json:"peer"`
	DownSeconds uint64   `json:"downSeconds"`
}

type wireCell struct {
	Meta struct {
		ID    uint64 `json:"id"`
		Start []byte `json:"start"`
		End   []byte `json:"end"`
		Epoch struct {
			ConfVer uint64 `json:"confVer"`
			CellVer uint64 `json:"cellVer"`
		} `json:"epoch"`
		Peers []wirePeer `json:"peers"`
	} `json:"meta"`
	Leader       *wirePeer      `json:"leader"`
	DownPeers    []wireDownPeer `json:"downPeers"`
	PendingPeers []wirePeer     `json:"pendingPeers"`
}

// cellList lists the cells with a peer on a store, or all for 0. An empty list
// is printed as [], one without down or pending peers as null.
func (pd *PD) cellList(on uint64) []wireCell {
	list := []wireCell{}
	for _, c := range pd.cells {
		if on == 0 || c.on(on) != nil {
			list = append(list, pd.wireCell(c))
		}
	}
	return list
}

func (pd *PD) wireCell(c *cell) wireCell {
	var w wireCell
	w.Meta.ID, w.Meta.Start, w.Meta.End = c.id, c.start, c.end
	w.Meta.Epoch.ConfVer, w.Meta.Epoch.CellVer = c.confVer, c.cellVer
	for _, p := range c.peers {
		wp := wirePeer{p.id, p.store}
		w.Meta.Peers = append(w.Meta.Peers, wp)
		if !c.reported {
			continue // all that a fresh leader knows is etcd's: who the peers are
		}
		if c.leader == p {
			w.Leader = &wp
		}
		if p.pending > 0 {
			w.PendingPeers = append(w.PendingPeers, wp)
		}
		if silent := pd.silence(p); silent >= pd.config.PeerDownAfter {
			w.DownPeers = append(w.DownPeers, wireDownPeer{wp, uint64(silent.Seconds())})
		}
	}
	return w
}

type wireOperator struct {
	CellID    uint64    `json:"cellID"`
	StartAt   time.Time `json:"startAt"`
	EndAt     time.Time `json:"endAt"`
	LastIndex int       `json:"lastIndex"`
	Ops       []wireOp  `json:"ops"`
}

type wireOp struct {
	Name string `json:"name"`
}

func (pd *PD) operatorList() []wireOperator {
	var list []wireOperator // null when there are none
	for _, o := range pd.operators {
		list = append(list, wireOperator{CellID: o.cell.id, StartAt: o.startAt, Ops: []wireOp{{"transfer_leader"}}})
	}
	return list
}

type wireMember struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peerURLs"`
	ClientURLs []string `json:"clientURLs"`
}

func (pd *PD) memberList() map[string][]wireMember {
	list := []wireMember{}
	for _, m := range pd.listed() {
		w := wireMember{ID: fmt.Sprintf("%x", m.id), PeerURLs: []string{m.peerURL}, ClientURLs: []string{}}
		if m.started {
			w.Name, w.ClientURLs = m.name, []string{m.client}
		}
		list = append(list, w)
	}
	return map[string][]wireMember{"members": list}
}
