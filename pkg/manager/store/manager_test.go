// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

func syncOnce(t *testing.T, f *Fakes, c *v1alpha1.CellCluster, state *pdstate.Snapshot) manager.Result {
	t.Helper()
	f.Reset()
	r, err := store.NewManager(f.Controls()).Sync(t.Context(), f.View(c, state))
	require.NoError(t, err)
	return r
}

func replicas(f *Fakes) int32 { return *f.StatefulSets.Get("ns", "demo-store").Spec.Replicas }

// The first store alone until its bootstrap is recorded, step by step.
func TestFirstStoreAlone(t *testing.T) {
	f, c := New(), Cluster("demo")
	syncOnce(t, f, c, nil)
	assert.Equal(t, []string{"apply Service demo-store-peer", "apply PodDisruptionBudget demo-store", "apply PodDisruptionBudget demo-store-evictable"}, f.Writes(), "no store without a PD")

	syncOnce(t, f, c, PDState(c))
	assert.Empty(t, f.Writes(), "PD must know the cells first")

	syncOnce(t, f, c, PDState(c, Initialized))
	assert.Equal(t, []string{"apply StatefulSet demo-store"}, f.Writes())
	assert.EqualValues(t, 1, replicas(f))

	r := syncOnce(t, f, c, PDState(c, Stores(1)))
	assert.Empty(t, f.Writes(), "bootstrapped, but the status does not say so yet")
	assert.Equal(t, v1alpha1.ReasonWaitingForBootstrap, r.Waits[0].Reason)

	Bootstrapped(c)
	syncOnce(t, f, c, PDState(c, Stores(1)))
	assert.Equal(t, []string{"apply StatefulSet demo-store"}, f.Writes())
	assert.EqualValues(t, 3, replicas(f))
	assert.Equal(t, []string{"Normal Scaling: Scaled stores from 1 to 3"}, f.Events.All())

	syncOnce(t, f, c, PDState(c, Stores(1)))
	assert.Empty(t, f.Writes())
	assert.Empty(t, f.Events.All())
}

func TestSettledClusterCostsNothing(t *testing.T) {
	c := withStores(3)
	f := Settled(c)
	assert.Equal(t, manager.Result{}, syncOnce(t, f, c, PDState(c, Stores(3))))
	assert.Empty(t, f.Writes())
	assert.Empty(t, f.Events.All())
}

// PD's silence takes nothing away.
func TestSilentPD(t *testing.T) {
	c := withStores(3)
	for name, state := range map[string]*pdstate.Snapshot{
		"never answered": nil, "unreachable": PDState(c, Stores(3), Unreachable), "stale": PDState(c, Stores(3), Stale), "a young leader": PDState(c, Stores(3), YoungLeader),
	} {
		t.Run(name, func(t *testing.T) {
			f := Settled(c)
			r := syncOnce(t, f, c, state)
			assert.Empty(t, f.Writes())
			assert.Empty(t, r.Problems, "of unknown stores nothing is said")
		})
	}
}

func TestLocate(t *testing.T) {
	c := withStores(3)
	scheduled := On("n1")
	annotate := []string{"patch Pod demo-store-0"}
	tests := map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"not scheduled yet":      {Pod(c, naming.Store, 0), nil},
		"scheduled":              {Pod(c, naming.Store, 0, scheduled), annotate},
		"told already":           {Pod(c, naming.Store, 0, scheduled, At("zone-1", "n1")), nil},
		"told, the node differs": {Pod(c, naming.Store, 0, scheduled, At("zone-9", "n9")), nil},
		"told half":              {Pod(c, naming.Store, 0, scheduled, At("zone-1", "")), annotate},
		"on its way out":         {Pod(c, naming.Store, 0, scheduled, Terminating), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := Settled(c)
			for _, p := range f.Pods.List(Namespace, "demo") {
				if p.Labels[naming.LabelComponent] == "store" {
					f.Pods.Remove(p)
				}
			}
			f.Add(test.pod, Node("n1", corev1.LabelTopologyZone, "zone-1"))
			syncOnce(t, f, c, PDState(c, Stores(3)))
			assert.Equal(t, test.want, f.Writes())
			if test.want != nil {
				p := f.Pods.Get("ns", "demo-store-0")
				assert.Equal(t, "zone-1", p.Annotations[naming.AnnotationZone])
				assert.Equal(t, "n1", p.Annotations[naming.AnnotationRack])
			}
		})
	}
	t.Run("one that fails does not keep the others from being told", func(t *testing.T) {
		f := Settled(c)
		for i := range int32(2) {
			f.Add(Pod(c, naming.Store, i, scheduled))
		}
		f.Pods.SetError(Patch, errors.New("refused"))
		_, err := store.NewManager(f.Controls()).Sync(t.Context(), f.View(c, PDState(c, Stores(3))))
		assert.ErrorContains(t, err, "refused")
		assert.Equal(t, 2, f.Pods.Count(Patch))
	})
}

