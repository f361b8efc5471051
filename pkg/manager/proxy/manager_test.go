// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/proxy"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

func syncOnce(t *testing.T, f *Fakes, c *v1alpha1.CellCluster, state *pdstate.Snapshot) manager.Result {
	t.Helper()
	f.Reset()
	r, err := proxy.NewManager(f.Controls()).Sync(t.Context(), f.View(c, state))
	require.NoError(t, err)
	return r
}

// A proxy needs PD and all cells at its start; one that runs goes on without.
func TestDecideStart(t *testing.T) {
	fresh, old := Cluster("demo"), Cluster("demo", Bootstrapped)
	five := Cluster("demo", Bootstrapped, func(c *v1alpha1.CellCluster) { c.Spec.PD.Config.MaxReplicas = new(int32(5)) })
	running := func() *Fakes {
		f := New()
		f.ApplySets(old)
		return f
	}
	volumes := func(n int32) *Fakes {
		f := New()
		for i := range n {
			f.Add(Claim(old, naming.Store, i, func(p *corev1.PersistentVolumeClaim) { p.Labels[naming.LabelStoreID] = fmt.Sprint(i + 1) }))
		}
		return f
	}
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		fakes   *Fakes
		state   *pdstate.Snapshot
		start   bool
		message string
	}{
		"a new cluster":                          {fresh, New(), nil, false, "proxies wait for PD and the first store"},
		"bootstrapped, not yet recorded":         {fresh, New(), PDState(fresh, Stores(3)), false, "proxies wait for PD and the first store"},
		"PD does not answer":                     {old, New(), PDState(old, Stores(3), Unreachable), false, "proxies wait for PD and the first store"},
		"PD has just elected":                    {old, New(), PDState(old, Stores(3), YoungLeader), false, "proxies wait for PD and the first store"},
		"one store":                              {old, New(), PDState(old, Stores(1)), false, "proxies wait until every cell can have its replicas: 1 of 3 stores are up"},
		"one of three is silent":                 {old, New(), PDState(old, Stores(3), SetStore(2, Silent)), false, "2 of 3 stores are up"},
		"one of three is on its way":             {old, New(), PDState(old, Stores(3), SetStore(2, State(pdapi.Down))), false, "2 of 3 stores are up"},
		"three stores":                           {old, New(), PDState(old, Stores(3)), true, ""},
		"three stores for five replicas":         {five, New(), PDState(five, Stores(3)), false, "3 of 5 stores are up"},
		"one of three, after a complete cluster": {old, volumes(3), PDState(old, Stores(3), SetStore(1, Silent), SetStore(2, Silent)), false, "most replicas of a cell are there: 1 of 2 stores are up"},
		"two of three, after a complete cluster": {old, volumes(3), PDState(old, Stores(3), SetStore(2, Silent)), true, ""},
		"two of three that never were complete":  {old, volumes(2), PDState(old, Stores(2)), false, "2 of 3 stores are up"},
		"they run already":                       {old, running(), nil, true, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			start, wait := proxy.DecideStart(test.fakes.View(test.cluster, test.state))
			assert.Equal(t, test.start, start)
			if test.start {
				assert.Equal(t, manager.Note{}, wait)
			} else {
				assert.Equal(t, v1alpha1.ReasonWaitingForStores, wait.Reason)
				assert.Contains(t, wait.Message, test.message)
			}
		})
	}
}

func TestCreation(t *testing.T) {
	f, c := New(), Cluster("demo")
	r := syncOnce(t, f, c, nil)
	assert.Equal(t, []string{"apply Service demo-proxy", "apply PodDisruptionBudget demo-proxy"}, f.Writes(), "clients may know the name before there is anybody")
	assert.Equal(t, []manager.Note{{Reason: v1alpha1.ReasonWaitingForStores, Message: "proxies wait for PD and the first store"}}, r.Waits)

	Bootstrapped(c)
	r = syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Equal(t, []string{"apply Deployment demo-proxy"}, f.Writes())
	assert.Equal(t, []string{"Normal Created: Created Deployment demo-proxy with 2 proxies"}, f.Events.All())
	assert.Equal(t, []manager.Note{{Reason: v1alpha1.ReasonWaitingForPods, Message: "0 of 2 proxy pods are ready"}}, r.Waits)

	syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Empty(t, f.Writes())
	assert.Empty(t, f.Events.All())
}

func TestSettledClusterCostsNothing(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	for name, state := range map[string]*pdstate.Snapshot{"PD answers": PDState(c, Stores(3)), "PD does not": nil} {
		f := Settled(c)
		assert.Equal(t, manager.Result{}, syncOnce(t, f, c, state), name)
		assert.Empty(t, f.Writes(), name)
		assert.Empty(t, f.Events.All(), name)
	}
}

