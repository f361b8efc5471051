// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

func testDB(t *testing.T) *bbolt.DB {
	t.Helper()
	db, err := openDB(t.TempDir(), false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestDefaultsAreUpstreams(t *testing.T) {
	fs := flag.NewFlagSet("cell", flag.ContinueOnError)
	config := AddFlags(fs)
	require.NoError(t, fs.Parse([]string{"-pd=a:1,b:2", "-limit-nemo-instance=2", "-enable-sync-raftlog", "-capacity-cell=64"}))
	cfg := config()
	assert.Equal(t, []string{"a:1", "b:2"}, cfg.PD)
	assert.Equal(t, ":10800", cfg.Addr)
	assert.Equal(t, ":6379", cfg.AddrClient)
	assert.Equal(t, 10*time.Second, cfg.StoreHeartbeat)
	assert.Equal(t, 30*time.Second, cfg.CellHeartbeat)
	assert.Equal(t, time.Second, cfg.RaftTick)
	assert.Equal(t, 10, cfg.ElectionTicks)
	assert.Equal(t, 300*time.Second, cfg.PeerDown)
	assert.True(t, cfg.SyncLog)
}

func entry(index, term uint64, data string) *raftpb.Entry {
	return &raftpb.Entry{Index: &index, Term: &term, Data: []byte(data)}
}

// The log on disk: an append replaces what stood at and after its first index, and a cut takes only what it should.
func TestLogOnDisk(t *testing.T) {
	db := testDB(t)
	content := func() (list []string) {
		var all []saved
		require.NoError(t, db.View(func(tx *bbolt.Tx) (err error) { all, err = readSaved(tx); return err }))
		for _, s := range all {
			for _, e := range s.entries {
				list = append(list, fmt.Sprintf("%d:%d/%s", s.Cell.ID, e.GetIndex(), e.GetData()))
			}
		}
		return list
	}
	write := func(f func(tx *bbolt.Tx) error) { require.NoError(t, db.Update(f)) }
	write(func(tx *bbolt.Tx) error {
		for _, cell := range []uint64{1, 2} {
			if err := putRecord(tx, record{Cell: meta.Cell{ID: cell}, Peer: cell + 10}); err != nil {
				return err
			}
			if err := putEntries(tx, cell, []*raftpb.Entry{entry(6, 1, "a"), entry(7, 1, "b"), entry(8, 1, "c")}); err != nil {
				return err
			}
		}
		return nil
	})
	write(func(tx *bbolt.Tx) error { return putEntries(tx, 1, []*raftpb.Entry{entry(7, 2, "B")}) })
	assert.Equal(t, []string{"1:6/a", "1:7/B", "2:6/a", "2:7/b", "2:8/c"}, content())
	write(func(tx *bbolt.Tx) error { return deleteLog(tx, 2, 0, 8) })
	assert.Equal(t, []string{"1:6/a", "1:7/B", "2:8/c"}, content())
	write(func(tx *bbolt.Tx) error { return bury(tx, record{Cell: meta.Cell{ID: 1}, Peer: 11}) })
	assert.Equal(t, []string{"2:8/c"}, content())
	var all []saved
	require.NoError(t, db.View(func(tx *bbolt.Tx) (err error) { all, err = readSaved(tx); return err }))
	assert.True(t, all[0].Tombstone)
	assert.Equal(t, uint64(11), all[0].Peer)
}

func TestCommandsInTheLog(t *testing.T) {
	for _, args := range [][][]byte{{}, {[]byte("get")}, {[]byte("set"), {}, make([]byte, 300)}} {
		got, err := decodeArgs(appendArgs(nil, args))
		require.NoError(t, err)
		assert.Len(t, got, len(args))
		for i := range args {
			assert.Equal(t, args[i], got[i])
		}
	}
	for _, broken := range [][]byte{nil, {2}, {1, 200}, {255}} {
		_, err := decodeArgs(broken)
		assert.ErrorIs(t, err, errArgs)
	}
}

// leaderOfThree is a store whose replica leads a cell of three; the others are as heard of.
func leaderOfThree(t *testing.T) (*Store, *peer) {
	t.Helper()
	s := New(Config{ElectionTicks: 10, HeartbeatTicks: 2, RaftTick: 100 * time.Millisecond})
	s.db = testDB(t)
	cell := meta.Cell{ID: 1, Peers: []meta.Peer{{ID: 11, StoreID: 1}, {ID: 12, StoreID: 2}, {ID: 13, StoreID: 3}}}
	p, err := s.newPeer(saved{record: record{Cell: cell, Peer: 11, Voters: []uint64{11, 12, 13}, TruncIndex: 5, TruncTerm: 5}, applied: 5, hard: &raftpb.HardState{}}, time.Now())
	require.NoError(t, err)
	return s, p
}

// A change of peers needs a majority, of the members as they will be, that is alive and has the data.
func TestUnsafeChangesAreRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		kind   raftpb.ConfChangeType
		member meta.Peer
		sound  []uint64
		ok     bool
	}{
		{"a fourth to three sound ones", raftpb.ConfChangeAddNode, meta.Peer{ID: 14, StoreID: 4}, []uint64{11, 12, 13}, true},
		{"a fourth while one is dead: needs 3 healthy of 4", raftpb.ConfChangeAddNode, meta.Peer{ID: 14, StoreID: 4}, []uint64{11, 12}, false},
		{"the dead one goes", raftpb.ConfChangeRemoveNode, meta.Peer{ID: 13, StoreID: 3}, []uint64{11, 12}, true},
		{"a sound one goes while another is dead", raftpb.ConfChangeRemoveNode, meta.Peer{ID: 12, StoreID: 2}, []uint64{11, 12}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			sound, needed := countSound(3, test.kind, test.member, test.sound)
			assert.Equal(t, test.ok, sound >= needed, "%d of %d", sound, needed)
		})
	}
}

