// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/controller"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/manager/volume"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// operator is what the controller does in a sync, with all that concerns members.
func operator(w *World) Sync {
	controls, nothing := w.Controls(), func(*view.Cluster) {}
	again := func(*view.Cluster, time.Duration) {}
	managers := []manager.Manager{pd.NewManager(controls, w.PDClient, nothing), store.NewManager(controls), volume.NewManager(controls)}
	operations := controller.Order(controls, w.PDClient, again)
	return func(ctx context.Context, c *view.Cluster) error {
		var r manager.Result
		var errs []error
		for _, m := range managers {
			_, err := m.Sync(ctx, c)
			errs = append(errs, err)
		}
		errs = append(errs, manager.Advance(ctx, c, operations, &r))
		return errors.Join(errs...)
	}
}

// stores sets the number of stores.
func stores(n int32) func(*v1alpha1.CellCluster) {
	return func(c *v1alpha1.CellCluster) { c.Spec.Store.Replicas = n }
}

// image sets the stores' image.
func image(name string) func(*v1alpha1.CellCluster) {
	return func(c *v1alpha1.CellCluster) { c.Spec.Store.Image = name }
}

func reclaim(c *v1alpha1.CellCluster) { c.Spec.EnablePVReclaim = true }

// tombstones counts those that PD knows.
func tombstones(w *World) int {
	n := 0
	for _, s := range w.State.Stores {
		if s.State == pdapi.Tombstone {
			n++
		}
	}
	return n
}

func TestStoresScaleIn(t *testing.T) {
	w := NewWorld(t, operator, stores(5))
	w.Cluster.Spec.Store.Replicas = 3
	w.RunUntil("3 stores remain", 200, w.Settled)
	assert.Equal(t, 2, tombstones(w))
	for i := range int32(5) {
		assert.Equal(t, i >= 3, member.Retired(w.Claim(naming.Store, i)), "claim %d is kept, and set aside if its store is gone", i)
	}
	w.Reset()
	for range 20 {
		w.Step()
	}
	assert.Empty(t, w.Writes(), "it is over")
}

func TestStoresScaleOutAndIn(t *testing.T) {
	w := NewWorld(t, operator, stores(3), reclaim)
	w.Cluster.Spec.Store.Replicas = 5
	w.RunUntil("there are 5 stores", 100, w.Settled)
	w.Cluster.Spec.Store.Replicas = 3
	w.RunUntil("3 stores remain", 200, w.Settled)
	w.RunUntil("the volumes are gone", 5, func() bool { return w.Claim(naming.Store, 3) == nil && w.Claim(naming.Store, 4) == nil })
	w.Cluster.Spec.Store.Replicas = 4
	w.RunUntil("a new store", 100, w.Settled)
	assert.False(t, member.Retired(w.Claim(naming.Store, 3)))
}

// The volume of a removed store is never mounted again, even where volumes are kept.
func TestStoresReturnWithNewVolumes(t *testing.T) {
	w := NewWorld(t, operator, stores(4))
	before := w.Claim(naming.Store, 3).UID
	w.Cluster.Spec.Store.Replicas = 3
	w.RunUntil("3 stores remain", 200, w.Settled)
	require.Equal(t, before, w.Claim(naming.Store, 3).UID)
	w.Cluster.Spec.Store.Replicas = 4
	w.RunUntil("4 stores again", 200, w.Settled)
	assert.NotEqual(t, before, w.Claim(naming.Store, 3).UID)
	assert.False(t, member.Retired(w.Claim(naming.Store, 3)))
}

// Whenever the user changes his mind, the cluster ends as he wants it last.
func TestStoresChangeOfMind(t *testing.T) {
	probe := NewWorld(t, operator, stores(4))
	probe.Cluster.Spec.Store.Replicas = 3
	long := 0
	for ; !probe.Settled(); long++ {
		probe.Step()
	}
	for after := 1; after <= long; after += 2 {
		t.Run(fmt.Sprintf("after %d s", after), func(t *testing.T) {
			w := NewWorld(t, operator, stores(4))
			w.Cluster.Spec.Store.Replicas = 3
			for range after {
				w.Step()
			}
			w.Cluster.Spec.Store.Replicas = 5
			w.RunUntil("there are 5 stores", 200, w.Settled)
			for i := range int32(5) {
				assert.False(t, member.Retired(w.Claim(naming.Store, i)), "claim %d", i)
			}
		})
	}
}

// A heartbeat can write Up back over Down, in the memory of PD's leader.
func TestStoreComesUpAgainOnce(t *testing.T) {
	for _, want := range []int32{3, 4} {
		t.Run(fmt.Sprintf("%d stores in the end", want), func(t *testing.T) {
			w := NewWorld(t, operator, stores(4))
			target := w.View().StoreOf("demo-store-3").ID
			w.PD.RaceNextDown(target)
			w.Cluster.Spec.Store.Replicas = 3
			w.RunUntil("PD was told to drain", 60, func() bool { return contains(w.Events.All(), "Told PD to drain") })
			w.SyncNow()
			require.True(t, member.Retired(w.Claim(naming.Store, 3)), "PD's word is taken")
			w.Step()
			require.Equal(t, pdapi.Up, w.View().StoreOf("demo-store-3").State)
			w.Cluster.Spec.Store.Replicas = want
			w.RunUntil("it ends", 300, w.Settled)
			w.RunUntil("it is at rest", 60, quiet(w))
			assert.Equal(t, want == 3, member.Retired(w.Claim(naming.Store, 3)))
			assert.Equal(t, 1, tombstones(w), "etcd has Down all the same")
		})
	}
}

