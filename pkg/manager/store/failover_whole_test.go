// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// impatient makes stores count as gone soon, and PD give their replicas away soon.
func impatient(w *World) {
	w.Cluster.Spec.Store.Failover.Period = &metav1.Duration{Duration: 30 * time.Second}
	w.PD.SetLimits(0, time.Minute, 30*time.Second)
}

func request(w *World, component naming.Component, ordinal int32) {
	claim := w.Claim(component, ordinal).DeepCopy()
	annotated(naming.AnnotationReplace, "true")(claim)
	w.Claims.Add(claim)
}

// creations counts writes that begin so.
func count(w *World, prefix string) int {
	n := 0
	for _, line := range w.Writes() {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// A store whose disk is lost comes back with another, by way of a spare.
func TestStoreLosesItsDisk(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	impatient(w)
	w.Wipe("demo-store-1")
	w.RunUntil("a spare is there", 60, func() bool { return w.View().Store.Replicas() == 4 })
	w.RunUntil("the store has been replaced and the spare is gone", 600, w.Settled)
	assert.Zero(t, store.Replacing(w.Claim(naming.Store, 1)))
	assert.Equal(t, 2, tombstones(w), "the lost store, and the spare")
	w.Reset()
	for range 20 {
		w.Step()
	}
	assert.Empty(t, w.Writes(), "it is over")
}

// One that comes back by itself leaves only the spare to be removed.
func TestStoreComesBack(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	impatient(w)
	before := w.Claim(naming.Store, 1).UID
	w.Stuck["demo-store-1"] = true
	w.Kill("demo-store-1")
	w.RunUntil("a spare is there", 60, func() bool { return w.View().Store.Replicas() == 4 })
	delete(w.Stuck, "demo-store-1")
	w.RunUntil("the spare is gone", 300, w.Settled)
	assert.Equal(t, before, w.Claim(naming.Store, 1).UID)
	assert.Equal(t, 1, tombstones(w), "the spare")
	assert.Zero(t, w.Claims.Count(Delete))
}

// With no spare allowed nothing is done, and all that is said.
func TestStoreIsNotReplaced(t *testing.T) {
	w := NewWorld(t, operator, stores(3), func(c *v1alpha1.CellCluster) { c.Spec.Store.Failover.Enabled = new(false) })
	impatient(w)
	w.Wipe("demo-store-1")
	for range 200 {
		w.Step()
	}
	assert.Zero(t, count(w, "apply"))
	assert.Zero(t, count(w, "delete"))
}

// A store is replaced on demand with its leaders moved away and its data copied first, by
// way of a spare only where the others are too few.
func TestStoreIsReplacedOnDemand(t *testing.T) {
	for _, n := range []int32{3, 4} {
		t.Run(fmt.Sprintf("of %d", n), func(t *testing.T) {
			w := NewWorld(t, operator, stores(n))
			before := w.Claim(naming.Store, 1).UID
			request(w, naming.Store, 1)
			w.RunUntil("it has another volume", 300, func() bool { c := w.Claim(naming.Store, 1); return c != nil && c.UID != before })
			w.RunUntil("it is over", 300, w.Settled)
			assert.Equal(t, map[int32]int{3: 2, 4: 1}[n], tombstones(w))
			assert.Equal(t, map[int32]int{3: 2, 4: 0}[n], count(w, "apply StatefulSet demo-store"), "a spare comes and goes")
		})
	}
}

// Taken back before PD was told to drain, nothing happens.
func TestReplacementTakenBack(t *testing.T) {
	w := NewWorld(t, operator, stores(4))
	request(w, naming.Store, 1)
	w.RunUntil("it is marked", 60, func() bool { return store.Replacing(w.Claim(naming.Store, 1)) != 0 })
	claim := w.Claim(naming.Store, 1).DeepCopy()
	delete(claim.Annotations, naming.AnnotationReplace)
	w.Claims.Add(claim)
	w.RunUntil("the mark is gone", 60, func() bool { return store.Replacing(w.Claim(naming.Store, 1)) == 0 })
	for range 60 {
		w.Step()
	}
	assert.Zero(t, tombstones(w))
	assert.Zero(t, w.Pods.Count(Delete))
}

// A store that somebody took down by hand cannot come up again; it is replaced.
func TestStoreTakenDownByHand(t *testing.T) {
	for _, ordinal := range []int32{0, 2} {
		t.Run(fmt.Sprintf("store %d", ordinal), func(t *testing.T) {
			w := NewWorld(t, operator, stores(3))
			w.MayLead = true
			before := w.Claim(naming.Store, ordinal).UID
			require.NoError(t, w.PD.Down(w.View().StoreOf(naming.Pod("demo", naming.Store, ordinal)).ID))
			w.RunUntil("it has another volume", 300, func() bool { c := w.Claim(naming.Store, ordinal); return c != nil && c.UID != before })
			w.RunUntil("it is over", 300, w.Settled)
		})
	}
}

// Wherever the operator crashes, in either way, the replacement ends the same.
func TestReplacementCrashes(t *testing.T) {
	begin := func() *World {
		w := NewWorld(t, operator, stores(3))
		request(w, naming.Store, 1)
		return w
	}
	replaced := func(w *World, before string) func() bool {
		return func() bool {
			c := w.Claim(naming.Store, 1)
			return c != nil && string(c.UID) != before && w.Settled()
		}
	}
	probe := begin()
	before := string(probe.Claim(naming.Store, 1).UID)
	probe.RunUntil("it is over", 600, replaced(probe, before))
	writes := probe.WriteCount()
	require.Greater(t, writes, 5)
	for n := 1; n <= writes; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("at write %d, after it %v", n, after), func(t *testing.T) {
				w := begin()
				before := string(w.Claim(naming.Store, 1).UID)
				w.CrashAt(n, after)
				w.RunUntil("it is over", 600, replaced(w, before))
				assert.Equal(t, 2, tombstones(w), "the store, and the spare")
			})
		}
	}
}
