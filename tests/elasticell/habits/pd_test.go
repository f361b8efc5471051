// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

const (
	panicBody     = "PANIC: runtime error: invalid memory address"
	unknownTS     = -62135596800
	leaderKey     = "/pd/meta/leader"
	systemPath    = "/pd/api/v1/system"
	redirectProbe = "PD-Redirector"
)

func etcd(t *testing.T, pds ...*testcluster.PD) *clientv3.Client {
	t.Helper()
	var endpoints []string
	for _, pd := range pds {
		endpoints = append(endpoints, "http://"+pd.Client)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 3 * time.Second, Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func body(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

// The paths of etcd's side, in the form of the etcd that Elasticell embeds, and an etcd client of today.
func TestEtcdSide(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{})
	c.StartPDs()
	pd := c.PDs[0]
	status, health := body(t, "http://"+pd.Client+"/health")
	assert.Equal(t, 200, status)
	assert.JSONEq(t, `{"health":"true"}`, health)
	_, version := body(t, "http://"+pd.Client+"/version")
	assert.Contains(t, version, `"etcdserver":"3.`)
	_, members := body(t, "http://"+pd.Client+"/v2/members")
	for _, each := range c.PDs {
		assert.Contains(t, members, fmt.Sprintf(`"name":"%s","peerURLs":["http://%s"],"clientURLs":["http://%s"]`, each.Name, each.Peer, each.Client))
	}
	_, metrics := body(t, "http://"+pd.Client+"/metrics")
	assert.Contains(t, metrics, "etcd_server_has_leader 1")
	_, self := body(t, "http://"+pd.Client+"/v2/stats/self")
	assert.Contains(t, self, `"name":"pd0"`)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := etcd(t, pd).Get(ctx, leaderKey)
	require.NoError(t, err)
	require.Len(t, got.Kvs, 1)
	assert.Contains(t, string(got.Kvs[0].Value), c.Leader().Name)
	assert.Contains(t, string(got.Kvs[0].Value), "http://"+c.Leader().Client)
}

// Only the leader answers the probe; followers ask the leader for others; what is unknown is a panic.
func TestFollowersForward(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{Stores: 1})
	c.StartPDs()
	c.StartStore(c.Stores[0])
	testcluster.Await(t, 10*time.Second, "bootstrapped", func() bool { return c.System().AlreadyBootstrapped })
	leader, leading := c.Leader(), 0
	for _, pd := range c.PDs {
		a, err := pd.API("GET", systemPath, "", redirectProbe, "probe")
		require.NoError(t, err)
		if a.Status == http.StatusOK {
			leading++
		} else {
			assert.Equal(t, 500, a.Status)
			assert.Contains(t, a.Body, "redirect to not leader")
		}
		a, err = pd.API("GET", systemPath, "")
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, a.Status)
		for _, path := range []string{"/stores/4711", "/cells/4711"} {
			a, err := pd.API("GET", "/pd/api/v1"+path, "")
			require.NoError(t, err)
			assert.Equal(t, 500, a.Status, path)
			assert.Contains(t, a.Body, panicBody)
		}
	}
	assert.Equal(t, 1, leading)

	leader.Kill()
	for _, pd := range c.PDs {
		if pd != leader {
			a, err := pd.API("GET", systemPath, "")
			require.NoError(t, err)
			assert.Equal(t, 500, a.Status)
			assert.Contains(t, a.Body, "redirect failed", "the record still names the dead one")
		}
	}
}

// The leader's record names where it listens, not what it advertises. (In pods, where all ports are alike, a follower
// of one that listens on 0.0.0.0 asks itself: see internal/pd.)
func TestRecordNamesTheListenURL(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1})
	pd := c.PDs[0]
	_, port, err := net.SplitHostPort(pd.Client)
	require.NoError(t, err)
	pd.Flags = []string{"-urls-client=http://0.0.0.0:" + port, "-urls-advertise-client=http://" + pd.Client}
	c.StartPDs()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := etcd(t, pd).Get(ctx, leaderKey)
	require.NoError(t, err)
	assert.Contains(t, string(got.Kvs[0].Value), "http://0.0.0.0:")
}

