// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

func waiting(reason, message string) manager.Result {
	return manager.Result{Waits: []manager.Note{{Reason: reason, Message: message}, {Reason: "Other", Message: "less important"}}}
}

func operating(kind string) manager.Result {
	r := waiting(v1alpha1.ReasonWaitingForPods, "2 of 3")
	r.Operation = &v1alpha1.Operation{Type: kind, Target: "demo-pd-2", Step: "Restart", Message: "restarting pod demo-pd-2"}
	return r
}

func broken(message string) manager.Result {
	r := operating(v1alpha1.ReasonScaling)
	r.Problem(v1alpha1.ReasonPodFailing, "%s", message)
	return r
}

// summary is a status in a few words: conditions as "Type=Status/Reason".
func summary(s *v1alpha1.CellClusterStatus) map[string]string {
	out := map[string]string{}
	for _, c := range s.Conditions {
		out[c.Type] = string(c.Status) + "/" + c.Reason
	}
	return out
}

func TestPhasesAndConditions(t *testing.T) {
	fresh, old := ct.Cluster("demo"), ct.Cluster("demo", ct.Bootstrapped)
	all := ct.PDState(old, ct.Stores(3))
	without := func(change func(f *ct.Fakes)) *ct.Fakes {
		f := ct.Settled(old)
		change(f)
		return f
	}
	unready := func(component naming.Component) *ct.Fakes {
		return without(func(f *ct.Fakes) { f.Add(ct.Pod(old, component, 0, ct.Running, named(component, 0))) })
	}
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		fakes   *ct.Fakes
		state   *pdstate.Snapshot
		result  manager.Result
		phase   v1alpha1.Phase
		message string
		// conditions besides Degraded=False and Paused=False
		ready, available, progressing string
		more                          map[string]string
	}{
		"nothing yet": {cluster: fresh, fakes: ct.New(), result: waiting("WaitingForPD", "waiting for PD"),
			phase: "Creating", message: "waiting for PD", ready: "False/MembersNotReady", available: "False/MembersNotReady", progressing: "True/WaitingForPD"},
		"bootstrapped, no proxies yet": {cluster: old, state: all, result: waiting("WaitingForStores", "proxies wait"),
			fakes: without(func(f *ct.Fakes) {
				f.Deployments.Remove(f.Deployments.Get("ns", "demo-proxy"))
				f.Pods.Remove(f.Pods.Get("ns", "demo-proxy-7d9f-0"))
				f.Pods.Remove(f.Pods.Get("ns", "demo-proxy-7d9f-1"))
			}),
			phase: "Creating", message: "proxies wait", ready: "False/MembersNotReady", available: "False/MembersNotReady", progressing: "True/WaitingForStores"},
		"settled": {cluster: old, fakes: ct.Settled(old), state: all,
			phase: "Normal", ready: "True/AsExpected", available: "True/AsExpected", progressing: "False/Settled"},
		"a pod is not ready": {cluster: old, fakes: unready(naming.PD), state: all, result: waiting("WaitingForPods", "2 of 3 pd pods are ready"),
			phase: "Repair", message: "2 of 3 pd pods are ready", ready: "False/MembersNotReady", available: "True/AsExpected", progressing: "True/WaitingForPods"},
		"something is broken": {cluster: old, fakes: unready(naming.Store), state: all, result: broken("pod demo-store-0 crashes"),
			phase: "Degraded", message: "pod demo-store-0 crashes", ready: "False/MembersNotReady", available: "True/AsExpected", progressing: "True/Scaling",
			more: map[string]string{"Degraded": "True/PodFailing"}},
		"all ready and something is wrong": {cluster: old, fakes: ct.Settled(old), state: all, result: broken("x"),
			phase: "Degraded", message: "x", ready: "False/PodFailing", available: "True/AsExpected", progressing: "True/Scaling",
			more: map[string]string{"Degraded": "True/PodFailing"}},
		"an upgrade": {cluster: old, fakes: ct.Settled(old), state: all, result: operating("RollingUpdate"),
			phase: "Upgrade", message: "restarting pod demo-pd-2", ready: "False/WaitingForPods", available: "True/AsExpected", progressing: "True/RollingUpdate"},
		"scaling": {cluster: old, fakes: ct.Settled(old), state: all, result: operating("Scaling"),
			phase: "Scale", message: "restarting pod demo-pd-2", ready: "False/WaitingForPods", available: "True/AsExpected", progressing: "True/Scaling"},
		"a repair": {cluster: old, fakes: ct.Settled(old), state: all, result: waiting("Repairing", "restarting"),
			phase: "Repair", message: "restarting", ready: "False/Repairing", available: "True/AsExpected", progressing: "True/Repairing"},
		"paused": {cluster: ct.Cluster("demo", ct.Bootstrapped, ct.Paused, observed), fakes: ct.Settled(old), state: all,
			phase: "Paused", ready: "True/AsExpected", available: "True/AsExpected", progressing: "False/Paused", more: map[string]string{"Paused": "True/Paused"}},
		"being deleted": {cluster: ct.Cluster("demo", ct.Bootstrapped, ct.Deleted), fakes: ct.Settled(old), state: nil,
			phase: "Deleting", ready: "True/AsExpected", available: "Unknown/PDUnknown", progressing: "True/Deleting"},
		"PD is silent": {cluster: old, fakes: ct.Settled(old), state: ct.PDState(old, ct.Stores(3), ct.Unreachable),
			phase: "Normal", ready: "True/AsExpected", available: "Unknown/PDUnknown", progressing: "False/Settled"},
		"no proxy is ready": {cluster: old, state: all, phase: "Normal", ready: "False/MembersNotReady", available: "False/MembersNotReady", progressing: "False/Settled",
			fakes: without(func(f *ct.Fakes) {
				f.Add(ct.Pod(old, naming.Proxy, 0, ct.Running, named(naming.Proxy, 0)), ct.Pod(old, naming.Proxy, 1, ct.Running, named(naming.Proxy, 1)))
			})},
		"a pod too many": {cluster: old, fakes: without(func(f *ct.Fakes) { f.Add(ct.Pod(old, naming.Store, 3, ct.Ready)) }), state: all,
			phase: "Normal", ready: "False/MembersNotReady", available: "True/AsExpected", progressing: "False/Settled"},
		"a pod too many that is going": {cluster: old, fakes: without(func(f *ct.Fakes) { f.Add(ct.Pod(old, naming.Store, 3, ct.Ready, ct.Terminating)) }), state: all,
			phase: "Normal", ready: "True/AsExpected", available: "True/AsExpected", progressing: "False/Settled"},
		"no proxy is wanted": {cluster: ct.Cluster("demo", ct.Bootstrapped, noProxies), fakes: ct.Settled(ct.Cluster("demo", ct.Bootstrapped, noProxies)), state: all,
			phase: "Normal", ready: "True/AsExpected", available: "True/AsExpected", progressing: "False/Settled"},
		"one of three stores is silent": {cluster: old, fakes: ct.Settled(old), state: ct.PDState(old, ct.Stores(3), ct.SetStore(2, ct.Silent)),
			phase: "Normal", ready: "True/AsExpected", available: "True/AsExpected", progressing: "False/Settled"},
		"two of three stores are silent": {cluster: old, fakes: ct.Settled(old), state: ct.PDState(old, ct.Stores(3), ct.SetStore(2, ct.Silent), ct.SetStore(1, ct.Silent)),
			phase: "Normal", ready: "True/AsExpected", available: "False/StoreDown", progressing: "False/Settled"},
		"the only replica is silent": {cluster: ct.Cluster("demo", ct.Bootstrapped, oneReplica), fakes: ct.Settled(old), state: ct.PDState(old, ct.Stores(3), ct.SetStore(2, ct.Silent), unasked),
			phase: "Normal", ready: "True/AsExpected", available: "False/StoreDown", progressing: "False/Settled"},
		"one of the two replicas that are left is silent": {cluster: old, fakes: ct.Settled(old), state: ct.PDState(old, ct.Stores(3), ct.SetStore(3, func(s *pdapi.Store) { s.State = pdapi.Tombstone }), ct.SetStore(2, ct.Silent), onStores(1, 2)),
			phase: "Normal", ready: "True/AsExpected", available: "False/StoreDown", progressing: "False/Settled"},
		"two stores are silent that hold nothing": {cluster: old, fakes: ct.Settled(old), state: ct.PDState(old, ct.Stores(3), ct.SetStore(3, ct.Silent), ct.SetStore(2, ct.Silent), onStores(1)),
			phase: "Normal", ready: "True/AsExpected", available: "True/AsExpected", progressing: "False/Settled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := ComputeStatus(test.fakes.View(test.cluster, test.state), test.result, test.cluster.Status)
			assert.Equal(t, test.phase, s.Phase)
			assert.Equal(t, test.message, s.Message)
			want := map[string]string{
				"Ready": test.ready, "Available": test.available, "Progressing": test.progressing,
				"Degraded": "False/AsExpected", "Paused": "False/AsExpected",
			}
			for k, v := range test.more {
				want[k] = v
			}
			got := summary(&s)
			assert.Contains(t, got, v1alpha1.ConditionSpread)
			delete(got, v1alpha1.ConditionSpread) // it has a table of its own in pkg/view
			assert.Equal(t, want, got)
			for _, c := range s.Conditions {
				assert.Equal(t, test.cluster.Generation, c.ObservedGeneration)
				assert.Equal(t, ct.Now(), c.LastTransitionTime.UTC())
			}
			assert.Equal(t, test.cluster.Generation, s.ObservedGeneration)
		})
	}
}

