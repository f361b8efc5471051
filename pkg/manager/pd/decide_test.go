// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// members replaces PD's membership.
func members(all ...pdapi.Member) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Members = all }
}

func join(t *testing.T, c *v1alpha1.CellCluster, state launch.JoinState, ordinals ...int32) launch.Join {
	t.Helper()
	j := launch.Join{State: state}
	for _, i := range ordinals {
		j.Members = append(j.Members, desired.PDMember(c, i))
	}
	return j
}

func TestDecideMembership(t *testing.T) {
	fresh, old := Cluster("demo"), Cluster("demo", Bootstrapped)
	stranger := pdapi.Member{ID: 9, Name: "x", PeerURLs: []string{"http://other-pd-0.other-pd-peer.ns.svc:2380"}}
	unstarted := PDMember(old, 3)
	unstarted.Name, unstarted.ClientURLs = "", nil
	reachable := func(modify ...StateModifier) *pdstate.Snapshot {
		return PDState(old, append([]StateModifier{Stores(3)}, modify...)...)
	}
	existing := func(ordinals ...int32) launch.Join { return join(t, old, launch.JoinExisting, ordinals...) }
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		state   *pdstate.Snapshot
		written *launch.Join
		want    launch.Join
	}{
		"a new cluster":                              {fresh, nil, nil, join(t, fresh, launch.JoinNew, 0, 1, 2)},
		"a new cluster that has elected":             {fresh, PDState(fresh), nil, join(t, fresh, launch.JoinNew, 0, 1, 2)},
		"bootstrapped, not yet remembered":           {fresh, PDState(fresh, Stores(1)), nil, join(t, fresh, launch.JoinNew, 0, 1, 2)},
		"bootstrapped: PD's members":                 {old, reachable(), nil, existing(0, 1, 2)},
		"one is missing":                             {old, reachable(members(PDMember(old, 2), PDMember(old, 0))), nil, existing(0, 2)},
		"one was added and has not started":          {old, reachable(members(PDMember(old, 0), PDMember(old, 1), PDMember(old, 2), unstarted)), nil, existing(0, 1, 2, 3)},
		"a stranger among them":                      {old, reachable(members(PDMember(old, 0), stranger)), nil, existing(0)},
		"strangers alone: what was written":          {old, reachable(members(stranger)), new(existing(0, 1)), existing(0, 1)},
		"PD does not answer: what it said last":      {old, reachable(Unreachable, members(PDMember(old, 1))), nil, existing(1)},
		"nothing known: what was written":            {old, nil, new(existing(1, 2)), existing(1, 2)},
		"written as new, never so again":             {old, nil, new(join(t, old, launch.JoinNew, 0, 1)), existing(0, 1)},
		"nothing known, nothing written: the others": {old, nil, nil, existing(0, 1, 2)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := New()
			if test.written != nil {
				start, err := desired.StartConfigMap(test.cluster, *test.written, nil)
				require.NoError(t, err)
				f.Add(start)
			}
			assert.Equal(t, test.want, pd.DecideMembership(f.View(test.cluster, test.state), 3))
		})
	}
	t.Run("what was written and cannot be read is no membership", func(t *testing.T) {
		f := New(&corev1.ConfigMap{ObjectMeta: metaOf("demo-start"), Data: map[string]string{launch.JoinKey: "{"}})
		assert.Equal(t, existing(0, 1, 2), pd.DecideMembership(f.View(old, nil), 3))
	})
}

// An existing StatefulSet is resized by the Scaler alone.
func TestDecideReplicas(t *testing.T) {
	fresh, old := Cluster("demo"), Cluster("demo", Bootstrapped)
	set := func(c *v1alpha1.CellCluster, n int32) func(*Fakes) {
		return func(f *Fakes) {
			s, err := desired.PDStatefulSet(c, n, LauncherImage)
			require.NoError(t, err)
			f.Add(s)
		}
	}
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		add     func(*Fakes)
		want    int32
	}{
		"a new cluster":                        {fresh, func(*Fakes) {}, 3},
		"as the set has":                       {old, set(old, 5), 5},
		"as the set has, before the bootstrap": {fresh, set(fresh, 1), 1},
		"a set that is gone comes back with its pods": {old, func(f *Fakes) {
			f.Add(Pod(old, naming.PD, 0), Pod(old, naming.PD, 4))
		}, 5},
		"a set that is gone comes back with its claims": {old, func(f *Fakes) {
			f.Add(Claim(old, naming.PD, 1), Claim(old, naming.PD, 6, Retired))
		}, 2},
		"a set that is gone comes back with a member that is being removed": {old, func(f *Fakes) {
			f.Add(Claim(old, naming.PD, 0), Claim(old, naming.PD, 1, Retired))
		}, 2},
		"a set that was scaled to nothing before the bootstrap":                  {fresh, set(fresh, 0), 3},
		"a set that was scaled to nothing before the bootstrap, over old claims": {fresh, func(f *Fakes) { set(fresh, 0)(f); f.Add(Claim(fresh, naming.PD, 4)) }, 5},
		"a set that is gone with all it had":                                     {old, func(*Fakes) {}, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := New()
			test.add(f)
			assert.Equal(t, test.want, pd.DecideReplicas(f.View(test.cluster, nil)))
		})
	}
}

func TestDecideInitialize(t *testing.T) {
	fresh, old := Cluster("demo"), Cluster("demo", Bootstrapped)
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		state   *pdstate.Snapshot
		want    bool
	}{
		"PD has not answered":              {fresh, nil, false},
		"PD does not answer":               {fresh, PDState(fresh, Unreachable), false},
		"nobody has told it":               {fresh, PDState(fresh), true},
		"it knows":                         {fresh, PDState(fresh, Initialized), false},
		"it knows another number":          {Cluster("demo", func(c *v1alpha1.CellCluster) { c.Spec.Store.InitialCells.Count = 16 }), PDState(fresh, Initialized), true},
		"it knows another capacity":        {Cluster("demo", func(c *v1alpha1.CellCluster) { c.Spec.Store.InitialCells.Capacity++ }), PDState(fresh, Initialized), true},
		"it is bootstrapped":               {fresh, PDState(fresh, Stores(1)), false},
		"it was bootstrapped and says not": {old, PDState(old), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, pd.DecideInitialize(New().View(test.cluster, test.state)))
		})
	}
}
