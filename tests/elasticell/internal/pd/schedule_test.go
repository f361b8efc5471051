// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

var now = time.Unix(1_800_000_000, 0)

// world is a cluster without etcd: what is tested here writes nothing there.
func world(zones ...string) *cluster {
	c := &cluster{
		cfg: Config{
			MaxReplicas: 3, StoreDown: 30 * time.Second, StorageRate: 80, LocationLabels: []string{"zone", "rack"},
			LimitLeader: 16, LimitCell: 12, LimitReplica: 16, Switches: Switches{OperatorTimeout: 5 * time.Minute},
		},
		ids: allocator{next: 1000, end: 2000}, ctx: context.Background(), bootstrapped: true,
		stores: map[uint64]*storeInfo{}, cells: map[uint64]*cellInfo{}, operators: map[uint64]*operator{}, watchers: newWatchers(),
	}
	for i, zone := range zones {
		id := uint64(i + 1)
		c.stores[id] = &storeInfo{
			meta:      meta.Store{ID: id, Labels: []meta.Label{{Key: "zone", Value: zone}, {Key: "rack", Value: fmt.Sprint("r", id)}}},
			stats:     meta.StoreStats{Capacity: 100, Available: 90},
			heartbeat: now.Add(-time.Second),
		}
	}
	return c
}

// cell adds a cell whose peers, with ids ten times their store's plus a hundred times the cell's, stand on the stores;
// the first leads.
func (c *cluster) cell(id uint64, stores ...uint64) *cellInfo {
	info := &cellInfo{meta: meta.Cell{ID: id, Epoch: meta.Epoch{ConfVer: 1, CellVer: 1}}}
	for _, s := range stores {
		info.meta.Peers = append(info.meta.Peers, meta.Peer{ID: 100*id + 10*s, StoreID: s})
	}
	leader := info.meta.Peers[0]
	info.leader = &leader
	c.cells[id] = info
	return info
}

func (cell *cellInfo) peerOn(store uint64) meta.Peer {
	p, _ := cell.meta.PeerOn(store)
	return p
}

func names(op *operator) []string {
	if op == nil {
		return nil
	}
	var list []string
	for _, s := range op.Ops {
		list = append(list, fmt.Sprintf("%s@%d", s.Name, s.Peer.StoreID))
	}
	return list
}

