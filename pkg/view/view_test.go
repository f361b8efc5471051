// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

func TestBuild(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	// What is another's, or has a name that no member has, is not seen.
	f.Add(Pod(Cluster("other"), naming.PD, 0), Claim(Cluster("other"), naming.PD, 0),
		Pod(c, naming.Store, 0, Named("demo-store-x")))
	strange := Claim(c, naming.Store, 0)
	strange.Name = "backup-demo-store-0"
	f.Add(strange, Node("node-1"), Node("node-9"),
		&corev1.PersistentVolume{ObjectMeta: named("pv-pd-2")}, &corev1.PersistentVolume{ObjectMeta: named("pv-x")})
	v := f.View(c, PDState(c, Stores(3)))

	assert.Equal(t, []int32{0, 1, 2}, ordinals(&v.PD))
	assert.Equal(t, []int32{0, 1, 2}, ordinals(&v.Store))
	assert.Len(t, v.Proxy.Pods, 2)
	assert.Len(t, v.PD.Claims, 3)
	assert.Equal(t, "data-demo-store-0", v.Store.Claims[0].Name)
	assert.Len(t, v.Services, 4)
	assert.Len(t, v.Budgets, 4)
	assert.Equal(t, "demo-start", v.Start.Name)
	assert.Equal(t, "demo-pd", v.PD.Set.Name)
	assert.Equal(t, "demo-proxy", v.Proxy.Deployment.Name)
	assert.Nil(t, v.Proxy.Autoscaler)
	assert.Len(t, v.Nodes, 1, "of the nodes, those with pods")
	assert.NotNil(t, v.Nodes["node-1"])
	assert.Len(t, v.Volumes, 1, "of the volumes, those behind the claims")
	assert.NotNil(t, v.Volumes["pv-pd-2"])
	assert.Equal(t, Now(), v.Now)

	p, ok := v.PD.Pod(2)
	assert.True(t, ok)
	assert.Equal(t, "demo-pd-2", p.Name)
	_, ok = v.PD.Pod(3)
	assert.False(t, ok)
}

func ordinals(s *view.Set) []int32 {
	var out []int32
	for _, p := range s.Pods {
		out = append(out, p.Ordinal)
	}
	return out
}

func TestBuildOfNothing(t *testing.T) {
	v := New().View(Cluster("demo"), nil)
	assert.Nil(t, v.PD.Set)
	assert.Nil(t, v.Proxy.Deployment)
	assert.Nil(t, v.Start)
	assert.Zero(t, v.PD.Replicas())
	assert.Zero(t, v.PD.Ready()+v.PD.Updated()+v.Proxy.Ready()+v.Proxy.Updated()+v.PD.Known())
	assert.Empty(t, v.Stores())
	assert.Empty(t, v.MissingClasses)
}

func TestMissingClasses(t *testing.T) {
	class := func(pd, store *string) func(*v1alpha1.CellCluster) {
		return func(c *v1alpha1.CellCluster) { c.Spec.PD.StorageClassName, c.Spec.Store.StorageClassName = pd, store }
	}
	tests := map[string]struct {
		set  func(*v1alpha1.CellCluster)
		want []string
	}{
		"none named":       {class(nil, nil), nil},
		"none wanted":      {class(new(""), new("")), nil},
		"there":            {class(new("there"), new("there")), nil},
		"one missing":      {class(new("there"), new("gone")), []string{"gone"}},
		"twice the same":   {class(new("gone"), new("gone")), []string{"gone"}},
		"two are missing":  {class(new("a"), new("b")), []string{"a", "b"}},
		"one missing more": {class(nil, new("gone")), []string{"gone"}},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, New(Class("there")).View(Cluster("demo", test.set), nil).MissingClasses, name)
	}
}

func TestCounts(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	f.Add(Pod(c, naming.Store, 0, Ready, Outdated), Pod(c, naming.Store, 1, Running), Pod(c, naming.Store, 2, Ready, Terminating),
		Pod(c, naming.Proxy, 0, Ready, Outdated, Named("demo-proxy-7d9f-0")), Pod(c, naming.Proxy, 0, Failed("Evicted", "low on memory"), Named("demo-proxy-7d9f-x")))
	v := f.View(c, nil)
	assert.Len(t, v.Proxy.Pods, 2, "one that was evicted has been replaced, and stays as an object")
	assert.EqualValues(t, 1, v.Store.Ready())
	assert.EqualValues(t, 2, v.Store.Updated())
	assert.EqualValues(t, 2, v.Proxy.Ready())
	assert.EqualValues(t, 1, v.Proxy.Updated())
	assert.EqualValues(t, 3, v.Store.Replicas())
	assert.True(t, v.Store.Outdated(v.Store.Pods[0].Pod))
	assert.EqualValues(t, 2, v.ProxyReplicas())
}

