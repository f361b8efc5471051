// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"errors"
	"fmt"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// ClusterID is the id of PD's cluster in PD's answers, in hexadecimal.
const ClusterID = "c1"

// StateModifier changes an answer of PD under construction.
type StateModifier func(*v1alpha1.CellCluster, *pdstate.Snapshot)

// PDState makes what PD said a moment ago: all PDs are members, the first has led
// for an hour, and nobody has told it the initial cells.
func PDState(c *v1alpha1.CellCluster, modify ...StateModifier) *pdstate.Snapshot {
	s := &pdstate.Snapshot{
		At: Now().Add(-time.Second), MembersAt: Now().Add(-time.Second), LeaderSince: Now().Add(-time.Hour),
		LeaderEndpoint: endpoint(0),
		HeartbeatLimit: 20 * time.Second,
	}
	for i := range c.Spec.PD.Replicas {
		s.Members = append(s.Members, PDMember(c, i))
	}
	for _, m := range modify {
		m(c, s)
	}
	return s
}

func endpoint(ordinal int32) string {
	return fmt.Sprintf("http://%s:%d", IP(naming.PD, ordinal), naming.PDClientPort)
}

// PDMember makes a member of PD's etcd.
func PDMember(c *v1alpha1.CellCluster, ordinal int32) pdapi.Member {
	pod := naming.Pod(c.Name, naming.PD, ordinal)
	host := naming.Host(c.Namespace, c.Name, naming.PD, pod)
	return pdapi.Member{
		ID: 0xa0 + uint64(ordinal), ClusterID: 0xc1, Name: pod,
		PeerURLs:   []string{fmt.Sprintf("http://%s:%d", host, naming.PDPeerPort)},
		ClientURLs: []string{fmt.Sprintf("http://%s:%d", host, naming.PDClientPort)},
	}
}

// Initialized makes PD know the initial cells.
func Initialized(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
	cells := c.Spec.Store.InitialCells
	s.System.InitParams = &pdapi.InitParams{InitCellCount: uint64(cells.Count), CellCapacity: uint64(cells.Capacity)}
}

// Stores makes PD know n stores that are Up and report, and all cells to have
// what replicas these allow.
func Stores(n int32) StateModifier {
	return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		Initialized(c, s)
		replicas := int(*c.Spec.PD.Config.MaxReplicas)
		s.System.AlreadyBootstrapped, s.System.MaxReplicas, s.System.CellCount = true, replicas, int(c.Spec.Store.InitialCells.Count)
		for i := range n {
			s.Stores = append(s.Stores, Store(c, uint64(i)+1, i))
		}
		s.System.StoreCount = len(s.Stores)
		s.CellsAt, s.Cells = s.At, nil
		for i := range s.System.CellCount {
			s.Cells = append(s.Cells, cell(uint64(i)+100, min(int(n), replicas)))
		}
		if int(n) < replicas {
			s.System.ReplicasNotFullCellCount = s.System.CellCount
		}
	}
}

func cell(id uint64, replicas int) pdapi.Cell {
	c := pdapi.Cell{ID: id, ConfVer: 1, CellVer: 1}
	for i := range uint64(replicas) {
		c.Peers = append(c.Peers, pdapi.Peer{ID: id*10 + i, StoreID: i + 1})
	}
	if replicas > 0 {
		c.Leader = &c.Peers[int(id)%replicas]
	}
	return c
}

// Store makes a store that is Up and reports, in the pod of an ordinal.
func Store(c *v1alpha1.CellCluster, id uint64, ordinal int32) pdapi.Store {
	host := naming.Host(c.Namespace, c.Name, naming.Store, naming.Pod(c.Name, naming.Store, ordinal))
	at := Now().Add(-time.Second)
	return pdapi.Store{
		ID: id, State: pdapi.Up,
		Address:       fmt.Sprintf("%s:%d", host, naming.StoreRaftPort),
		ClientAddress: fmt.Sprintf("%s:%d", host, naming.StoreClientPort),
		Labels:        map[string]string{"zone": "zone-1", "rack": fmt.Sprintf("node-%d", ordinal)},
		StartTime:     Now().Add(-time.Hour), LastHeartbeat: at.Add(-time.Second), ObservedAt: at,
	}
}

// SetStore changes the store of an id that is there already.
func SetStore(id uint64, change func(*pdapi.Store)) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { change(s.Store(id)) }
}

// Silent makes a store not have reported for a minute.
func Silent(s *pdapi.Store) { s.LastHeartbeat = s.ObservedAt.Add(-time.Minute) }

// Unheard makes a store not have reported to this PD leader.
func Unheard(s *pdapi.Store) { s.LastHeartbeat = time.Time{} }

// State makes a store have a state.
func State(state pdapi.StoreState) func(*pdapi.Store) {
	return func(s *pdapi.Store) { s.State = state }
}

// Unreachable makes PD have failed to answer for a minute; what it said before is still there.
func Unreachable(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
	s.Err, s.Failures, s.FailedSince = errors.New("connection refused"), 5, Now().Add(-time.Minute)
}

// Stale makes PD's answer too old to believe.
func Stale(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.At = Now().Add(-time.Hour) }

// YoungLeader makes PD's leader be so young that no store has reported to it yet.
func YoungLeader(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
	s.LeaderSince = Now().Add(-time.Second)
	for i := range s.Stores {
		Unheard(&s.Stores[i])
	}
}
