// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// change replaces the pod of a store by a modified one.
func change(f *Fakes, ordinal int32, modify ...PodModifier) {
	p := f.Pods.Get(Namespace, naming.Pod("demo", naming.Store, ordinal)).DeepCopy()
	for _, m := range modify {
		m(p)
	}
	f.Add(p)
}

// upgrading is a settled cluster in which some stores run an older spec.
func upgrading(c *v1alpha1.CellCluster, ordinals ...int32) *Fakes {
	f := Settled(c)
	for _, i := range ordinals {
		change(f, i, Outdated)
	}
	return f
}

// evicting marks a store as one whose leaders are moved away, since a time before Now.
func evicting(f *Fakes, before time.Duration, purpose string) PodModifier {
	return func(p *corev1.Pod) {
		if purpose == "" {
			set := f.StatefulSets.Get(Namespace, "demo-store")
			purpose = fmt.Sprintf("%s/%d", desired.RestartHash(set.Spec.Template.Annotations), set.Generation)
		}
		p.Annotations[naming.AnnotationEvicting] = Now().Add(-before).Format(time.RFC3339) + " " + purpose
	}
}

func TestUpgraderDecides(t *testing.T) {
	c := withStores(3)
	well := PDState(c, Stores(3))
	marked := func(ordinal int32, before time.Duration, purpose string, outdated ...int32) *Fakes {
		f := upgrading(c, outdated...)
		change(f, ordinal, evicting(f, before, purpose))
		return f
	}
	proceeding := Cluster("demo", Bootstrapped, proceed)
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		fakes   *Fakes
		state   *pdstate.Snapshot
		do      manager.Verb
		target  string // "" for no step at all
		message string
	}{
		"nothing to upgrade":            {c, Settled(c), well, "", "", ""},
		"a new cluster is not upgraded": {Cluster("demo"), upgrading(c, 0), well, "", "", ""},
		"the highest first":             {c, upgrading(c, 0, 1, 2), well, "Mark", "demo-store-2", "store 0/3 upgraded; moving the leaders away from pod demo-store-2"},
		"its leaders are on the move":   {c, marked(2, time.Minute, "", 0, 1, 2), well, "EvictLeaders", "demo-store-2", "moving the leaders away"},
		"what was begun is ended first": {c, marked(0, time.Minute, "", 0, 1, 2), well, "EvictLeaders", "demo-store-0", ""},
		"a mark of an older upgrade":    {c, marked(0, time.Minute, "other", 0, 2), well, "Mark", "demo-store-2", ""},
		"a mark that is none":           {c, marked(2, time.Minute, "\n", 2), well, "Mark", "demo-store-2", ""},
		"it takes too long":             {c, marked(2, 11*time.Minute, "", 2), well, "EvictLeaders", "demo-store-2", "for longer than spec.store.evictLeaderTimeout"},
		"it may take no longer":         {proceeding, marked(2, 11*time.Minute, "", 2), well, "Restart", "demo-store-2", "since spec.store.evictLeaderTimeout has run out"},
		"not while PD is unknown":       {c, upgrading(c, 0), PDState(c, Stores(3), Unreachable), "", "demo-store-0", "waits: PD does not answer"},
		"not under a young leader":      {c, upgrading(c, 0), PDState(c, Stores(3), YoungLeader), "", "demo-store-0", "waits: "},
		"not while a store is silent":   {c, upgrading(c, 0), PDState(c, Stores(3), SetStore(1, Silent)), "", "demo-store-0", "waits: store 1 does not report to PD"},
		"not while a cell lacks a peer": {c, upgrading(c, 0), PDState(c, Stores(3), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			s.Cells[2].Peers = s.Cells[2].Peers[:2]
		}), "", "demo-store-0", "waits: cell 102 has 2 of 3 replicas"},
		"not while a PD is not ready": {c, func() *Fakes {
			f := upgrading(c, 0)
			f.Add(Pod(c, naming.PD, 1, Running))
			return f
		}(), well, "", "demo-store-0", "waits: pod demo-pd-1 is not ready"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			step := store.NewUpgrader(nil, nil, nil).Decide(test.fakes.View(test.cluster, test.state))
			if test.target == "" {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, v1alpha1.ReasonRollingUpdate, step.Type)
			assert.Equal(t, test.target, step.Target)
			assert.Equal(t, test.do, step.Do)
			assert.Contains(t, step.Message, test.message)
		})
	}
}

// room has a PD and stores as a test wants them, and what acts on them.
type room struct {
	*Fakes
	t      *testing.T
	c      *v1alpha1.CellCluster
	pd     *pdtest.PD
	now    time.Time
	ids    []uint64 // of the stores, by ordinal
	client func(*view.Cluster) pdapi.Client
	again  []time.Duration
}

func newRoom(t *testing.T, c *v1alpha1.CellCluster, f *Fakes) *room {
	t.Helper()
	r := &room{Fakes: f, t: t, c: c, now: Now()}
	r.pd = NewPD(c, func(config *pdtest.Config) {
		config.Now = func() time.Time { return r.now }
		config.MaxReplicas = int(*c.Spec.PD.Config.MaxReplicas)
	})
	r.ids = AddStores(t, r.pd, c, c.Spec.Store.Replicas)
	factory := PDFactory(t, r.pd)
	r.client = func(*view.Cluster) pdapi.Client { return factory(r.pd.Endpoints()) }
	return r
}