func TestCheck(t *testing.T) {
	silent := func(c *cluster, store uint64) { c.stores[store].heartbeat = now.Add(-time.Minute) }
	for _, test := range []struct {
		name  string
		zones []string
		set   func(*cluster) *cellInfo
		want  []string
	}{
		{"whole", []string{"a", "b", "c"}, func(c *cluster) *cellInfo { return c.cell(1, 1, 2, 3) }, nil},
		{"one replica", []string{"a", "b", "c"}, func(c *cluster) *cellInfo { return c.cell(1, 1) }, []string{"add_peer@2"}},
		{"the other zone first", []string{"a", "a", "b"}, func(c *cluster) *cellInfo { return c.cell(1, 1) }, []string{"add_peer@3"}},
		{"no store left", []string{"a", "b"}, func(c *cluster) *cellInfo { return c.cell(1, 1, 2) }, nil},
		{"the emptier store", []string{"a", "b", "b"}, func(c *cluster) *cellInfo { c.cell(2, 1, 2); return c.cell(1, 1) }, []string{"add_peer@3"}},
		{"a full store is no target", []string{"a", "b", "c"}, func(c *cluster) *cellInfo { c.stores[3].stats.Available = 19; return c.cell(1, 1, 2) }, nil},
		{"a silent store is no target", []string{"a", "b", "c"}, func(c *cluster) *cellInfo { silent(c, 3); return c.cell(1, 1, 2) }, nil},
		{"a store unknown to a fresh leader is no target", []string{"a", "b", "c"}, func(c *cluster) *cellInfo {
			c.stores[3].heartbeat = time.Time{}
			return c.cell(1, 1, 2)
		}, nil},
		{"Down, no spare: nothing, silently", []string{"a", "b", "c"}, func(c *cluster) *cellInfo {
			c.stores[3].meta.State = meta.Down
			return c.cell(1, 1, 2, 3)
		}, nil},
		{"Down with a spare", []string{"a", "b", "c", "d"}, func(c *cluster) *cellInfo {
			c.stores[3].meta.State = meta.Down
			return c.cell(1, 1, 2, 3)
		}, []string{"add_peer@4", "remove_peer@3"}},
		{"Down and leading", []string{"a", "b", "c", "d"}, func(c *cluster) *cellInfo {
			c.stores[1].meta.State = meta.Down
			return c.cell(1, 1, 2, 3)
		}, []string{"add_peer@4", "transfer_leader@2", "remove_peer@1"}},
		{"tombstone: add before remove, which raft may refuse", []string{"a", "b", "c", "d"}, func(c *cluster) *cellInfo {
			c.stores[2].meta.State = meta.Tombstone
			return c.cell(1, 1, 2, 3)
		}, []string{"add_peer@4", "remove_peer@2"}},
		{"both silent long enough: removed, spare or not", []string{"a", "b", "c"}, func(c *cluster) *cellInfo {
			silent(c, 3)
			cell := c.cell(1, 1, 2, 3)
			cell.down = []meta.DownPeer{{Peer: cell.peerOn(3), DownSeconds: 40}}
			return cell
		}, []string{"remove_peer@3"}},
		{"the store is heard of", []string{"a", "b", "c"}, func(c *cluster) *cellInfo {
			cell := c.cell(1, 1, 2, 3)
			cell.down = []meta.DownPeer{{Peer: cell.peerOn(3), DownSeconds: 40}}
			return cell
		}, nil},
		{"the peer is not silent for long", []string{"a", "b", "c"}, func(c *cluster) *cellInfo {
			silent(c, 3)
			cell := c.cell(1, 1, 2, 3)
			cell.down = []meta.DownPeer{{Peer: cell.peerOn(3), DownSeconds: 25}}
			return cell
		}, nil},
		{"a fresh leader knows no heartbeat, and removes at once", []string{"a", "b", "c"}, func(c *cluster) *cellInfo {
			c.stores[3].heartbeat = time.Time{}
			cell := c.cell(1, 1, 2, 3)
			cell.down = []meta.DownPeer{{Peer: cell.peerOn(3), DownSeconds: 40}}
			return cell
		}, []string{"remove_peer@3"}},
		{"too many: the one that stands closest to another", []string{"a", "b", "c", "c"}, func(c *cluster) *cellInfo {
			return c.cell(1, 3, 1, 2, 4)
		}, []string{"remove_peer@4"}},
		{"a better place", []string{"a", "a", "b", "c"}, func(c *cluster) *cellInfo { return c.cell(1, 1, 2, 3) }, []string{"add_peer@4", "transfer_leader@2", "remove_peer@1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := world(test.zones...)
			assert.Equal(t, test.want, names(c.check(test.set(c), now)))
		})
	}
}

// A peer counts as added before anything was copied to it, and the old one goes next: drained too early.
func TestDispatchDoesNotWaitForTheCopy(t *testing.T) {
	c := world("a", "b", "c", "d")
	c.stores[1].meta.State = meta.Down
	cell := c.cell(1, 1, 2, 3)
	order := c.dispatch(cell, now)
	require.NotNil(t, order.AddPeer)
	added := *order.AddPeer
	assert.Equal(t, uint64(4), added.StoreID)

	cell.meta.Peers = append(cell.meta.Peers, added)
	cell.pending = []meta.Peer{added}
	order = c.dispatch(cell, now)
	require.NotNil(t, order.Transfer, "a leader first hands over")
	assert.NotEqual(t, added, *order.Transfer, "not to the one without data")

	leader := *order.Transfer
	cell.leader = &leader
	order = c.dispatch(cell, now)
	require.NotNil(t, order.RemovePeer)
	assert.Equal(t, uint64(1), order.RemovePeer.StoreID)
	assert.NotEmpty(t, cell.pending)
}

