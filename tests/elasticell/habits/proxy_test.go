// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// say sends one inline-free Redis command and returns the first line of the answer, or the error of waiting.
func say(conn net.Conn, wait time.Duration, words ...string) (string, error) {
	var b strings.Builder
	b.WriteString("*" + strconv.Itoa(len(words)) + "\r\n")
	for _, w := range words {
		b.WriteString("$" + strconv.Itoa(len(w)) + "\r\n" + w + "\r\n")
	}
	if _, err := conn.Write([]byte(b.String())); err != nil {
		return "", err
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), err
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// What is not on the list is refused, in upstream's form; an empty list refuses everything.
func TestSupportedCommands(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, Stores: 1, Proxies: 2, SupportCMDs: []string{"PING", "get"}, PDFlags: []string{"-limit-replicas=1"}})
	c.Up()
	conn, err := dial(c.Proxies[0].Addr)
	require.NoError(t, err)
	defer conn.Close()
	for _, test := range []struct{ words, want string }{
		{"PING", "+PONG"}, {"get x", "$-1"}, {"info", "-command not support: info"}, {"SET x y", "-command not support: set"},
		{"get", "-ERR wrong number of arguments for 'get' command"},
	} {
		got, err := say(conn, 5*time.Second, strings.Fields(test.words)...)
		require.NoError(t, err)
		assert.Equal(t, test.want, got)
	}
	c.Options.SupportCMDs = []string{}
	c.Proxies[1].Term()
	c.StartProxy(c.Proxies[1])
	testcluster.Await(t, 10*time.Second, "the proxy listens", func() bool {
		conn, err = dial(c.Proxies[1].Addr)
		return err == nil
	})
	defer conn.Close()
	got, err := say(conn, 5*time.Second, "ping")
	require.NoError(t, err)
	assert.Equal(t, "-command not support: ping", got)
}

// PING goes through to the leader of the first cell, and hangs, rather than fails, without it.
func TestPingHangsWithoutARoute(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, Stores: 1, Proxies: 1, PDFlags: []string{"-limit-replicas=1"}})
	c.Up()
	conn, err := dial(c.Proxies[0].Addr)
	require.NoError(t, err)
	defer conn.Close()
	c.Stores[0].Kill()
	testcluster.Await(t, 5*time.Second, "the proxy has noticed", func() bool { return contains(c.Proxies[0].Log(), "connection to store broken") })
	_, err = say(conn, 3*time.Second, "PING")
	require.True(t, isTimeout(err), "%v", err)
	c.StartStore(c.Stores[0])
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(15*time.Second)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err, "it was not under way, so it is answered in the end")
	assert.Equal(t, "+PONG\r\n", line)
}

// A request under way when the line to the store breaks is never answered.
func TestUnderWayOnABrokenLine(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, Stores: 1, Proxies: 1, PDFlags: []string{"-limit-replicas=1"}})
	c.Up()
	conn, err := dial(c.Proxies[0].Addr)
	require.NoError(t, err)
	defer conn.Close()
	c.Stores[0].Freeze(t)
	_, err = say(conn, time.Second, "set", "a", "b")
	require.True(t, isTimeout(err))
	c.Stores[0].Kill()
	c.StartStore(c.Stores[0])
	c.AwaitPong(c.Proxies[0], 20*time.Second)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(3*time.Second)))
	_, err = conn.Read(make([]byte, 1))
	assert.True(t, isTimeout(err), "%v", err)
}

// Without PD the proxy serves from what it knows; when it then has to fetch its routes and cannot, it ends. Stores that
// have given PD up never come back to it. Whoever was given the list often enough survives.
func TestPDGivenUpForGood(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, Stores: 2, Proxies: 2, PDFlags: []string{"-limit-replicas=2"}, Env: []string{"CELL_PD_DIAL_WAIT_MS=400"}})
	c.StartPDs()
	c.StartStore(c.Stores[0])
	testcluster.Await(t, 10*time.Second, "bootstrapped", func() bool { return c.System().AlreadyBootstrapped })
	c.Options.PDListRepeat = 20
	c.StartStore(c.Stores[1]) // this one has 20 tries
	c.AwaitFull(2 * time.Minute)
	c.StartProxy(c.Proxies[1])
	c.Options.PDListRepeat = 1
	c.StartProxy(c.Proxies[0])
	c.AwaitPong(c.Proxies[0], 20*time.Second)
	c.AwaitPong(c.Proxies[1], 20*time.Second)

	c.PDs[0].Kill()
	time.Sleep(3 * time.Second)
	for _, p := range c.Proxies {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		require.NoError(t, c.Redis(p).Set(ctx, "a", p.Name, 0).Err(), "without PD")
		cancel()
	}
	c.StartPD(c.PDs[0])
	c.Leader()
	lost, kept := c.StoreByAddr(c.Stores[0]).Meta.ID, c.StoreByAddr(c.Stores[1]).Meta.ID
	beats := func(id uint64) bool {
		for _, s := range c.ListStores() {
			if s.Meta.ID == id {
				return s.Status.LastHeartbeatTS > 0
			}
		}
		return false
	}
	testcluster.Await(t, 15*time.Second, "the patient store reports again", func() bool { return beats(kept) })
	time.Sleep(3 * time.Second)
	assert.False(t, beats(lost), "the other never does")
	assert.True(t, c.Stores[0].Alive())
	assert.Contains(t, c.Stores[0].Log(), "the client connection is closing")
	assert.True(t, c.Proxies[0].Alive(), "it has had nothing to fetch")
	assert.True(t, c.Proxies[1].Alive())
	c.Stores[0].Term()
	c.StartStore(c.Stores[0])
	testcluster.Await(t, 15*time.Second, "a restart cures it", func() bool { return beats(lost) })
}

// A proxy that PD cannot reach for its notifications finds a moved leader at its next heartbeat, or by the old one's
// hint. Its registration stays for ever.
func TestProxyThatPDCannotReach(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, Proxies: 1, InitCells: 2})
	c.Up()
	client := etcd(t, c.PDs[0])
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	watchers := func() int {
		n := 0
		got := must(client.Get(ctx, "/pd/cluster/", clientv3.WithPrefix()))
		for _, kv := range got.Kvs {
			if contains(string(kv.Key), "/watchers/") {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, watchers())
	c.Proxies[0].Term()
	c.Proxies[0].Notify = testcluster.FreeAddrs(t, "127.0.0.1", 1)[0]
	c.StartProxy(c.Proxies[0])
	c.AwaitPong(c.Proxies[0], 20*time.Second)
	assert.Equal(t, 2, watchers(), "the old address stays")

	for range 3 {
		for _, s := range c.Stores {
			evict(c, c.StoreByAddr(s).Meta.ID)
			require.NoError(t, c.Redis(c.Proxies[0]).Set(ctx, "a", "b", 0).Err())
		}
	}
}

// SIGTERM ends a proxy in a second or two, with its connections.
func TestProxyTerm(t *testing.T) {
	t.Parallel()
	c := testcluster.New(t, testcluster.Options{PDs: 1, Stores: 1, Proxies: 1, PDFlags: []string{"-limit-replicas=1"}})
	c.Up()
	took := c.Proxies[0].Term()
	assert.GreaterOrEqual(t, took, time.Second)
	assert.Less(t, took, 3*time.Second)
	code, err := c.Proxies[0].ExitCode(time.Second)
	require.NoError(t, err)
	assert.Zero(t, code)
}
