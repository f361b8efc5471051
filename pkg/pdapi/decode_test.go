// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// canned is a transport that gives the same answer to every request.
type canned struct {
	status int
	body   string
	date   string
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	header := http.Header{}
	if c.date != "" {
		header.Set("Date", c.date)
	}
	return &http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

func answering(status int, body string) Client {
	return New([]string{"http://pd-0:2379"}, Options{Transport: canned{status: status, body: body}})
}

const (
	newSystem = `{"code":0,"error":"","value":{"alreadyBootstrapped":false,"initParams":null,"maxReplicas":0,"storeCount":0,
  "offlineStoreCount":0,"tombStoneStoreCount":0,"cellCount":0,"replicasNotFullCellCount":0,"storageCapacity":0,"storageAvailable":0,"operatorCount":0}}`
	oldSystem = `{"code":0,"error":"","value":{"alreadyBootstrapped":true,"initParams":{"initCellCount":8,"cellCapacity":67108864},"maxReplicas":3,"storeCount":4,
  "offlineStoreCount":1,"tombStoneStoreCount":1,"cellCount":8,"replicasNotFullCellCount":2,"storageCapacity":1000,"storageAvailable":900,"operatorCount":1}}`
	oneStore = `{"code":0,"error":"","value":[{"meta":{"id":18,"address":"127.0.1.21:10800","lables":[{"key":"zone","value":"z1"},{"key":"rack","value":"r1"}],"state":1,
 "clientAddress":"127.0.1.21:6370"},"status":{"stats":{"storeID":18,"capacity":100,"available":90,"cellCount":8,"sendingSnapCount":7,"receivingSnapCount":6,"startTime":1795246645,
 "applyingSnapCount":5,"isBusy":true,"usedSize":10,"bytesWritten":0,"logLevel":15},"leaderCount":4,"lastHeartbeatTS":1795246679}}]}`
	unknownStore = `{"code":0,"error":"","value":[{"meta":{"id":1,"address":"a:1","lables":null,"state":0,"clientAddress":"a:2"},
 "status":{"stats":{"storeID":0,"capacity":0,"available":0},"leaderCount":3,"lastHeartbeatTS":-62135596800}}]}`
	oneCell = `{"code":0,"error":"","value":[{"meta":{"id":4,"start":"IA==","end":"QA==","epoch":{"confVer":5,"cellVer":2},"peers":[{"id":22,"storeID":1},{"id":23,"storeID":18}]},
 "leader":{"id":22,"storeID":1},"downPeers":[{"peer":{"id":23,"storeID":18},"downSeconds":42}],"pendingPeers":[{"id":23,"storeID":18}]},
 {"meta":{"id":3,"start":null,"end":"IA==","epoch":{"confVer":1,"cellVer":1},"peers":[{"id":9,"storeID":1}]},"leader":null,"downPeers":null,"pendingPeers":null}]}`
	twoMembers = `{"members":[{"id":"a8d266ecf7b1ac2e","name":"","peerURLs":["http://c:2380"],"clientURLs":[]},
 {"id":"1f","name":"pd2","peerURLs":["http://b:2380"],"clientURLs":["http://b:2379"]}]}`
	oneOperator = `{"code":0,"error":"","value":[{"cellID":4,"startAt":"2026-11-21T08:00:00.5Z","endAt":"0001-01-01T00:00:00Z","lastIndex":0,
 "ops":[{"name":"add_peer","changePeer":{}},{"name":"remove_peer"}]},{"cellID":5,"startAt":1795246679,"ops":null}]}`
)

func TestDecodeSystem(t *testing.T) {
	tests := []struct {
		name, body string
		want       System
	}{
		{"before anything", newSystem, System{}},
		{"bootstrapped", oldSystem, System{AlreadyBootstrapped: true, InitParams: &InitParams{8, 67108864}, MaxReplicas: 3, StoreCount: 4,
			OfflineStoreCount: 1, TombstoneStoreCount: 1, CellCount: 8, ReplicasNotFullCellCount: 2, OperatorCount: 1, StorageCapacity: 1000, StorageAvailable: 900}},
		{"a later PD says more", `{"code":0,"error":"","value":{"alreadyBootstrapped":true,"newField":[1]},"other":1}`, System{AlreadyBootstrapped: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := answering(200, tt.body).System(context.Background())
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestDecodeStores(t *testing.T) {
	pd := New([]string{"http://pd-0:2379"}, Options{Transport: canned{200, oneStore, "Sat, 21 Nov 2026 07:38:04 GMT"}})
	got, err := pd.Stores(context.Background())
	require.NoError(t, err)
	require.Equal(t, []Store{{
		ID: 18, Address: "127.0.1.21:10800", ClientAddress: "127.0.1.21:6370", State: Down,
		Labels:   map[string]string{"zone": "z1", "rack": "r1"},
		Capacity: 100, Available: 90, UsedSize: 10, CellCount: 8, LeaderCount: 4,
		SendingSnapCount: 7, ReceivingSnapCount: 6, ApplyingSnapCount: 5, Busy: true,
		StartTime: time.Unix(1795246645, 0).UTC(), LastHeartbeat: time.Unix(1795246679, 0).UTC(),
		ObservedAt: time.Date(2026, 11, 21, 7, 38, 4, 0, time.UTC),
	}}, got)

	age, known := got[0].HeartbeatAge(time.Time{})
	assert.True(t, known)
	assert.Equal(t, 5*time.Second, age, "by PD's own clock, whatever the reader's")
	assert.True(t, got[0].Fresh(time.Time{}, 5*time.Second))
	assert.False(t, got[0].Fresh(time.Time{}, 4*time.Second))
}

func TestDecodeUnknownStore(t *testing.T) {
	got, err := answering(200, unknownStore).Stores(context.Background())
	require.NoError(t, err)
	require.Equal(t, []Store{{ID: 1, Address: "a:1", ClientAddress: "a:2"}}, got, "a fresh leader's figures are unknown, all of them")
	_, known := got[0].HeartbeatAge(time.Unix(1795246679, 0))
	assert.False(t, known)
	assert.False(t, got[0].Fresh(time.Unix(0, 0), time.Hour))

	late := Store{LastHeartbeat: time.Unix(100, 0)}
	age, known := late.HeartbeatAge(time.Unix(107, 0))
	assert.True(t, known)
	assert.Equal(t, 7*time.Second, age, "the reader's clock stands in")
	age, _ = late.HeartbeatAge(time.Unix(99, 0))
	assert.Zero(t, age, "clocks differ a little")
}

func TestDecodeStore(t *testing.T) {
	pd := answering(200, oneStore)
	got, err := pd.Store(context.Background(), 18)
	require.NoError(t, err)
	assert.Equal(t, Down, got.State)
	_, err = pd.Store(context.Background(), 19)
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, "get store 19: not found")
}

func TestDecodeCells(t *testing.T) {
	want := []Cell{
		{ID: 3, End: []byte{0x20}, ConfVer: 1, CellVer: 1, Peers: []Peer{{9, 1}}},
		{ID: 4, Start: []byte{0x20}, End: []byte{0x40}, ConfVer: 5, CellVer: 2, Peers: []Peer{{22, 1}, {23, 18}}, Leader: &Peer{22, 1},
			DownPeers: []DownPeer{{Peer{23, 18}, 42 * time.Second}}, PendingPeers: []Peer{{23, 18}}},
	}
	pd := answering(200, oneCell)
	cells, err := pd.Cells(context.Background())
	require.NoError(t, err)
	assert.Equal(t, want, cells)
	cells, err = pd.StoreCells(context.Background(), 1)
	require.NoError(t, err)
	assert.Equal(t, want, cells)

	assert.True(t, cells[1].LedBy(1))
	assert.False(t, cells[0].LedBy(1), "unknown is not led")
	p, ok := cells[1].PeerOn(18)
	assert.True(t, ok)
	assert.Equal(t, Peer{23, 18}, p)
	_, ok = cells[0].PeerOn(18)
	assert.False(t, ok)
}

func TestDecodeMembers(t *testing.T) {
	got, err := answering(200, twoMembers).Members(context.Background())
	require.NoError(t, err)
	assert.Equal(t, []Member{
		{ID: 0x1f, Name: "pd2", PeerURLs: []string{"http://b:2380"}, ClientURLs: []string{"http://b:2379"}},
		{ID: 0xa8d266ecf7b1ac2e, PeerURLs: []string{"http://c:2380"}, ClientURLs: []string{}},
	}, got)
}

func TestDecodeOperators(t *testing.T) {
	got, err := answering(200, oneOperator).Operators(context.Background())
	require.NoError(t, err)
	assert.Equal(t, []Operator{
		{CellID: 4, StartAt: time.Date(2026, 11, 21, 8, 0, 0, 5e8, time.UTC), Steps: []string{"add_peer", "remove_peer"}},
		{CellID: 5},
	}, got)
	got, err = answering(200, `{"code":0,"error":"","value":null}`).Operators(context.Background())
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestDecodeHealth(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   bool
		err    error
	}{
		{"healthy", 200, `{"health":"true"}`, true, nil},
		{"removed", 503, `{"health":"false"}`, false, nil},
		{"contradiction", 503, `{"health":"true"}`, false, nil},
		{"something else", 200, `{}`, false, ErrGarbage},
		{"a proxy's error", 503, `<html>`, false, ErrUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := answering(tt.status, tt.body).Health(context.Background(), "http://pd-1:2379")
			assert.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.want, got)
		})
	}
}

// Every read against every kind of answer that is not one.
func TestDecodeNonsense(t *testing.T) {
	reads := map[string]func(Client) error{
		"system":    func(c Client) error { _, err := c.System(context.Background()); return err },
		"leader":    func(c Client) error { _, _, err := c.Leader(context.Background()); return err },
		"stores":    func(c Client) error { _, err := c.Stores(context.Background()); return err },
		"cells":     func(c Client) error { _, err := c.Cells(context.Background()); return err },
		"operators": func(c Client) error { _, err := c.Operators(context.Background()); return err },
		"members":   func(c Client) error { _, err := c.Members(context.Background()); return err },
		"init":      func(c Client) error { return c.InitCluster(context.Background(), InitParams{}) },
		"down":      func(c Client) error { return c.DownStore(context.Background(), 1) },
	}
	answers := map[string]string{
		"empty":          "",
		"html":           "<html><body>It works!</body></html>",
		"null":           "null",
		"list":           "[]",
		"no code":        `{"error":"","value":[]}`,
		"code is text":   `{"code":"0","error":"","value":[]}`,
		"two documents":  newSystem + newSystem,
		"cut off":        oldSystem[:80],
		"other envelope": `{"kind":"Status","code":"x"}`,
	}
	for read, do := range reads {
		for name, body := range answers {
			t.Run(read+" "+name, func(t *testing.T) {
				err := do(answering(200, body))
				require.ErrorIs(t, err, ErrGarbage)
				assert.Contains(t, err.Error(), "http://pd-0:2379")
				assert.Contains(t, err.Error(), "check that the address is a PD's client URL")
			})
		}
	}
}

func TestDecodeWrongValues(t *testing.T) {
	ctx := context.Background()
	envelope := func(value string) Client { return answering(200, `{"code":0,"error":"","value":`+value+`}`) }
	lists := map[string]string{
		"null is not an empty list": `null`,
		"no id":                     `[{"meta":{"state":0}}]`,
		"not a list":                `{}`,
	}
	for name, value := range lists {
		t.Run(name, func(t *testing.T) {
			_, err := envelope(value).Stores(ctx)
			assert.ErrorIs(t, err, ErrGarbage)
			_, err = envelope(value).Cells(ctx)
			assert.ErrorIs(t, err, ErrGarbage)
			_, err = envelope(value).StoreCells(ctx, 1)
			assert.ErrorIs(t, err, ErrGarbage)
		})
	}
	for name, value := range map[string]string{"no state": `[{"meta":{"id":1}}]`, "unknown state": `[{"meta":{"id":1,"state":3}}]`, "negative count": `[{"meta":{"id":-1,"state":0}}]`} {
		t.Run(name, func(t *testing.T) {
			_, err := envelope(value).Stores(ctx)
			assert.ErrorIs(t, err, ErrGarbage)
		})
	}
	_, err := envelope(`null`).System(ctx)
	assert.ErrorIs(t, err, ErrGarbage)
	_, err = answering(200, `{"members":[{"id":"xyz"}]}`).Members(ctx)
	assert.ErrorIs(t, err, ErrGarbage)
	_, err = answering(200, `{"members":[]}`).Members(ctx)
	assert.ErrorIs(t, err, ErrGarbage)
}

func TestDecodeLimit(t *testing.T) {
	long := New([]string{"http://pd-0:2379"}, Options{Transport: canned{200, strings.Repeat(" ", 100) + newSystem, ""}, MaxBody: 50})
	_, err := long.System(context.Background())
	require.ErrorIs(t, err, ErrGarbage)
	assert.Contains(t, err.Error(), "longer than 50 bytes")
}

func TestStateString(t *testing.T) {
	assert.Equal(t, "Up Down Tombstone StoreState(7)", strings.Join([]string{Up.String(), Down.String(), Tombstone.String(), StoreState(7).String()}, " "))
}

func FuzzDecode(f *testing.F) {
	for _, body := range []string{newSystem, oldSystem, oneStore, unknownStore, oneCell, twoMembers, oneOperator} {
		f.Add(200, body)
	}
	f.Add(500, "PANIC: runtime error")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		c, ctx := answering(status, body), context.Background()
		stores, err := c.Stores(ctx)
		if err == nil {
			for _, s := range stores {
				assert.NotZero(t, s.ID)
				assert.LessOrEqual(t, s.State, Tombstone)
			}
		} else {
			var api *APIError
			if !errors.As(err, &api) && Class(err) != "garbage" && Class(err) != "unknown" {
				t.Fatalf("no class: %v", err)
			}
		}
		_, _ = c.Cells(ctx)
		_, _ = c.Members(ctx)
		_, _, _ = c.Leader(ctx)
	})
}