// Whatever is changed is told, once.
func TestChangesAreTold(t *testing.T) {
	for name, test := range map[string]struct {
		change func(f *Fakes, c *v1alpha1.CellCluster)
		want   []string
	}{
		"another number": {func(_ *Fakes, c *v1alpha1.CellCluster) { c.Spec.Proxy.Replicas = 5 }, []string{"Normal Scaling: Scaled proxies from 2 to 5"}},
		"another image":  {func(_ *Fakes, c *v1alpha1.CellCluster) { c.Spec.Proxy.Image = "proxy:2" }, []string{"Normal RollingUpdate: Began to roll out the new spec of proxy"}},
		"a Service that is gone": {func(f *Fakes, _ *v1alpha1.CellCluster) { f.Services.Remove(f.Services.Get(Namespace, "demo-proxy")) },
			[]string{"Normal Applied: Brought Service demo-proxy to what the spec asks for"}},
		"a budget that is gone": {func(f *Fakes, _ *v1alpha1.CellCluster) { f.Budgets.Remove(f.Budgets.Get(Namespace, "demo-proxy")) },
			[]string{"Normal Applied: Brought PodDisruptionBudget demo-proxy to what the spec asks for"}},
		"autoscaling": {func(_ *Fakes, c *v1alpha1.CellCluster) { autoscaled(c) }, []string{"Normal Scaling: Told HorizontalPodAutoscaler demo-proxy to keep 1 to 8 proxies"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := Settled(c)
			syncOnce(t, f, c, PDState(c, Stores(3)))
			test.change(f, c)
			syncOnce(t, f, c, PDState(c, Stores(3)))
			assert.Equal(t, test.want, f.Events.All())
			syncOnce(t, f, c, PDState(c, Stores(3)))
			assert.Empty(t, f.Events.All())
		})
	}
}

func TestReplicas(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	c.Spec.Proxy.Replicas = 5
	r := syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Equal(t, []string{"apply Deployment demo-proxy"}, f.Writes())
	assert.EqualValues(t, 5, *f.Deployments.Get("ns", "demo-proxy").Spec.Replicas)
	assert.Equal(t, []manager.Note{{Reason: v1alpha1.ReasonWaitingForPods, Message: "2 of 5 proxy pods are ready"}}, r.Waits)
	c.Spec.Proxy.Replicas = 0
	assert.Empty(t, syncOnce(t, f, c, PDState(c, Stores(3))).Waits)
	assert.EqualValues(t, 0, *f.Deployments.Get("ns", "demo-proxy").Spec.Replicas)
}

// A new launcher alone does not restart the proxies.
func TestLauncher(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	v := f.View(c, PDState(c, Stores(3)))
	v.LauncherImage = "launcher:new"
	_, err := proxy.NewManager(f.Controls()).Sync(t.Context(), v)
	require.NoError(t, err)
	assert.Empty(t, f.Writes())
	v.Object.Spec.Proxy.Image = "proxy:2"
	_, err = proxy.NewManager(f.Controls()).Sync(t.Context(), v)
	require.NoError(t, err)
	assert.Equal(t, []string{"apply Deployment demo-proxy"}, f.Writes())
	assert.Equal(t, "launcher:new", desired.LauncherImage(&f.Deployments.Get("ns", "demo-proxy").Spec.Template))
}

func TestTroubles(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	t.Run("a stranger has the name", func(t *testing.T) {
		f := Settled(c)
		f.Deployments.Remove(f.Deployments.Get("ns", "demo-proxy"))
		f.Deployments.SetError(Apply, &control.ConflictError{Kind: "Deployment", Name: "demo-proxy", Cause: "it has no owner"})
		r, err := proxy.NewManager(f.Controls()).Sync(t.Context(), f.View(c, PDState(c, Stores(3))))
		require.Error(t, err)
		require.Len(t, r.Problems, 1)
		assert.Equal(t, v1alpha1.ReasonNameConflict, r.Problems[0].Reason)
		assert.Empty(t, f.Events.All())
	})
	t.Run("a proxy that crashes", func(t *testing.T) {
		f := Settled(c)
		f.Add(Pod(c, naming.Proxy, 0, Crashing(1, "bad config"), Named("demo-proxy-7d9f-0")))
		r := syncOnce(t, f, c, PDState(c, Stores(3)))
		require.Len(t, r.Problems, 1)
		assert.Equal(t, v1alpha1.ReasonPodFailing, r.Problems[0].Reason)
	})
	t.Run("a Service that cannot be written keeps nothing else from being written", func(t *testing.T) {
		f := New()
		f.Services.SetError(Apply, errors.New("refused"))
		_, err := proxy.NewManager(f.Controls()).Sync(t.Context(), f.View(c, PDState(c, Stores(3))))
		require.Error(t, err)
		assert.Equal(t, []string{"apply PodDisruptionBudget demo-proxy", "apply Deployment demo-proxy"}, f.Writes())
	})
}
