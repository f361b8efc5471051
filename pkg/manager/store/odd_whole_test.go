// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// A spare that no node takes leaves again when the store that it stands in for is back.
func TestSpareThatNeverStarts(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	w.Cluster.Spec.Store.Failover.Period = &metav1.Duration{Duration: 30 * time.Second}
	w.PD.SetLimits(0, time.Hour, time.Hour)
	w.Stuck["demo-store-3"], w.Stuck["demo-store-1"] = true, true
	w.Kill("demo-store-1")
	w.RunUntil("a spare is asked for", 120, func() bool { return w.View().Store.Replicas() == 4 })
	delete(w.Stuck, "demo-store-1")
	w.RunUntil("the spare has left", 300, w.Settled)
}

// A scale-out that no node takes is taken back, and can be asked for again.
func TestScaleOutTakenBack(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	w.Stuck["demo-store-3"] = true
	w.Cluster.Spec.Store.Replicas = 4
	w.RunUntil("the pod is there", 30, func() bool { return len(w.View().Store.Pods) == 4 })
	w.Cluster.Spec.Store.Replicas = 3
	w.RunUntil("it has left", 300, w.Settled)
	delete(w.Stuck, "demo-store-3")
	w.Cluster.Spec.Store.Replicas = 4
	w.RunUntil("it has come", 300, w.Settled)
}

// The highest store is dead, and not wanted any more: it is removed, not replaced.
func TestDeadStoreIsScaledIn(t *testing.T) {
	w := NewWorld(t, operator, stores(4))
	impatient(w)
	w.Cluster.Spec.Store.Replicas = 3
	w.Wipe("demo-store-3")
	w.RunUntil("it has left", 1500, w.Settled)
}

// A spare dies after it has taken over.
func TestSpareDies(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	impatient(w)
	w.Wipe("demo-store-1")
	w.RunUntil("a spare serves", 200, func() bool {
		s := w.View().StoreOf("demo-store-3")
		return s != nil && s.CellCount > 0
	})
	w.Wipe("demo-store-3")
	w.RunUntil("all is well", 3000, w.Settled)
}

// A store dies while another is being replaced on request.
func TestDeathInAReplacement(t *testing.T) {
	for _, n := range []int32{3, 5} {
		for _, when := range []string{"marked", "down"} {
			t.Run(fmt.Sprint(n, " ", when), func(t *testing.T) {
				w := NewWorld(t, operator, stores(n))
				impatient(w)
				request(w, naming.Store, 1)
				w.RunUntil(when, 300, func() bool {
					s := w.View().StoreOf("demo-store-1")
					if when == "marked" {
						return store.Replacing(w.Claim(naming.Store, 1)) != 0
					}
					return s != nil && s.State == pdapi.Down
				})
				w.Wipe("demo-store-2")
				w.RunUntil("both are replaced", 3000, w.Settled)
			})
		}
	}
}

// A claim that somebody has deleted would go with the next restart: its store is emptied first.
func TestClaimDeleted(t *testing.T) {
	w := NewWorld(t, operator, stores(3))
	before := w.Claim(naming.Store, 1).DeepCopy()
	deletedClaim(before)
	w.Claims.Add(before)
	w.Cluster.Spec.Store.Image = "store:2"
	w.RunUntil("the store is replaced, and all are upgraded", 600, w.Settled)
	assert.NotEqual(t, before.UID, w.Claim(naming.Store, 1).UID)
	assert.Nil(t, w.Claim(naming.Store, 1).DeletionTimestamp)
}