// After an election the figures are unknown until the stores report again; ids jump.
func TestUnknownAfterElection(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{StoreFlags: []string{"-interval-heartbeat-store=60", "-interval-heartbeat-cell=60"}, Stores: 1, PDFlags: []string{"-limit-replicas=1"}})
	c.StartPDs()
	c.StartStore(c.Stores[0])
	known := func() bool {
		var stores []testcluster.StoreInfo
		var cells []testcluster.CellInfo
		return c.Get("/pd/api/v1/stores", &stores) == nil && c.Get("/pd/api/v1/cells", &cells) == nil && len(cells) == 1 &&
			cells[0].Leader != nil && stores[0].Status.LastHeartbeatTS > 0
	}
	testcluster.Await(t, 10*time.Second, "everything is known", known)
	c.Leader().Kill()
	begin := time.Now()
	c.Leader()
	t.Logf("another PD leads after %s", time.Since(begin))
	assert.Greater(t, time.Since(begin), 3*time.Second, "the lease has to run out")
	store := c.ListStores()[0]
	assert.Equal(t, int64(unknownTS), store.Status.LastHeartbeatTS)
	assert.Zero(t, store.Status.Stats.Capacity)
	assert.Nil(t, c.ListCells()[0].Leader)
}

// A PD leader does not resign at its end; started again at once it leads again.
func TestLeaderRestart(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{})
	c.StartPDs()
	leader := c.Leader()
	begin := time.Now()
	took := leader.Term()
	assert.GreaterOrEqual(t, took, time.Second)
	assert.Less(t, took, 3*time.Second)
	c.StartPD(leader)
	assert.Equal(t, leader.Name, c.Leader().Name)
	t.Logf("the same PD leads again %s after SIGTERM", time.Since(begin))
}

// revoke takes the PD leader's lease away.
func revoke(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	client := etcd(t, c.PDs...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := client.Get(ctx, leaderKey)
	require.NoError(t, err)
	require.Len(t, got.Kvs, 1)
	_, err = client.Revoke(ctx, clientv3.LeaseID(got.Kvs[0].Lease))
	require.NoError(t, err)
}

// A PD that loses its leadership while a proxy is registered never campaigns again. With all of them so there is no
// leader, though each says it is healthy; a restart of one cures it.
func TestWedge(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 2, Stores: 1, Proxies: 1, PDFlags: []string{"-limit-replicas=1"}})
	c.Up()
	first := c.Leader()
	revoke(t, c)
	testcluster.Await(t, 5*time.Second, "the other leads", func() bool { l := c.FindLeader(); return l != nil && l != first })
	time.Sleep(1500 * time.Millisecond) // a heartbeat of the proxy: registrations are loaded from etcd anyway
	revoke(t, c)
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(500 * time.Millisecond) {
		require.Nil(t, c.FindLeader(), "nobody campaigns")
	}
	for _, pd := range c.PDs {
		_, health := body(t, "http://"+pd.Client+"/health")
		assert.JSONEq(t, `{"health":"true"}`, health)
		a, err := pd.API("GET", systemPath, "")
		require.NoError(t, err)
		assert.Contains(t, a.Body, panicBody)
	}
	first.Term()
	c.StartPD(first)
	assert.Equal(t, first.Name, c.Leader().Name)
}

// A PD leader that stands still for longer than its lease loses the leadership, and is wedged the same.
func TestStalledLeaderIsWedged(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{Stores: 1, Proxies: 1, PDFlags: []string{"-limit-replicas=1"}})
	c.Up()
	stalled := c.Leader()
	stalled.Freeze(t)
	var next *testcluster.PD
	testcluster.Await(t, 20*time.Second, "another leads", func() bool {
		for _, pd := range others(c, stalled) {
			if a, err := pd.API("GET", systemPath, "", redirectProbe, "probe"); err == nil && a.Status == http.StatusOK {
				next = pd
			}
		}
		return next != nil
	})
	stalled.Thaw()
	testcluster.Await(t, 10*time.Second, "it knows that it lost", func() bool { return contains(stalled.Log(), "PD leadership lost") })
	next.Kill()
	third := c.Leader()
	require.NotEqual(t, stalled.Name, third.Name)
	a, err := stalled.API("GET", systemPath, "")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status, "it still forwards")
}

