// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func requestPD(w *World, ordinal int32) {
	claim := w.Claim(naming.PD, ordinal).DeepCopy()
	asksForReplacement(claim)
	w.Claims.Add(claim)
}

// renewed tells whether a PD has another volume, and all is well again.
func renewed(w *World, ordinal int32, before string) func() bool {
	return func() bool {
		c := w.Claim(naming.PD, ordinal)
		return c != nil && string(c.UID) != before && w.Settled() && desired.ReplacingIn(w.View().Start) == nil
	}
}

// Each PD, the leader too, is replaced on demand.
func TestPDIsReplacedOnDemand(t *testing.T) {
	for ordinal := range int32(3) {
		t.Run(naming.Pod("demo", naming.PD, ordinal), func(t *testing.T) {
			w := NewWorld(t, wholeOperator)
			before := w.Claim(naming.PD, ordinal).UID
			requestPD(w, ordinal)
			w.RunUntil("it is over", 300, renewed(w, ordinal, string(before)))
			assert.Equal(t, []string{"demo-pd-0", "demo-pd-1", "demo-pd-2"}, memberPods(w))
			w.Reset()
			for range 20 {
				w.Step()
			}
			assert.Empty(t, w.Writes(), "it is over")
		})
	}
}

// A PD that lost its volume is replaced when its time is up, and not before.
func TestPDLosesItsDisk(t *testing.T) {
	w := NewWorld(t, wholeOperator)
	w.Cluster.Spec.PD.Failover.Period = &metav1.Duration{Duration: time.Minute}
	before := w.Claim(naming.PD, 1).UID
	w.Wipe("demo-pd-1")
	for range 55 {
		w.Step()
	}
	assert.Nil(t, desired.ReplacingIn(w.View().Start), "not yet")
	w.RunUntil("it has been replaced", 300, renewed(w, 1, string(before)))
}

// Neither is one of two, nor one while another is not well.
func TestPDIsNotReplaced(t *testing.T) {
	t.Run("one of two", func(t *testing.T) {
		w := NewWorld(t, wholeOperator, pds(2))
		requestPD(w, 1)
		for range 60 {
			w.Step()
		}
		assert.Empty(t, w.Writes())
	})
	t.Run("two are gone", func(t *testing.T) {
		w := NewWorld(t, wholeOperator, pds(5))
		w.Cluster.Spec.PD.Failover.Period = &metav1.Duration{Duration: 30 * time.Second}
		w.Wipe("demo-pd-1")
		w.Wipe("demo-pd-4")
		for range 120 {
			w.Step()
		}
		assert.Zero(t, w.Claims.Count(Delete))
	})
}

// Wherever the operator crashes, in either way, the replacement ends the same.
func TestPDReplacementCrashes(t *testing.T) {
	begin := func(t *testing.T) (*World, string) {
		w := NewWorld(t, wholeOperator)
		before := string(w.Claim(naming.PD, 1).UID)
		requestPD(w, 1)
		return w, before
	}
	probe, before := begin(t)
	probe.RunUntil("it is over", 300, renewed(probe, 1, before))
	writes := probe.WriteCount()
	require.GreaterOrEqual(t, writes, 4)
	for n := 1; n <= writes; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("at write %d, after it %v", n, after), func(t *testing.T) {
				w, before := begin(t)
				w.CrashAt(n, after)
				w.RunUntil("it is over", 300, renewed(w, 1, before))
				assert.Len(t, memberPods(w), 3)
			})
		}
	}
}