func (r *room) lookAgain(_ *view.Cluster, after time.Duration) { r.again = append(r.again, after) }

// pass lets time pass, in which everything reports to PD.
func (r *room) pass(d time.Duration) {
	r.now = r.now.Add(d)
	r.pd.Tick()
}

// view is what a sync sees now, PD's newest answer included.
func (r *room) view() *view.Cluster {
	r.t.Helper()
	v := r.View(r.c, nil)
	v.Now = r.now
	last := PDState(r.c)
	v.State = pdstate.Look(r.t.Context(), r.client(v), last, v.HeartbeatLimit(), r.now)
	return v
}

// act takes the next step of an operation, and returns it.
func (r *room) act(o manager.Operation) *manager.Step {
	r.t.Helper()
	r.Reset()
	r.again = nil
	v := r.view()
	step := o.Decide(v)
	if step != nil && step.Do != "" {
		require.NoError(r.t, o.Act(r.t.Context(), v, step))
	}
	return step
}

// leads counts the cells that the store of an ordinal leads.
func (r *room) leads(ordinal int32) int { return r.view().LedBy(r.ids[ordinal]) }

func TestUpgrade(t *testing.T) {
	c := withStores(3)
	r := newRoom(t, c, upgrading(c, 1))
	u := store.NewUpgrader(r.Controls(), r.client, r.lookAgain)
	for range 10 { // give it leaders
		r.pd.Balance()
	}
	r.pass(time.Second)
	require.Positive(t, r.leads(1))

	assert.Equal(t, manager.Verb("Mark"), r.act(u).Do)
	assert.Equal(t, []string{"patch Pod demo-store-1"}, r.Writes())

	for rounds := 0; r.leads(1) > 0; rounds++ {
		require.Less(t, rounds, 20)
		assert.Equal(t, manager.Verb("EvictLeaders"), r.act(u).Do)
		assert.Empty(t, r.Writes(), "not while it leads cells")
		assert.NotEmpty(t, r.again)
		r.pass(time.Second)
	}
	assert.Equal(t, manager.Verb("EvictLeaders"), r.act(u).Do)
	assert.Equal(t, []string{"delete Pod demo-store-1"}, r.Writes())
	assert.Equal(t, []string{"Normal RollingUpdate: Restarted pod demo-store-1 with the new spec; it led 0 cells at that moment"}, r.Events.All())
}

// proceed lets an upgrade go on with leaders that have not moved in time.
func proceed(c *v1alpha1.CellCluster) { c.Spec.Store.EvictLeaderTimeoutPolicy = v1alpha1.EvictProceed }

// Leaders that nobody else can take are not waited for; neither are others beyond the limit.
func TestUpgradeWithLeaders(t *testing.T) {
	t.Run("single replicas", func(t *testing.T) {
		c := Cluster("demo", Bootstrapped, func(c *v1alpha1.CellCluster) { c.Spec.PD.Config.MaxReplicas = new(int32(1)) })
		r := newRoom(t, c, upgrading(c, 0))
		u := store.NewUpgrader(r.Controls(), r.client, r.lookAgain)
		require.Positive(t, r.leads(0))
		assert.Equal(t, manager.Verb("Mark"), r.act(u).Do)
		assert.Equal(t, manager.Verb("EvictLeaders"), r.act(u).Do)
		assert.Equal(t, []string{"delete Pod demo-store-0"}, r.Writes())
	})
	t.Run("too late", func(t *testing.T) {
		c := withStores(3)
		proceed(c)
		r := newRoom(t, c, upgrading(c, 0))
		u := store.NewUpgrader(r.Controls(), r.client, r.lookAgain)
		require.Positive(t, r.leads(0))
		change(r.Fakes, 0, evicting(r.Fakes, time.Hour, ""))
		assert.Equal(t, manager.Verb("Restart"), r.act(u).Do)
		assert.Equal(t, []string{"delete Pod demo-store-0"}, r.Writes())
	})
}

// What was decided from a view is done only if PD says the same at this very moment.
func TestUpgraderLooksAgain(t *testing.T) {
	c := withStores(3)
	proceed(c)
	tests := map[string]func(r *room){
		"a store has died": func(r *room) {
			r.pd.StopStore(r.ids[2])
			require.NoError(t, r.pd.Elect("demo-pd-1"))
		},
		"PD is silent":         func(r *room) { r.pd.SetModes(pdtest.Panicking) },
		"PD has a new leader":  func(r *room) { require.NoError(t, r.pd.Elect("demo-pd-1")) },
		"a store is going":     func(r *room) { require.NoError(t, r.pd.Down(r.ids[2])) },
		"the store is unknown": func(r *room) { require.NoError(t, r.pd.Tombstone(r.ids[0])) },
	}
	for name, change0 := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, c, upgrading(c, 0))
			change(r.Fakes, 0, evicting(r.Fakes, time.Hour, ""))
			u := store.NewUpgrader(r.Controls(), r.client, r.lookAgain)
			v := r.view()
			step := u.Decide(v)
			require.Equal(t, manager.Verb("Restart"), step.Do)
			r.Reset()
			change0(r)
			require.NoError(t, u.Act(t.Context(), v, step))
			assert.Empty(t, r.Writes())
			assert.Empty(t, r.Events.All())
			assert.NotEmpty(t, r.again)
		})
	}
}