func observed(c *v1alpha1.CellCluster) { c.Status.ObservedGeneration = c.Generation }

func noProxies(c *v1alpha1.CellCluster) { c.Spec.Proxy.Replicas = 0 }

func oneReplica(c *v1alpha1.CellCluster) { c.Spec.PD.Config.MaxReplicas = new(int32(1)) }

// named gives proxies the names that Settled gives them.
func named(component naming.Component, ordinal int) ct.PodModifier {
	if component == naming.Proxy {
		return ct.Named([]string{"demo-proxy-7d9f-0", "demo-proxy-7d9f-1"}[ordinal])
	}
	return ct.Named(naming.Pod("demo", component, int32(ordinal)))
}

func TestComponents(t *testing.T) {
	c := ct.Cluster("demo", ct.Bootstrapped)
	f := ct.Settled(c)
	f.Add(ct.Pod(c, naming.PD, 1, ct.Ready, ct.Outdated), ct.Pod(c, naming.Store, 2, ct.Running))
	s := ComputeStatus(f.View(c, ct.PDState(c, ct.Stores(4), ct.SetStore(4, ct.State(pdapi.Tombstone)), ct.SetStore(2, ct.State(pdapi.Down)))), manager.Result{}, c.Status)

	assert.Equal(t, v1alpha1.ComponentStatus{Phase: "Upgrade", Replicas: 3, ReadyReplicas: 3, UpdatedReplicas: 2, Summary: "3/3", Selector: selectorOf(naming.PD)}, s.PD.ComponentStatus)
	assert.Equal(t, "demo-pd-0", s.PD.Leader)
	assert.Equal(t, map[string]v1alpha1.PDMember{
		"demo-pd-0": {ID: "a0", ClientURL: "http://demo-pd-0.demo-pd-peer.ns.svc:2379", Health: true},
		"demo-pd-1": {ID: "a1", ClientURL: "http://demo-pd-1.demo-pd-peer.ns.svc:2379", Health: true},
		"demo-pd-2": {ID: "a2", ClientURL: "http://demo-pd-2.demo-pd-peer.ns.svc:2379", Health: true},
	}, s.PD.Members)
	assert.Equal(t, "1Gi", s.PD.Storage)

	assert.Equal(t, v1alpha1.ComponentStatus{Phase: "Normal", Replicas: 3, ReadyReplicas: 2, UpdatedReplicas: 3, Summary: "2/3", Selector: selectorOf(naming.Store)}, s.Store.ComponentStatus)
	assert.Len(t, s.Store.Stores, 3)
	assert.Equal(t, v1alpha1.Store{PodName: "demo-store-1", Address: "demo-store-1.demo-store-peer.ns.svc:10800", State: "Down", Zone: "zone-1", Rack: "node-1"}, s.Store.Stores["2"])
	assert.Equal(t, v1alpha1.StoreTombstone, s.Store.TombstoneStores["4"].State)
	assert.Equal(t, "2/2", s.Proxy.Summary)

	c.Spec.Store.Replicas = 5
	s = ComputeStatus(f.View(c, nil), manager.Result{}, c.Status)
	assert.EqualValues(t, "Scale", s.Store.Phase)
	assert.Equal(t, "2/5", s.Store.Summary)
}

