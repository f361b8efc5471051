// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ask sends a request through a farm without a socket.
func ask(t *testing.T, f *Farm, url string) (int, string) {
	t.Helper()
	resp, err := f.RoundTrip(request(t, context.Background(), url))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func request(t *testing.T, ctx context.Context, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	return r
}

// The exact text of answers that the real PD gives.
func TestAnswers(t *testing.T) {
	now := time.Unix(1795246679, 0)
	pd := New(Config{Now: func() time.Time { return now }})
	f := NewFarm(pd)
	check := func(path string, status int, want string) {
		t.Helper()
		got, body := ask(t, f, "http://pd-0:2379"+path)
		assert.Equal(t, status, got, path)
		if json.Valid([]byte(want)) {
			assert.JSONEq(t, want, body, path)
		} else {
			assert.Contains(t, body, want, path)
		}
	}
	check("/pd/api/v1/system", 200, `{"code":0,"error":"","value":{"alreadyBootstrapped":false,"initParams":null,"maxReplicas":0,"storeCount":0,
		"offlineStoreCount":0,"tombStoneStoreCount":0,"cellCount":0,"replicasNotFullCellCount":0,"storageCapacity":0,"storageAvailable":0,"operatorCount":0}}`)
	check("/pd/api/v1/stores", 200, `{"code":1,"error":"cluster not bootstrapped","value":null}`)
	check("/health", 200, `{"health":"true"}`)
	check("/version", 200, `{"etcdserver":"3.3.17","etcdcluster":"3.3.0"}`)
	check("/v2/members", 200, fmt.Sprintf(`{"members":[{"id":"%x","name":"pd-0","peerURLs":["http://pd-0:2380"],"clientURLs":["http://pd-0:2379"]}]}`, pd.members[0].id))
	check("/else", 404, "404 page not found")
	check("/pd/api/v1/else", 200, "not bootstrapped")

	_, err := pd.AddStore(Store{Address: "127.0.1.21:10800", ClientAddress: "127.0.1.21:6370", Zone: "z1", Rack: "r1", Capacity: 100})
	require.NoError(t, err)
	check("/pd/api/v1/stores", 200, `{"code":0,"error":"","value":[{"meta":{"id":1,"address":"127.0.1.21:10800","lables":[{"key":"zone","value":"z1"},{"key":"rack","value":"r1"}],
		"state":0,"clientAddress":"127.0.1.21:6370"},"status":{"stats":{"storeID":1,"capacity":100,"available":100,"cellCount":1,"sendingSnapCount":0,"receivingSnapCount":0,
		"startTime":1795246679,"applyingSnapCount":0,"isBusy":false,"usedSize":0,"bytesWritten":0,"logLevel":15},"leaderCount":1,"lastHeartbeatTS":1795246679}}]}`)
	cell := `{"meta":{"id":2,"start":null,"end":null,"epoch":{"confVer":1,"cellVer":1},"peers":[{"id":3,"storeID":1}]},"leader":{"id":3,"storeID":1},"downPeers":null,"pendingPeers":null}`
	check("/pd/api/v1/cells", 200, `{"code":0,"error":"","value":[`+cell+`]}`)
	check("/pd/api/v1/cells/2", 200, `{"code":0,"error":"","value":`+cell+`}`)
	check("/pd/api/v1/stores/1/cells", 200, `{"code":0,"error":"","value":[`+cell+`]}`)
	check("/pd/api/v1/stores/9/cells", 200, `{"code":0,"error":"","value":[]}`)
	check("/pd/api/v1/operators", 200, `{"code":0,"error":"","value":null}`)
	check("/pd/api/v1/stores/9", 500, "PANIC: runtime error: invalid memory address")
	check("/pd/api/v1/cells/9", 500, "PANIC: runtime error: invalid memory address")
	check("/pd/api/v1/stores/x", 200, `"code":1`)
	check("/pd/api/v1/else", 404, "404 page not found")

	require.NoError(t, pd.Elect("pd-0"))
	check("/pd/api/v1/stores", 200, `"leaderCount":0,"lastHeartbeatTS":-62135596800`)
	check("/pd/api/v1/cells", 200, `"leader":null,"downPeers":null,"pendingPeers":null`)
}

func TestBalance(t *testing.T) {
	pd := New(Config{})
	pd.init = &wireInit{InitCellCount: 4}
	for _, name := range []string{"a", "b", "c"} {
		_, err := pd.AddStore(Store{Address: name})
		require.NoError(t, err)
	}
	pd.Settle()
	for range 10 {
		pd.Balance()
	}
	for id, n := range pd.leaders() {
		assert.LessOrEqual(t, n, 2, "store %d", id)
	}
}

func TestSingleReplicaIsCopiedBeforeItGoes(t *testing.T) {
	pd := New(Config{MaxReplicas: 1, PendingSteps: 2})
	a, err := pd.AddStore(Store{Address: "a"})
	require.NoError(t, err)
	b, err := pd.AddStore(Store{Address: "b"})
	require.NoError(t, err)
	require.NoError(t, pd.Down(a))
	pd.Step()
	require.NotNil(t, pd.cells[0].on(a))
	pd.Settle()
	assert.Nil(t, pd.cells[0].on(a))
	assert.Equal(t, b, pd.cells[0].leader.store)
}

// Without a majority a cell has no leader, and PD moves nothing of it.
func TestLostMajority(t *testing.T) {
	pd := New(Config{})
	for _, name := range []string{"a", "b", "c"} {
		_, err := pd.AddStore(Store{Address: name})
		require.NoError(t, err)
	}
	pd.Settle()
	pd.StopStore(1)
	pd.StopStore(pd.stores[1].id)
	pd.Settle()
	assert.Nil(t, pd.cells[0].leader)
	require.NoError(t, pd.StartStore(1, Store{}))
	pd.Settle()
	assert.NotNil(t, pd.cells[0].leader)
}

func TestRoundTripErrors(t *testing.T) {
	pd := New(Config{})
	f := NewFarm(pd)
	_, err := f.RoundTrip(request(t, context.Background(), "http://else:2379/health"))
	assert.ErrorContains(t, err, "no such host")
	pd.StopMember("pd-0")
	_, err = f.RoundTrip(request(t, context.Background(), "http://pd-0:2379/health"))
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, pd.StartMember("pd-0"))

	pd.SetModes(Silent)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = f.RoundTrip(request(t, ctx, "http://pd-0:2379/health"))
	assert.ErrorIs(t, err, context.Canceled)
	freed := make(chan error)
	go func() {
		_, err := f.RoundTrip(request(t, context.Background(), "http://pd-0:2379/health"))
		freed <- err
	}()
	require.Eventually(t, func() bool { return pd.CallCount() == 2 }, 10*time.Second, time.Millisecond)
	pd.SetModes(Well)
	select {
	case err := <-freed:
		assert.Error(t, err, "who waited gets a broken connection")
	case <-time.After(10 * time.Second):
		t.Fatal("a change of mode must free who waits")
	}
	require.NoError(t, f.Close())
}

// BenchmarkPDs reports what each of a thousand PDs of three members and three stores costs.
func BenchmarkPDs(b *testing.B) {
	const count = 1000
	var held uint64
	for b.Loop() {
		before := heapInUse()
		f := NewFarm()
		for i := range count {
			pd := New(Config{Members: []string{"pd-0", "pd-1", "pd-2"}, KeepCalls: -1,
				ClientURL: func(name string) string { return fmt.Sprintf("http://%s.ns-%d:2379", name, i) }})
			for j := range 3 {
				if _, err := pd.AddStore(Store{Address: fmt.Sprint(j)}); err != nil {
					b.Fatal(err)
				}
			}
			pd.Settle()
			f.Add(pd)
		}
		held = heapInUse() - before
		runtime.KeepAlive(f)
	}
	b.ReportMetric(float64(held)/count, "B/PD")
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
