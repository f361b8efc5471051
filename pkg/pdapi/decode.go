// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The forms of PD's answers. Fields that PD always prints are pointers, so that
// their absence shows an answer that is not PD's; unknown fields are let pass.

type wireStore struct {
	Meta struct {
		ID      uint64 `json:"id"`
		Address string `json:"address"`
		// PD spells it so.
		Labels []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"lables"`
		State         *StoreState `json:"state"`
		ClientAddress string      `json:"clientAddress"`
	} `json:"meta"`
	Status struct {
		Stats struct {
			Capacity           uint64 `json:"capacity"`
			Available          uint64 `json:"available"`
			UsedSize           uint64 `json:"usedSize"`
			CellCount          int    `json:"cellCount"`
			SendingSnapCount   int    `json:"sendingSnapCount"`
			ReceivingSnapCount int    `json:"receivingSnapCount"`
			ApplyingSnapCount  int    `json:"applyingSnapCount"`
			StartTime          int64  `json:"startTime"`
			Busy               bool   `json:"isBusy"`
		} `json:"stats"`
		LeaderCount     int   `json:"leaderCount"`
		LastHeartbeatTS int64 `json:"lastHeartbeatTS"`
	} `json:"status"`
}

type wirePeer struct {
	ID      uint64 `json:"id"`
	StoreID uint64 `json:"storeID"`
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
	Leader    *wirePeer `json:"leader"`
	DownPeers []struct {
		Peer        wirePeer `json:"peer"`
		DownSeconds uint64   `json:"downSeconds"`
	} `json:"downPeers"`
	PendingPeers []wirePeer `json:"pendingPeers"`
}

type wireSystem struct {
	AlreadyBootstrapped      *bool       `json:"alreadyBootstrapped"`
	InitParams               *InitParams `json:"initParams"`
	MaxReplicas              int         `json:"maxReplicas"`
	StoreCount               int         `json:"storeCount"`
	OfflineStoreCount        int         `json:"offlineStoreCount"`
	TombstoneStoreCount      int         `json:"tombStoneStoreCount"`
	CellCount                int         `json:"cellCount"`
	ReplicasNotFullCellCount int         `json:"replicasNotFullCellCount"`
	StorageCapacity          uint64      `json:"storageCapacity"`
	StorageAvailable         uint64      `json:"storageAvailable"`
	OperatorCount            int         `json:"operatorCount"`
}

type wireOperator struct {
	CellID uint64 `json:"cellID"`
	// PD prints Go's time; whatever else stands here is not worth losing the list for.
	StartAt json.RawMessage `json:"startAt"`
	Ops     []struct {
		Name string `json:"name"`
	} `json:"ops"`
}

type wireMembers struct {
	Members *[]struct {
		ID         string   `json:"id"`
		Name       string   `json:"name"`
		PeerURLs   []string `json:"peerURLs"`
		ClientURLs []string `json:"clientURLs"`
	} `json:"members"`
}

// envelope is around every answer under /pd/api/v1.
type envelope struct {
	Code  *int            `json:"code"`
	Error string          `json:"error"`
	Value json.RawMessage `json:"value"`
}

// open takes the value out of PD's envelope; a code other than 0 is an *APIError.
func open(r request, endpoint string, a answer) (json.RawMessage, error) {
	if err := a.check(&r, endpoint); err != nil {
		return nil, err
	}
	var e envelope
	if err := json.Unmarshal(a.body, &e); err != nil {
		return nil, garbage(r, endpoint, a, err)
	}
	if e.Code == nil {
		return nil, garbage(r, endpoint, a, errors.New("it has no code"))
	}
	if *e.Code != 0 {
		return nil, newAPIError(r.name(), endpoint, *e.Code, e.Error)
	}
	return e.Value, nil
}

func garbage(r request, endpoint string, a answer, err error) error {
	e := r.fail(endpoint, ErrGarbage, err)
	e.Status, e.Detail = a.status, excerpt(a.body)
	return e
}

// decodeNothing is for writes: PD answers them with a null.
func decodeNothing(r request, endpoint string, a answer) (struct{}, error) {
	_, err := open(r, endpoint, a)
	return struct{}{}, err
}

// decodeWith takes the envelope off and converts the value from its wire form.
func decodeWith[W, T any](convert func(W, answer) (T, error)) decoder[T] {
	return func(r request, endpoint string, a answer) (T, error) {
		var none T
		raw, err := open(r, endpoint, a)
		if err != nil {
			return none, err
		}
		var wire W
		if err := json.Unmarshal(raw, &wire); err != nil {
			return none, garbage(r, endpoint, a, fmt.Errorf("decode value: %w", err))
		}
		value, err := convert(wire, a)
		if err != nil {
			return none, garbage(r, endpoint, a, err)
		}
		return value, nil
	}
}

func toSystem(w wireSystem, _ answer) (System, error) {
	if w.AlreadyBootstrapped == nil {
		return System{}, errors.New("alreadyBootstrapped is missing")
	}
	return System{
		AlreadyBootstrapped: *w.AlreadyBootstrapped, InitParams: w.InitParams, MaxReplicas: w.MaxReplicas,
		StoreCount: w.StoreCount, OfflineStoreCount: w.OfflineStoreCount, TombstoneStoreCount: w.TombstoneStoreCount,
		CellCount: w.CellCount, ReplicasNotFullCellCount: w.ReplicasNotFullCellCount, OperatorCount: w.OperatorCount,
		StorageCapacity: w.StorageCapacity, StorageAvailable: w.StorageAvailable,
	}, nil
}

// toStores converts the list. PD prints an empty one as [], so null is not
// taken for "no stores".
func toStores(w []wireStore, a answer) ([]Store, error) {
	if w == nil {
		return nil, errors.New("the list of stores is null")
	}
	stores := make([]Store, len(w))
	for i := range w {
		s, err := toStore(&w[i], a.date)
		if err != nil {
			return nil, err
		}
		stores[i] = s
	}
	slices.SortFunc(stores, func(a, b Store) int { return cmp.Compare(a.ID, b.ID) })
	return stores, nil
}

func toStore(w *wireStore, date time.Time) (Store, error) {
	switch {
	case w.Meta.ID == 0:
		return Store{}, errors.New("a store has no id")
	case w.Meta.State == nil:
		return Store{}, fmt.Errorf("store %d has no state", w.Meta.ID)
	case *w.Meta.State < Up || *w.Meta.State > Tombstone:
		return Store{}, fmt.Errorf("store %d has the unknown state %d", w.Meta.ID, *w.Meta.State)
	}
	s := Store{
		ID: w.Meta.ID, Address: w.Meta.Address, ClientAddress: w.Meta.ClientAddress,
		State: *w.Meta.State, LastHeartbeat: unix(w.Status.LastHeartbeatTS), ObservedAt: date,
	}
	if len(w.Meta.Labels) > 0 {
		s.Labels = make(map[string]string, len(w.Meta.Labels))
		for _, l := range w.Meta.Labels {
			s.Labels[l.Key] = l.Value
		}
	}
	if s.LastHeartbeat.IsZero() {
		return s, nil // whatever figures there are, they are not this leader's
	}
	stats := &w.Status.Stats
	s.Capacity, s.Available, s.UsedSize = stats.Capacity, stats.Available, stats.UsedSize
	s.CellCount, s.LeaderCount = stats.CellCount, w.Status.LeaderCount
	s.SendingSnapCount, s.ReceivingSnapCount, s.ApplyingSnapCount = stats.SendingSnapCount, stats.ReceivingSnapCount, stats.ApplyingSnapCount
	s.StartTime, s.Busy = unix(stats.StartTime), stats.Busy
	return s, nil
}

// unix reads PD's seconds. Go's zero time, which PD prints as -62135596800, is unknown.
func unix(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func toCells(w []wireCell, _ answer) ([]Cell, error) {
	if w == nil {
		return nil, errors.New("the list of cells is null")
	}
	cells := make([]Cell, len(w))
	for i := range w {
		m := &w[i].Meta
		if m.ID == 0 {
			return nil, errors.New("a cell has no id")
		}
		c := Cell{ID: m.ID, Start: m.Start, End: m.End, ConfVer: m.Epoch.ConfVer, CellVer: m.Epoch.CellVer,
			Peers: toPeers(m.Peers), PendingPeers: toPeers(w[i].PendingPeers)}
		if l := w[i].Leader; l != nil && l.ID != 0 {
			c.Leader = &Peer{ID: l.ID, StoreID: l.StoreID}
		}
		for _, d := range w[i].DownPeers {
			c.DownPeers = append(c.DownPeers, DownPeer{Peer: Peer(d.Peer), Down: time.Duration(d.DownSeconds) * time.Second})
		}
		cells[i] = c
	}
	slices.SortFunc(cells, func(a, b Cell) int { return cmp.Compare(a.ID, b.ID) })
	return cells, nil
}

func toPeers(w []wirePeer) []Peer {
	if len(w) == 0 {
		return nil
	}
	peers := make([]Peer, len(w))
	for i, p := range w {
		peers[i] = Peer(p)
	}
	return peers
}

func toOperators(w []wireOperator, _ answer) ([]Operator, error) {
	operators := make([]Operator, len(w))
	for i := range w {
		o := Operator{CellID: w[i].CellID}
		if at := (time.Time{}); json.Unmarshal(w[i].StartAt, &at) == nil {
			o.StartAt = at
		}
		for _, step := range w[i].Ops {
			o.Steps = append(o.Steps, step.Name)
		}
		operators[i] = o
	}
	return operators, nil
}

// decodeMembers reads etcd's own form, which has no envelope and ids in hexadecimal.
func decodeMembers(r request, endpoint string, a answer) ([]Member, error) {
	if err := a.check(&r, endpoint); err != nil {
		return nil, err
	}
	var w wireMembers
	if err := json.Unmarshal(a.body, &w); err != nil {
		return nil, garbage(r, endpoint, a, err)
	}
	if w.Members == nil || len(*w.Members) == 0 {
		return nil, garbage(r, endpoint, a, errors.New("it lists no members"))
	}
	members := make([]Member, len(*w.Members))
	for i, m := range *w.Members {
		id, err := strconv.ParseUint(m.ID, 16, 64)
		if err != nil {
			return nil, garbage(r, endpoint, a, fmt.Errorf("parse member id: %w", err))
		}
		members[i] = Member{ID: id, ClusterID: a.clusterID, Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs}
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return members, nil
}