// A PD leader that was removed from the members goes on leading, though its etcd is gone. After its end another leads;
// started again with its old data it has no API, and accepts RPC connections all the same.
func TestRemovedLeaderGoesOn(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{Stores: 1, PDFlags: []string{"-limit-replicas=1"}})
	c.StartPDs()
	c.StartStore(c.Stores[0])
	testcluster.Await(t, 10*time.Second, "bootstrapped", func() bool { return c.System().AlreadyBootstrapped })
	victim := c.Leader()
	removeMember(t, c, victim)
	testcluster.Await(t, 20*time.Second, "its etcd is gone", func() bool {
		status, health := body(t, "http://"+victim.Client+"/health")
		return status == 503 && health == `{"health":"false"}`
	})
	for begin := time.Now(); time.Since(begin) < 12*time.Second; time.Sleep(time.Second) {
		a, err := victim.API("GET", "/pd/api/v1/stores", "", redirectProbe, "probe")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.Status, a.Body)
		require.Equal(t, victim.Name, c.Leader().Name)
	}
	a, err := victim.API("DELETE", "/pd/api/v1/stores/1", "")
	require.NoError(t, err)
	assert.Zero(t, a.Code, "it even writes: %s", a.Error)

	victim.Term()
	testcluster.Await(t, 20*time.Second, "another leads", func() bool { l := c.FindLeader(); return l != nil })
	assert.Equal(t, down, c.ListStores()[0].Meta.State)
	c.StartPD(victim)
	time.Sleep(4 * time.Second)
	assert.True(t, victim.Alive())
	conn, err := dial(victim.RPC)
	require.NoError(t, err)
	_ = conn.Close()
	_, err = victim.API("GET", systemPath, "", redirectProbe, "probe")
	assert.Error(t, err, "no API")
}

func removeMember(t *testing.T, c *testcluster.Cluster, victim *testcluster.PD) {
	t.Helper()
	client := etcd(t, others(c, victim)...)
	testcluster.Await(t, 2*time.Minute, "the member is removed", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		list, err := client.MemberList(ctx)
		if err != nil {
			return false
		}
		for _, m := range list.Members {
			if m.Name == victim.Name {
				_, err := client.MemberRemove(ctx, m.ID)
				return accepted(t, err)
			}
		}
		return true
	})
}

// A member that lost its data: `new` ends it, `existing` too, until its old self was removed and it was added again.
func TestMemberLosesItsData(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{})
	c.StartPDs()
	victim := c.PDs[0]
	if c.Leader() == victim {
		victim = c.PDs[1]
	}
	victim.Kill()
	lose := func() { require.NoError(t, os.RemoveAll(victim.Data)) }
	lose()
	c.StartPD(victim)
	code, err := victim.ExitCode(2 * time.Minute)
	require.NoError(t, err)
	assert.NotZero(t, code)
	assert.Contains(t, victim.Log(), "has already been bootstrapped")
	lose()
	c.StartPD(victim, "-initial-cluster-state=existing")
	code, err = victim.ExitCode(2 * time.Minute)
	require.NoError(t, err)
	assert.NotZero(t, code)

	removeMember(t, c, victim)
	addMember(t, c, victim)
	lose()
	c.StartPD(victim, "-initial-cluster-state=existing")
	testcluster.Await(t, 2*time.Minute, "it answers", func() bool {
		a, err := victim.API("GET", systemPath, "")
		return err == nil && a.Status == http.StatusOK
	})
}

func addMember(t *testing.T, c *testcluster.Cluster, pd *testcluster.PD) {
	t.Helper()
	client := etcd(t, others(c, pd)...)
	testcluster.Await(t, 2*time.Minute, "the member is added", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := client.MemberAdd(ctx, []string{"http://" + pd.Peer})
		return accepted(t, err)
	})
}

// accepted says whether a change of members was taken; within 5 s of another change, or of a start, it is not.
func accepted(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		require.ErrorContains(t, err, "unhealthy cluster")
		time.Sleep(500 * time.Millisecond)
	}
	return err == nil
}

// others are all PDs but one.
func others(c *testcluster.Cluster, but *testcluster.PD) []*testcluster.PD {
	var list []*testcluster.PD
	for _, each := range c.PDs {
		if each != but {
			list = append(list, each)
		}
	}
	return list
}