func TestOperatorTimesOut(t *testing.T) {
	c := world("a", "b", "c", "d")
	c.stores[3].meta.State = meta.Tombstone
	cell := c.cell(1, 1, 2, 3)
	require.NotNil(t, c.dispatch(cell, now).AddPeer)
	require.NotNil(t, c.dispatch(cell, now.Add(4*time.Minute)).AddPeer, "the raft layer refuses it again and again")
	first := c.operators[1]
	c.dispatch(cell, now.Add(5*time.Minute+time.Second))
	assert.NotSame(t, first, c.operators[1])
}

func TestTransferLeader(t *testing.T) {
	c := world("a", "b", "c", "d")
	one, two := c.cell(1, 1, 2, 3), c.cell(2, 1, 2, 3)
	for _, test := range []struct {
		cell, peer uint64
		want       string
	}{
		{9999, 1, "Cell 9999 not found"}, {1, 99999, "Peer 99999 not found"}, {1, one.peerOn(2).ID, ""}, {2, two.peerOn(2).ID, "Scheduler not performed by limit"},
	} {
		err := c.transferLeader(test.cell, test.peer, now)
		if test.want == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, test.want)
		}
	}
	// A cell with another operator takes the order, and forgets it.
	clear(c.operators)
	c.stores[3].meta.State = meta.Down
	c.dispatch(one, now)
	repair := c.operators[1]
	require.NotNil(t, repair)
	require.NoError(t, c.transferLeader(1, one.peerOn(2).ID, now))
	assert.Same(t, repair, c.operators[1])
}

func TestBalanceLeaders(t *testing.T) {
	c := world("a", "b", "c")
	for id := range uint64(6) {
		c.cell(id+1, 1, 2, 3)
	}
	c.balance(now)
	assert.Empty(t, c.operators, "not at once")
	at := now.Add(balanceGrace)
	for _, s := range c.stores {
		s.heartbeat = at
	}
	c.balance(at)
	c.balance(at)
	assert.Len(t, c.operators, 1, "one transfer in the whole cluster")

	c.cells[1].leader = nil
	clear(c.operators)
	c.balance(at.Add(time.Second))
	assert.Empty(t, c.operators, "a fresh PD leader does not judge")
}

func TestBalanceReplicas(t *testing.T) {
	c := world("a", "b", "c", "c")
	for id := range uint64(4) {
		c.cell(id+1, 1+id%3, 1+(id+1)%3, 1+(id+2)%3)
	}
	c.balance(now)
	require.Len(t, c.operators, 1)
	for _, op := range c.operators {
		assert.Equal(t, "add_peer@4", names(op)[0])
		assert.Equal(t, "remove_peer@3", names(op)[len(op.Ops)-1], "its neighbour in the zone gives, or isolation suffers")
	}
}

func TestHeartbeatOfTheUnknownAndTheStale(t *testing.T) {
	c := world("a", "b", "c")
	assert.Equal(t, errNoSuchStore, c.storeHeartbeat(meta.StoreStats{StoreID: 9}))
	c.stores[2].meta.State = meta.Tombstone
	assert.Equal(t, errTombstone, c.storeHeartbeat(meta.StoreStats{StoreID: 2}))
	cell := c.cell(1, 1, 2, 3)
	cell.meta.Epoch.ConfVer, cell.term = 5, 7
	for _, req := range []pdrpc.CellHeartbeatRequest{
		{Cell: meta.Cell{ID: 1, Epoch: meta.Epoch{ConfVer: 4, CellVer: 1}}, Term: 8},
		{Cell: meta.Cell{ID: 1, Epoch: meta.Epoch{ConfVer: 5, CellVer: 1}}, Term: 6},
	} {
		_, err := c.cellHeartbeat(&req)
		assert.Equal(t, errStale, err)
	}
}

func TestLeaderRecord(t *testing.T) {
	want := leaderRecord{ID: 1 << 63, Name: "demo-pd-0", AddrRPC: "demo-pd-0.demo-pd-peer:20800", ListenURLs: "http://10.0.0.1:2379"}
	got, err := unmarshalLeader(want.marshal())
	require.NoError(t, err)
	assert.Equal(t, want, got)
	_, err = unmarshalLeader([]byte{0xff})
	assert.ErrorIs(t, err, errBadRecord)
}
