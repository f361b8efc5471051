// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/membership"
)

const twoMembers = `{"members":[
	{"id":"a8d266ad6d4e1f3c","name":"pd-0","peerURLs":["http://pd-0:2380"],"clientURLs":["http://pd-0:2379"]},
	{"id":"2","name":"","peerURLs":["http://pd-1:2380"],"clientURLs":[]}]}`

func TestMembers(t *testing.T) {
	want := []membership.Member{
		{ID: 0xa8d266ad6d4e1f3c, Name: "pd-0", PeerURLs: []string{"http://pd-0:2380"}, ClientURLs: []string{"http://pd-0:2379"}},
		{ID: 2, PeerURLs: []string{"http://pd-1:2380"}, ClientURLs: []string{}},
	}
	tests := []struct {
		name   string
		health string // "": none in time
		status int
		list   string
		quorum bool
		err    string
	}{
		{"healthy", `{"health":"true"}`, 200, twoMembers, true, ""},
		{"healthy, as later etcds say it", `{"health":"true","reason":""}`, 200, twoMembers, true, ""},
		{"not healthy", `{"health":"false"}`, 503, twoMembers, false, ""},
		{"not healthy with 200", `{"health":"false"}`, 200, twoMembers, false, ""},
		{"health hangs", "", 200, twoMembers, false, ""},
		{"no list", `{"health":"true"}`, 200, `{"members":[]}`, false, "it is empty"},
		{"another list", `{"health":"true"}`, 200, `{"members":[{"id":"x","name":"a"}]}`, false, "not a hexadecimal number"},
		{"garbage", `{"health":"true"}`, 200, `<html>`, false, "/v2/members: invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /v2/members", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(tt.list)) })
			mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
				if tt.health == "" {
					<-r.Context().Done()
					return
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.health))
			})
			server := httptest.NewServer(mux)
			defer server.Close()
			timeout := 5 * time.Second
			if tt.health == "" {
				timeout = 300 * time.Millisecond
			}
			from := launch.JoinMember{Name: "pd-0", ClientURL: server.URL + "/"}
			got := NewNetwork(timeout).Members(t.Context(), from)
			assert.Equal(t, from, got.From)
			if tt.err != "" {
				require.ErrorContains(t, got.Err, tt.err)
				return
			}
			require.NoError(t, got.Err)
			assert.Equal(t, want, got.Members)
			assert.Equal(t, tt.quorum, got.Quorum)
		})
	}
}

// Only a list that was asked for after a good /health is the cluster's: the
// first list may be older than the change that the quorum knows of.
func TestMembersAfterHealth(t *testing.T) {
	healthy := false
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		healthy = true
		_, _ = w.Write([]byte(`{"health":"true"}`))
	})
	mux.HandleFunc("GET /v2/members", func(w http.ResponseWriter, _ *http.Request) {
		if healthy {
			_, _ = w.Write([]byte(`{"members":[{"id":"2","name":"new"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"members":[{"id":"1","name":"old"}]}`))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	got := NewNetwork(5*time.Second).Members(t.Context(), launch.JoinMember{ClientURL: server.URL})
	require.NoError(t, got.Err)
	assert.True(t, got.Quorum)
	assert.Equal(t, "new", got.Members[0].Name)
}

func TestMembersOfNobody(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	got := NewNetwork(5*time.Second).Members(t.Context(), launch.JoinMember{ClientURL: server.URL})
	require.ErrorContains(t, got.Err, "404")
	server.Close()
	got = NewNetwork(5*time.Second).Members(t.Context(), launch.JoinMember{ClientURL: server.URL})
	require.ErrorContains(t, got.Err, "connection refused")
}

func TestDialAndLookup(t *testing.T) {
	network := NewNetwork(5 * time.Second)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, network.Dial(t.Context(), listener.Addr().String()))
	require.NoError(t, listener.Close())
	require.Error(t, network.Dial(t.Context(), listener.Addr().String()))

	addresses, err := network.LookupHost(t.Context(), "127.0.0.1")
	require.NoError(t, err)
	assert.Equal(t, []string{"127.0.0.1"}, addresses)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = network.LookupHost(ended, "demo-pd-0.demo-pd-peer.cell.svc")
	require.Error(t, err)
}