// A PD that restarts in the middle has forgotten much.
func TestStoresScaleInWhilePDRestarts(t *testing.T) {
	for _, after := range []int{3, 6, 9, 12} {
		t.Run(fmt.Sprintf("after %d s", after), func(t *testing.T) {
			w := NewWorld(t, operator, stores(4))
			w.Cluster.Spec.Store.Replicas = 3
			for range after {
				w.Step()
			}
			w.Kill(w.PD.Leader())
			w.RunUntil("3 stores remain", 300, w.Settled)
		})
	}
}

func TestStoresUpgrade(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	w.Cluster.Spec.Store.Image = "store:2"
	w.RunUntil("all run the new image", 300, w.Settled)
	var deletes []string
	for _, line := range w.Writes() {
		if strings.HasPrefix(line, "delete ") {
			deletes = append(deletes, line)
		}
	}
	assert.Equal(t, []string{"delete Pod demo-store-2", "delete Pod demo-store-1", "delete Pod demo-store-0"}, deletes)
}

// An upgrade that is taken back in the middle goes back with what has gone on already.
func TestStoresUpgradeTakenBack(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	w.Cluster.Spec.Store.Image = "store:2"
	w.RunUntil("one has the new image", 100, func() bool { return w.Pods.Count(Delete) == 1 })
	w.Cluster.Spec.Store.Image = "store:1"
	w.RunUntil("all run the old image", 200, w.Settled)
	assert.Equal(t, 2, w.Pods.Count(Delete))
}

// A removal and an upgrade asked for at once go one after the other.
func TestStoresUpgradeAndScaleIn(t *testing.T) {
	w := NewWorld(t, operator, stores(4))
	w.Cluster.Spec.Store.Replicas, w.Cluster.Spec.Store.Image = 3, "store:2"
	w.RunUntil("both are done", 400, w.Settled)
	assert.Equal(t, 1, tombstones(w))
}

// A single store has nobody to lead its cells meanwhile; it restarts all the same.
func TestSingleStoreUpgrades(t *testing.T) {
	w := NewWorld(t, operator, func(c *v1alpha1.CellCluster) {
		c.Spec.Store.Replicas, c.Spec.PD.Config.MaxReplicas = 1, new(int32(1))
	})
	w.MayLead = true
	w.Cluster.Spec.Store.Image = "store:2"
	w.RunUntil("it runs the new image", 60, w.Settled)
	assert.Equal(t, 1, w.Pods.Count(Delete))
}

// Wherever the operator crashes, the next one ends in the same state.
func TestStoresCrashes(t *testing.T) {
	tests := map[string]struct {
		from int32
		ask  func(*v1alpha1.CellCluster)
	}{
		"scale in":  {4, stores(3)},
		"scale out": {3, stores(4)},
		"upgrade":   {3, image("store:2")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashes(t, func(t *testing.T) *World {
				return NewWorld(t, operator, stores(test.from), reclaim)
			}, test.ask)
		})
	}
}

// crashes lets the operator crash after each of its writes in turn.
func crashes(t *testing.T, world func(*testing.T) *World, ask func(*v1alpha1.CellCluster)) {
	t.Helper()
	w := world(t)
	ask(w.Cluster)
	w.RunUntil("it ends without a crash", 300, w.Settled)
	w.RunUntil("it is at rest", 30, quiet(w))
	want, total := outcome(w), w.WriteCount()
	require.NotZero(t, total)
	// A crash before a write is one after the write before it, but for the first.
	for k := range total + 1 {
		w := world(t)
		w.CrashAt(max(k, 1), k > 0)
		ask(w.Cluster)
		w.RunUntil(fmt.Sprintf("it ends after a crash at write %d", k), 300, w.Settled)
		w.RunUntil("it is at rest", 30, quiet(w))
		assert.Equal(t, want, outcome(w), "crash at write %d", k)
	}
}

// quiet tells when nothing was written for 16 s.
func quiet(w *World) func() bool {
	last, still := -1, 0
	return func() bool {
		if n := w.WriteCount() + len(w.Writes()); n != last {
			last, still = n, 0
		}
		still++
		w.Pass(4 * time.Second)
		return still > 3
	}
}

// outcome is what a cluster is in the end: its pods, claims and stores.
func outcome(w *World) map[string]string {
	out := map[string]string{}
	for _, p := range w.Pods.List(Namespace, w.Cluster.Name) {
		out["pod "+p.Name] = p.Annotations[naming.AnnotationRestartHash]
	}
	for _, c := range w.Claims.List(Namespace, w.Cluster.Name) {
		out["claim "+c.Name] = fmt.Sprint(member.Retired(c))
	}
	v := w.View()
	for _, s := range v.Stores() {
		out["store in "+v.StorePod(&s)] = s.State.String()
	}
	for _, m := range w.State.Members {
		out["member "+v.PDPodOfMember(&m)] = fmt.Sprint(len(m.ClientURLs) > 0)
	}
	out["tombstones"] = fmt.Sprint(tombstones(w))
	return out
}

func contains(lines []string, part string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, part) })
}

// Whoever deletes the StatefulSet in the middle of a removal, with its pods or
// without, does not keep it from ending, nor any store from coming back.
func TestStoresSetIsLost(t *testing.T) {
	for _, cascade := range []bool{false, true} {
		for after := 1; after < 14; after += 3 {
			t.Run(fmt.Sprintf("with its pods %v, after %d s", cascade, after), func(t *testing.T) {
				w := NewWorld(t, operator, stores(4), reclaim)
				w.Cluster.Spec.Store.Replicas = 3
				for range after {
					w.Step()
				}
				w.Lose(naming.Store, cascade)
				w.RunUntil("3 stores remain", 300, w.Settled)
				w.RunUntil("it is at rest", 60, quiet(w))
				assert.Equal(t, 1, tombstones(w))
				assert.Nil(t, w.Claim(naming.Store, 3))
			})
		}
	}
}