// A member that is alive is removed only once it follows the present leader; one that is silent is not waited for.
func TestLeavingMembersAreInformed(t *testing.T) {
	_, p := leaderOfThree(t)
	now := time.Now()
	p.leaderSince, p.leaderIndex = now.Add(-time.Minute), 6
	p.heard[12], p.heard[13] = now, now.Add(-time.Minute)
	assert.False(t, p.informed(12, now, 2*time.Second), "it has not followed this leader yet")
	assert.True(t, p.informed(13, now, 2*time.Second))
}

func TestDownPeersAreReportedAfterTheLimit(t *testing.T) {
	_, p := leaderOfThree(t)
	now := time.Now()
	p.leaderSince = now.Add(-time.Minute)
	p.heard[12] = now.Add(-25 * time.Second)
	p.heard[13] = now
	assert.Empty(t, p.downPeers(now, 30*time.Second))
	assert.Equal(t, []meta.DownPeer{{Peer: meta.Peer{ID: 12, StoreID: 2}, DownSeconds: 25}}, p.downPeers(now, 20*time.Second))
	p.leaderSince = now.Add(-5 * time.Second)
	assert.Empty(t, p.downPeers(now, 20*time.Second), "a new leader has not waited yet")
}

func TestMetricsArePushed(t *testing.T) {
	got := make(chan *http.Request, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case got <- r:
		default:
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer gateway.Close()
	s := New(Config{Data: t.TempDir(), MetricJob: "cell", MetricInstance: "demo-store-0", MetricAddress: gateway.Listener.Addr().String(), MetricInterval: 20 * time.Millisecond})
	go s.pushMetrics(t.Context())
	select {
	case r := <-got:
		assert.Equal(t, http.MethodPut, r.Method)
		assert.Equal(t, "/metrics/job/cell/instance/demo-store-0", r.URL.Path)
		assert.Contains(t, r.Header.Get("Content-Type"), "protobuf")
	case <-time.After(5 * time.Second):
		t.Fatal("nothing pushed")
	}
}