func TestNotes(t *testing.T) {
	c := withStores(3)
	tests := map[string]struct {
		state         *pdstate.Snapshot
		wait, problem manager.Note
	}{
		"all is well": {PDState(c, Stores(3)), manager.Note{}, manager.Note{}},
		"a silent store": {PDState(c, Stores(3), SetStore(2, Silent)), manager.Note{},
			manager.Note{Reason: v1alpha1.ReasonStoreDown, Message: "store 2 in pod demo-store-1 does not report to PD; it is replaced if it stays away for spec.store.failover.period"}},
		"a full disk": {PDState(c, Stores(3), SetStore(2, func(s *pdapi.Store) { s.Capacity, s.Available = 1000, 199 })), manager.Note{},
			manager.Note{Reason: v1alpha1.ReasonStoreFull, Message: "store 2 in pod demo-store-1 has used more than 80 % of its disk, above which PD gives it no new replicas; grow its volume, free the disk, or add stores"}},
		"a disk that is nearly full": {PDState(c, Stores(3), SetStore(2, func(s *pdapi.Store) { s.Capacity, s.Available = 1000, 200 })), manager.Note{}, manager.Note{}},
		"a store that is known for long and was never heard": {PDState(c, Stores(3), SetStore(3, Unheard)), manager.Note{},
			manager.Note{Reason: v1alpha1.ReasonStoreDown, Message: "store 3 in pod demo-store-2 does not report to PD; it is replaced when PD has given its replicas to other stores, which it does after spec.pd.config.maxStoreDownTime"}},
		"cells without all replicas": {PDState(c, Stores(2), func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Stores = append(s.Stores, Store(c, 3, 2)) }),
			manager.Note{Reason: v1alpha1.ReasonWaitingForReplicas, Message: "8 of 8 cells do not have all replicas yet"}, manager.Note{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := syncOnce(t, Settled(c), c, test.state)
			assert.Equal(t, noted(test.wait), r.Waits)
			assert.Equal(t, noted(test.problem), r.Problems)
		})
	}
}

func noted(n manager.Note) []manager.Note {
	if n == (manager.Note{}) {
		return nil
	}
	return []manager.Note{n}
}

func TestTroublesAreTold(t *testing.T) {
	c := withStores(3)
	c.Spec.Store.StorageClassName = new("fast")
	f := Settled(c)
	r := syncOnce(t, f, c, PDState(c, Stores(3)))
	require.Len(t, r.Problems, 1)
	assert.Contains(t, r.Problems[0].Message, `spec.store.storageClassName: there is no StorageClass "fast"`)

	f = New()
	f.Services.SetError(Apply, &control.ConflictError{Kind: "Service", Name: "demo-store-peer", Cause: "it has no owner"})
	r, err := store.NewManager(f.Controls()).Sync(t.Context(), f.View(c, nil))
	require.Error(t, err)
	assert.Equal(t, v1alpha1.ReasonNameConflict, r.Problems[0].Reason)
	assert.Equal(t, []string{"apply PodDisruptionBudget demo-store", "apply PodDisruptionBudget demo-store-evictable", "apply StatefulSet demo-store"}, f.Writes(), "the rest goes on")
}

// A store that a bad spec broke is restarted with the corrected one, though the
// cluster is far from healthy and PD is silent.
func TestRepair(t *testing.T) {
	c := withStores(3)
	f := Settled(c)
	f.Add(Pod(c, naming.Store, 1, Crashing(1, "x"), At("z", "r"), Outdated), Pod(c, naming.Store, 2, Crashing(1, "x"), At("z", "r"), Outdated))
	r := syncOnce(t, f, c, nil)
	assert.Equal(t, []string{"delete Pod demo-store-1"}, f.Writes(), "one at a time")
	assert.Contains(t, r.Waits, manager.Note{Reason: v1alpha1.ReasonRepairing, Message: "restarting pod demo-store-1, which is not ready, with the corrected spec"})
	f.Add(Pod(c, naming.Store, 1, Terminating))
	syncOnce(t, f, c, nil)
	assert.Empty(t, f.Writes())
}
