// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// upgrading is a settled cluster in which some PDs run an older spec.
func upgrading(c *v1alpha1.CellCluster, ordinals ...int32) *Fakes {
	f := Settled(c)
	for _, i := range ordinals {
		change(f, i, Outdated)
	}
	return f
}

// change replaces the pod of a PD by a modified one.
func change(f *Fakes, ordinal int32, modify ...PodModifier) {
	p := f.Pods.Get(Namespace, naming.Pod("demo", naming.PD, ordinal)).DeepCopy()
	for _, m := range modify {
		m(p)
	}
	f.Add(p)
}

// led makes PD's leader run in the pod of an ordinal.
func led(ordinal int32) StateModifier {
	return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		s.LeaderEndpoint = "http://" + IP(naming.PD, ordinal) + ":2379"
	}
}

// stranded puts a PD with a local volume on a cordoned node.
func stranded(f *Fakes, ordinal int32) *Fakes {
	node := Node("node-x")
	node.Spec.Unschedulable = true
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pv-pd-%d", ordinal)}}
	volume.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{"node-x"}}}}}}}
	f.Add(node, volume)
	change(f, ordinal, On("node-x"), Ready)
	return f
}

// doomed deletes the claim of a PD.
func doomed(f *Fakes, c *v1alpha1.CellCluster, ordinal int32) *Fakes {
	f.Add(Claim(c, naming.PD, ordinal, func(p *corev1.PersistentVolumeClaim) { p.DeletionTimestamp = &metav1.Time{Time: Now()} }))
	return f
}

func TestUpgraderDecides(t *testing.T) {
	old := Cluster("demo", Bootstrapped)
	well := PDState(old, Stores(3), led(1))
	two := Cluster("demo", Bootstrapped, func(c *v1alpha1.CellCluster) { c.Spec.PD.Replicas = 2 })
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		fakes   *Fakes
		state   *pdstate.Snapshot
		do      manager.Verb
		target  string // "" for no step at all
		message string
	}{
		"nothing to upgrade":            {old, Settled(old), well, "", "", ""},
		"a new cluster is not upgraded": {Cluster("demo"), upgrading(old, 0), well, "", "", ""},
		"the highest first":             {old, upgrading(old, 0, 1, 2), well, "Restart", "demo-pd-2", "pd 0/3 upgraded; restarting pod demo-pd-2"},
		"then the others":               {old, upgrading(old, 0, 1), well, "Restart", "demo-pd-0", "pd 1/3 upgraded; restarting pod demo-pd-0"},
		"the leader last":               {old, upgrading(old, 1), well, "Restart", "demo-pd-1", "pd 2/3 upgraded; restarting pod demo-pd-1"},
		"not while PD is unknown":       {old, upgrading(old, 0), PDState(old, Stores(3), Unreachable), "", "demo-pd-0", "waits: PD does not answer"},
		"not while a PD is not ready": {old, func() *Fakes {
			f := upgrading(old, 0)
			change(f, 2, Running)
			return f
		}(), well, "", "demo-pd-0", "waits: pod demo-pd-2 is not ready"},
		"while cells lack replicas, which it may cure": {old, upgrading(old, 0), PDState(old, Stores(3), led(1), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.System.MaxReplicas = 5 }),
			"Restart", "demo-pd-0", "restarting"},
		"not one that could not start again": {old, stranded(upgrading(old, 0, 2), 2), well, "Restart", "demo-pd-0", "restarting pod demo-pd-0"},
		"none could start again":             {old, stranded(upgrading(old, 2), 2), well, "", "demo-pd-2", "waits: node node-x is cordoned, and the volume of pod demo-pd-2 is there"},
		"of two, one loses its volume, and more are wanted": {func() *v1alpha1.CellCluster { c := two.DeepCopy(); c.Spec.PD.Replicas = 3; return c }(),
			doomed(upgrading(two, 1), two, 1), PDState(two, Stores(3), led(0)), "", "", ""},
		"of two, one loses its volume":            {two, doomed(upgrading(two, 1), two, 1), PDState(two, Stores(3), led(0)), "", "demo-pd-1", "has been deleted"},
		"not while a store is silent":             {old, upgrading(old, 0), PDState(old, Stores(3), led(1), SetStore(2, Silent)), "", "demo-pd-0", "waits: store 2 does not report to PD"},
		"not while a store is on its way":         {old, upgrading(old, 0), PDState(old, Stores(3), led(1), SetStore(2, State(pdapi.Down))), "", "demo-pd-0", "waits: store 2 is Down"},
		"not with the leader unknown to be where": {old, upgrading(old, 0), PDState(old, Stores(3), YoungLeader), "", "demo-pd-0", "waits: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			step := pd.NewUpgrader(nil, nil).Decide(test.fakes.View(test.cluster, test.state))
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

// What was decided from a snapshot is done only if PD says the same at this very moment.
func TestUpgraderActs(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	tests := map[string]struct {
		change func(t *testing.T, r *room)
		writes []string
		err    string
	}{
		"all is well": {func(*testing.T, *room) {}, []string{"delete Pod demo-pd-2"}, ""},
		"a store has died since": {func(t *testing.T, r *room) {
			stores := storeIDs(t, r)
			r.pd.StopStore(stores[0])
			require.NoError(t, r.pd.Elect("demo-pd-1"))
		}, nil, ""},
		"another PD has died since": {func(_ *testing.T, r *room) { r.pd.StopMember("demo-pd-0") }, nil, "see that pod demo-pd-0 is healthy"},
		"another PD is sick":        {func(_ *testing.T, r *room) { r.pd.SetMode("demo-pd-0", pdtest.Garbage) }, nil, "see that pod demo-pd-0 is healthy"},
		"PD is silent":              {func(_ *testing.T, r *room) { r.pd.SetModes(pdtest.Panicking) }, nil, ""},
		"the pod has changed since": {func(_ *testing.T, r *room) { change(r.Fakes, 2, func(p *corev1.Pod) { p.Labels["x"] = "y" }) }, nil, "not the one that was seen"},
		"the pod cannot be deleted": {func(_ *testing.T, r *room) { r.Pods.SetError(Delete, errors.New("refused")) }, nil, "refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, upgrading(c, 2))
			AddStores(t, r.pd, c, 3)
			factory := PDFactory(t, r.pd)
			u := pd.NewUpgrader(r.Controls(), func(*view.Cluster) pdapi.Client { return factory(r.pd.Endpoints()) })
			v := r.View(c, PDState(c, Stores(3), led(1)))
			step := u.Decide(v)
			require.Equal(t, manager.Verb("Restart"), step.Do)
			r.Reset()
			require.NoError(t, r.pd.Elect("demo-pd-1"))
			r.pd.Settle()
			test.change(t, r)
			err := u.Act(t.Context(), v, step)
			if test.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
			assert.Equal(t, test.writes, r.Writes())
			if test.writes == nil {
				assert.Empty(t, r.Events.All())
			} else {
				assert.Equal(t, []string{"Normal RollingUpdate: Restarted pod demo-pd-2 with the new spec"}, r.Events.All())
			}
		})
	}
}

func storeIDs(t *testing.T, r *room) []uint64 {
	t.Helper()
	client := pdapi.New(r.pd.Endpoints(), pdapi.Options{Transport: pdtest.NewFarm(r.pd)})
	stores, err := client.Stores(t.Context())
	require.NoError(t, err)
	var ids []uint64
	for _, s := range stores {
		ids = append(ids, s.ID)
	}
	return ids
}