// A StatefulSet that was lost comes back with all members that anything speaks of.
func TestKnown(t *testing.T) {
	c := Cluster("demo")
	f := New(Pod(c, naming.Store, 1), Claim(c, naming.Store, 3), Claim(c, naming.Store, 5, Retired), Claim(c, naming.PD, 8))
	assert.EqualValues(t, 4, new(f.View(c, nil).Store).Known())
	f.Add(Pod(c, naming.Store, 5))
	assert.EqualValues(t, 6, new(f.View(c, nil).Store).Known())
}

func TestPDKnowledge(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	tests := map[string]struct {
		state           *pdstate.Snapshot
		silent, unknown string // parts; "" where all is known
	}{
		"never asked":          {nil, "PD has not answered yet", "PD has not answered yet"},
		"never answered":       {&pdstate.Snapshot{}, "PD has not answered yet", "PD has not answered yet"},
		"answers":              {PDState(c, Stores(3)), "", ""},
		"answers no more":      {PDState(c, Stores(3), Unreachable), "connection refused", "connection refused"},
		"answered long ago":    {PDState(c, Stores(3), Stale), "", "PD's last answer is too old"},
		"has elected just now": {PDState(c, Stores(3), YoungLeader), "", "leads only since a moment ago"},
		"elected, all heard":   {PDState(c, Stores(3), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.LeaderSince = Now() }), "", ""},
		"one is silent":        {PDState(c, Stores(3), SetStore(2, Silent)), "", ""},
		"not loaded":           {PDState(c), "has not loaded the cluster", "has not loaded the cluster"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := New().View(c, test.state)
			compare(t, test.silent, v.PDSilent())
			compare(t, test.unknown, v.PDUnknown())
			later := *v
			later.Now = later.Now.Add(3 * time.Second)
			assert.Equal(t, v.PDSilent(), later.PDSilent(), "the text does not change by itself")
			assert.Equal(t, v.PDUnknown(), later.PDUnknown(), "the text does not change by itself")
		})
	}
}

func compare(t *testing.T, part, text string) {
	t.Helper()
	if part == "" {
		assert.Empty(t, text)
	} else {
		assert.Contains(t, text, part)
	}
}

func TestHeartbeatLimit(t *testing.T) {
	c := Cluster("demo")
	assert.Equal(t, 20*time.Second, New().View(c, nil).HeartbeatLimit(), "three of 5 s and a bit")
	c.Spec.Store.Config.StoreHeartbeatInterval.Duration = time.Minute
	assert.Equal(t, 185*time.Second, New().View(c, nil).HeartbeatLimit())

	every := func(interval string) PodModifier {
		return func(p *corev1.Pod) { p.Annotations[naming.AnnotationHeartbeat] = interval }
	}
	f := New(Pod(c, naming.Store, 0, every("5s")), Pod(c, naming.Store, 1, every("5s")))
	assert.Equal(t, 20*time.Second, f.View(c, nil).HeartbeatLimit(), "no pod has been restarted with the new interval")
	f.Add(Pod(c, naming.Store, 1, every("30s")))
	assert.Equal(t, 95*time.Second, f.View(c, nil).HeartbeatLimit(), "the slowest decides")
}

func TestStores(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	v := New().View(c, PDState(c, Stores(6), SetStore(2, State(pdapi.Down)), SetStore(3, State(pdapi.Tombstone)), SetStore(4, Silent), SetStore(5, Unheard)))
	assert.Equal(t, []uint64{1, 2, 4, 5, 6}, ids(v.Stores()))
	assert.Equal(t, []uint64{1, 6}, ids(v.UpStores()))
	require.NotNil(t, v.StoreOf("demo-store-1"))
	assert.EqualValues(t, 2, v.StoreOf("demo-store-1").ID)
	assert.Nil(t, v.StoreOf("demo-store-2"), "a tombstone is in no pod")
	assert.Nil(t, v.StoreOf("demo-store-9"))
}

func ids(stores []pdapi.Store) []uint64 {
	var out []uint64
	for _, s := range stores {
		out = append(out, s.ID)
	}
	return out
}

