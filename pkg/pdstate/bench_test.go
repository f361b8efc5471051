// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// recorded answers every request with what one PD of three members and three
// stores said, so that only the poller and the client are measured.
type recorded map[string][]byte

func record(b *testing.B) recorded {
	pd := pdtest.New(pdtest.Config{Members: []string{"demo-pd-0", "demo-pd-1", "demo-pd-2"}, KeepCalls: -1})
	for i := range 3 {
		name := fmt.Sprintf("demo-store-%d.demo-store-peer.cell.svc", i)
		if _, err := pd.AddStore(pdtest.Store{Address: name + ":10800", ClientAddress: name + ":6370", Zone: "zone-1", Rack: "node-1"}); err != nil {
			b.Fatal(err)
		}
	}
	pd.Settle()
	farm := pdtest.NewFarm(pd)
	answers := recorded{}
	for _, path := range []string{"/pd/api/v1/system", "/pd/api/v1/stores", "/v2/members"} {
		req, err := http.NewRequest(http.MethodGet, pd.Endpoints()[0]+path, nil)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := farm.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		answers[path], err = io.ReadAll(resp.Body)
		if err != nil {
			b.Fatal(err)
		}
	}
	return answers
}

func (r recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(r[req.URL.Path]))}, nil
}

func endpointsOf(i int) []string {
	var urls []string
	for m := range 3 {
		urls = append(urls, fmt.Sprintf("http://demo-pd-%d.demo-pd-peer.ns-%d.svc:2379", m, i))
	}
	return urls
}

// BenchmarkClusters has a thousand settled clusters polled once, and reports what each of them holds afterwards.
func BenchmarkClusters(b *testing.B) {
	const clusters = 1000
	factory := pdapi.NewFactory(pdapi.Options{Transport: record(b)})
	var held uint64
	for b.Loop() {
		before := heapInUse()
		answered := make(chan string, clusters)
		p := New(Options{Factory: factory, Notify: func(key string) { answered <- key }})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			p.Run(ctx)
			close(done)
		}()
		for i := range clusters {
			p.Ensure(fmt.Sprintf("ns-%d/demo", i), Target{Endpoints: endpointsOf(i)})
		}
		for range clusters {
			<-answered
		}
		time.Sleep(time.Millisecond)
		held = heapInUse() - before
		if n := runtime.NumGoroutine(); n > 20 {
			b.Fatalf("%d goroutines for clusters at rest", n)
		}
		cancel()
		<-done
		runtime.KeepAlive(p)
	}
	b.ReportMetric(float64(held)/clusters, "B/cluster")
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/clusters, "µs/poll")
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkAsk is one poll of a settled cluster, three requests, without the network.
func BenchmarkAsk(b *testing.B) {
	client := pdapi.New(endpointsOf(0), pdapi.Options{Transport: record(b)})
	var last *Snapshot
	b.ReportAllocs()
	for b.Loop() {
		last = ask(context.Background(), client, Target{}, last, t0)
		if last.Err != nil {
			b.Fatal(last.Err)
		}
	}
}

// BenchmarkEnsure is what a sync pays for a target that has not changed.
func BenchmarkEnsure(b *testing.B) {
	p := New(Options{Factory: pdapi.NewFactory(pdapi.Options{Transport: recorded{}})})
	target := Target{Endpoints: endpointsOf(0)}
	b.ReportAllocs()
	for b.Loop() {
		p.Ensure("ns/demo", target)
		_ = p.Get("ns/demo")
	}
}

// BenchmarkChanges compares snapshots of a cluster with 1,000 cells.
func BenchmarkChanges(b *testing.B) {
	before, after := healthy(), healthy()
	for range 499 {
		before.Cells = append(before.Cells, before.Cells[:2]...)
	}
	after.Cells = before.Cells
	b.ReportAllocs()
	for b.Loop() {
		if c := Changes(before, after); c != 0 {
			b.Fatal(c)
		}
	}
}