func selectorOf(c naming.Component) string {
	return labels.SelectorFromSet(naming.SelectorLabels("demo", c)).String()
}

// What must never be forgotten, and what PD said last.
func TestWhatIsKept(t *testing.T) {
	c := ct.Cluster("demo")
	f := ct.Settled(c)
	first := ComputeStatus(f.View(c, ct.PDState(c, ct.Stores(3))), manager.Result{}, v1alpha1.CellClusterStatus{})
	assert.True(t, first.Bootstrapped)
	assert.Equal(t, ct.ClusterID, first.ClusterID)

	for name, state := range map[string]*pdstate.Snapshot{
		"PD says otherwise": ct.PDState(c), "PD is silent": ct.PDState(c, ct.Stores(3), ct.Unreachable), "nothing is known": nil,
	} {
		s := ComputeStatus(f.View(c, state), manager.Result{}, first)
		assert.True(t, s.Bootstrapped, name)
		assert.Equal(t, ct.ClusterID, s.ClusterID, name)
	}
	silent := ComputeStatus(f.View(c, ct.PDState(c, ct.Unreachable)), manager.Result{}, first)
	assert.Equal(t, first.PD.Members, silent.PD.Members)
	assert.Equal(t, first.Store.Stores, silent.Store.Stores)
	assert.Empty(t, silent.PD.Leader, "who led once need not lead now")

	other := ct.PDState(c, ct.Stores(3))
	for i := range other.Members {
		other.Members[i].ClusterID = 0xdead
	}
	assert.Equal(t, ct.ClusterID, ComputeStatus(f.View(c, other), manager.Result{}, first).ClusterID, "another PD's id does not replace it")

	none := ComputeStatus(ct.New().View(c, ct.PDState(c)), manager.Result{}, v1alpha1.CellClusterStatus{})
	assert.False(t, none.Bootstrapped)
	assert.Empty(t, none.ClusterID, "before the bootstrap an id stands for no data")
}