// Addresses tell pods, and only those of this cluster.
func TestPodsOfAddresses(t *testing.T) {
	c := Cluster("demo")
	v := New().View(c, nil)
	for address, want := range map[string]string{
		Store(c, 1, 2).Address:                        "demo-store-2",
		"demo-store-0.demo-store-peer.ns.svc:10800":   "demo-store-0",
		"demo-pd-0.demo-pd-peer.ns.svc:10800":         "",
		"other-store-0.other-store-peer.ns.svc:10800": "",
		"demo2-store-0.demo2-store-peer.ns.svc:10800": "",
		"10.0.0.1:10800":                              "",
		"":                                            "",
	} {
		assert.Equal(t, want, v.StorePod(&pdapi.Store{Address: address}), address)
	}
	for url, want := range map[string]string{
		PDMember(c, 1).PeerURLs[0]:                    "demo-pd-1",
		"http://demo-pd-2.demo-pd-peer.ns.svc:2379":   "demo-pd-2",
		"demo-pd-2.demo-pd-peer.ns.svc:2379":          "",
		"http://other-pd-0.other-pd-peer.ns.svc:2380": "",
		"http://10.0.0.1:2380":                        "",
	} {
		assert.Equal(t, want, v.PDPodOfHost(url), url)
	}
	m := PDMember(c, 1)
	m.PeerURLs = append([]string{"http://10.0.0.1:2380"}, m.PeerURLs...)
	assert.Equal(t, "demo-pd-1", v.PDPodOfMember(&m))
	assert.Empty(t, v.PDPodOfMember(&pdapi.Member{}))
}

func TestPDLeader(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	assert.Equal(t, "demo-pd-0", f.View(c, PDState(c, Stores(3))).PDLeader())
	assert.Empty(t, f.View(c, PDState(c, Unreachable)).PDLeader(), "what was once is not what is")
	assert.Empty(t, f.View(c, nil).PDLeader())
	assert.Empty(t, f.View(c, PDState(c)).PDLeader(), "it has not loaded the cluster")
	assert.Empty(t, New().View(c, PDState(c, Stores(3))).PDLeader(), "no pod has the address")
	assert.Equal(t, "http://10.0.1.1:2379", view.PDEndpoint(Pod(c, naming.PD, 0, Ready)))
}

// A PD that has lost its data and begun anew is not taken for the old one.
func TestForeignPD(t *testing.T) {
	tests := map[string]struct {
		remembered string
		state      func(*v1alpha1.CellCluster) *pdstate.Snapshot
		foreign    bool
	}{
		"nothing remembered":     {"", func(c *v1alpha1.CellCluster) *pdstate.Snapshot { return PDState(c) }, false},
		"nothing known":          {ClusterID, func(*v1alpha1.CellCluster) *pdstate.Snapshot { return nil }, false},
		"the same":               {ClusterID, func(c *v1alpha1.CellCluster) *pdstate.Snapshot { return PDState(c) }, false},
		"another":                {"ab", func(c *v1alpha1.CellCluster) *pdstate.Snapshot { return PDState(c) }, true},
		"members without any id": {ClusterID, func(c *v1alpha1.CellCluster) *pdstate.Snapshot { return PDState(c, withoutIDs) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo")
			c.Status.ClusterID = test.remembered
			v := New().View(c, test.state(c))
			assert.Equal(t, test.foreign, v.ForeignPD() != "", v.ForeignPD())
			if test.foreign {
				assert.Contains(t, v.ForeignPD(), "PD's cluster id is c1 and was ab")
			}
		})
	}
}

func withoutIDs(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
	for i := range s.Members {
		s.Members[i].ClusterID = 0
	}
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

// What is said of a PD's failure is one stable sentence: no endpoint, which may be another the next time.
func TestSilence(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	for cause, want := range map[error]string{
		pdapi.ErrNoLeader:        "no PD leads",
		pdapi.ErrUnreachable:     "no PD answers; look at the PD pods",
		pdapi.ErrGarbage:         "what answers at PD's address is no PD",
		pdapi.ErrNotBootstrapped: "PD says that the cluster is not bootstrapped",
		pdapi.ErrUnknown:         "PD answers that it cannot tell",
	} {
		state := PDState(c, Stores(3), Unreachable)
		state.Err = fmt.Errorf("find leader at http://10.244.3.2:2379: %w", cause)
		got := New().View(c, state).PDSilent()
		assert.Contains(t, got, want)
		assert.NotContains(t, got, "10.244.3.2")
	}
	c.Status.PD.Members = map[string]v1alpha1.PDMember{"demo-pd-0": {}, "demo-pd-1": {}}
	state := PDState(c, Unreachable)
	state.Err = pdapi.ErrNoLeader
	assert.Contains(t, New().View(c, state).PDSilent(), "needs 2 of the 2 members, with their volumes")
}