func TestTransitionTimes(t *testing.T) {
	c := ct.Cluster("demo", ct.Bootstrapped)
	v := ct.Settled(c).View(c, ct.PDState(c, ct.Stores(3)))
	first := ComputeStatus(v, manager.Result{}, c.Status)
	later := *v
	later.Now = ct.Now().Add(10 * time.Second)
	second := ComputeStatus(&later, waiting("Repairing", "x"), first)
	for kind, changed := range map[string]bool{"Ready": true, "Available": false, "Progressing": true, "Degraded": false, "Paused": false} {
		condition := meta.FindStatusCondition(second.Conditions, kind)
		if changed {
			assert.Equal(t, ct.Now().Add(10*time.Second), condition.LastTransitionTime.UTC(), kind)
		} else {
			assert.Equal(t, ct.Now(), condition.LastTransitionTime.UTC(), kind)
		}
	}
	later.Now = ct.Now().Add(20 * time.Second)
	third := ComputeStatus(&later, waiting("Repairing", "y"), second)
	progressing := meta.FindStatusCondition(third.Conditions, "Progressing")
	assert.Equal(t, "y", progressing.Message)
	assert.Equal(t, ct.Now().Add(10*time.Second), progressing.LastTransitionTime.UTC(), "another message is no transition")
	fourth := ComputeStatus(&later, waiting("WaitingForPods", "z"), third)
	for kind, since := range map[string]time.Duration{"Progressing": 20 * time.Second, "Ready": 10 * time.Second, "Available": 0} {
		condition := meta.FindStatusCondition(fourth.Conditions, kind)
		assert.Equal(t, ct.Now().Add(since), condition.LastTransitionTime.UTC(), "%s: by its reason Progressing tells since when something is awaited", kind)
	}
	require.Len(t, third.Conditions, 6)
}

// An even number of PDs is unwise and allowed: the status says so, and the cluster is Ready.
func TestEvenPDs(t *testing.T) {
	for n, want := range map[int32]string{3: "", 4: "4 PDs bear the loss of 1, no more than 3 would", 2: "2 PDs bear the loss of 0, no more than 1 would"} {
		c := ct.Cluster("demo", ct.Bootstrapped, func(c *v1alpha1.CellCluster) { c.Spec.PD.Replicas = n })
		s := ComputeStatus(ct.Settled(c).View(c, ct.PDState(c, ct.Stores(3))), manager.Result{}, c.Status)
		ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
		assert.Equal(t, metav1.ConditionTrue, ready.Status, ready.Message)
		assert.Contains(t, ready.Message, want)
		assert.Equal(t, want == "", ready.Message == "")
		assert.Empty(t, s.Message)
	}
}

func TestOperationTimes(t *testing.T) {
	c := ct.Cluster("demo", ct.Bootstrapped)
	v := ct.Settled(c).View(c, ct.PDState(c, ct.Stores(3)))
	first := ComputeStatus(v, operating("Scaling"), c.Status)
	require.NotNil(t, first.Operation)
	assert.Equal(t, ct.Now(), first.Operation.Since.UTC())
	v.Now = ct.Now().Add(time.Minute)
	r := operating("Scaling")
	r.Operation.Message = "another word"
	second := ComputeStatus(v, r, first)
	assert.Equal(t, ct.Now(), second.Operation.Since.UTC())
	assert.Equal(t, "another word", second.Operation.Message)
	r.Operation.Step = "next"
	assert.Equal(t, ct.Now().Add(time.Minute), ComputeStatus(v, r, second).Operation.Since.UTC())
	assert.Nil(t, ComputeStatus(v, manager.Result{}, second).Operation)
}

// Nothing in a status changes by itself: the same world a few seconds later gives
// the same status, or each sync would write one.
func TestStatusIsSteady(t *testing.T) {
	old := ct.Cluster("demo", ct.Bootstrapped)
	outdated := func(f *ct.Fakes) {
		f.Add(ct.Pod(old, naming.PD, 0, ct.Ready, ct.Outdated), ct.Pod(old, naming.Store, 0, ct.Ready, ct.Outdated))
	}
	worlds := map[string]struct {
		cluster *v1alpha1.CellCluster
		fakes   *ct.Fakes
		state   *pdstate.Snapshot
	}{
		"nothing":               {ct.Cluster("demo"), ct.New(), nil},
		"settled":               {old, ct.Settled(old), ct.PDState(old, ct.Stores(3))},
		"PD never answered":     {old, ct.Settled(old), nil},
		"PD is away":            {old, ct.Settled(old), ct.PDState(old, ct.Stores(3), ct.Unreachable)},
		"PD's answer is old":    {old, ct.Settled(old), ct.PDState(old, ct.Stores(3), ct.Stale)},
		"PD's leader is young":  {old, ct.Settled(old), ct.PDState(old, ct.Stores(3), ct.YoungLeader)},
		"a store is silent":     {old, ct.Settled(old), ct.PDState(old, ct.Stores(3), ct.SetStore(1, ct.Silent))},
		"a new one initialized": {ct.Cluster("demo"), ct.Settled(ct.Cluster("demo")), ct.PDState(old, ct.Initialized)},
		"troubled pods": {old, func() *ct.Fakes {
			f := ct.Settled(old)
			f.Add(ct.Pod(old, naming.PD, 0, ct.Crashing(1, "x")), ct.Pod(old, naming.Store, 1, ct.Unschedulable("no")), ct.Pod(old, naming.Store, 2))
			return f
		}(), ct.PDState(old, ct.Stores(3))},
		"an upgrade":            {old, func() *ct.Fakes { f := ct.Settled(old); outdated(f); return f }(), ct.PDState(old, ct.Stores(3))},
		"an upgrade that waits": {old, func() *ct.Fakes { f := ct.Settled(old); outdated(f); return f }(), ct.PDState(old, ct.Stores(3), ct.SetStore(1, ct.Silent))},
	}
	for name, w := range worlds {
		t.Run(name, func(t *testing.T) {
			v := w.fakes.View(w.cluster, w.state)
			first := ComputeStatus(v, decide(t, v), w.cluster.Status)
			later := *v
			later.Now = v.Now.Add(4 * time.Second)
			assert.Equal(t, first, ComputeStatus(&later, decide(t, &later), first))
		})
	}
}

// decide is what managers and operations say of a view; whatever they try to do fails.
func decide(t *testing.T, v *view.Cluster) manager.Result {
	t.Helper()
	c := bare(t)
	var r manager.Result
	for _, m := range c.managers {
		x, _ := m.Sync(t.Context(), v)
		r.Merge(x)
	}
	for _, o := range c.operations {
		if step := o.Decide(v); step != nil {
			r.Operation = step.Operation()
			r.Wait(step.Type, "%s", step.Message)
			break
		}
	}
	return r
}

// bare is a controller that does not run, on an API server and PDs that refuse everything.
func bare(t *testing.T) *Controller {
	t.Helper()
	api := ct.NewAPI()
	refuse := func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("refused") }
	api.Kube.PrependReactor("*", "*", refuse)
	api.Cells.PrependReactor("*", "*", refuse)
	c, err := New(Options{Kube: api.Kube, Cells: api.Cells, Events: &ct.Events{}, PD: ct.PDClients(pdtest.NewFarm()), LauncherImage: ct.LauncherImage, ClusterResources: true})
	require.NoError(t, err)
	t.Cleanup(c.queue.ShutDown)
	return c
}

// unasked is a PD that has not been asked for its cells; onStores puts all cells on some stores.
func unasked(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.CellsAt, s.Cells = time.Time{}, nil }

func onStores(ids ...uint64) ct.StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		for i := range s.Cells {
			s.Cells[i].Peers = nil
			for _, id := range ids {
				s.Cells[i].Peers = append(s.Cells[i].Peers, pdapi.Peer{ID: s.Cells[i].ID*10 + id, StoreID: id})
			}
		}
	}
}
