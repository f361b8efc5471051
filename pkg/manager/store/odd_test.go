// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// No restart takes the volume of a store that serves along.
func TestNoRestartTakesAVolume(t *testing.T) {
	c := withStores(3)
	f := upgrading(c, 1)
	f.Add(Claim(c, naming.Store, 1, deletedClaim))
	r := newRoom(t, c, f)
	u := store.NewUpgrader(r.Controls(), r.client, r.lookAgain)
	for range 10 {
		step := r.act(u)
		require.NotNil(t, step)
		assert.Empty(t, step.Do)
		assert.Contains(t, step.Message, "volume claim data-demo-store-1 has been deleted")
		assert.Empty(t, r.Writes())
		r.pass(time.Second)
	}

	f = Settled(c)
	for i := range int32(3) {
		f.Add(Pod(c, naming.Store, i, Age(time.Hour), Ready))
	}
	f.Add(Claim(c, naming.Store, 1, deletedClaim))
	a := store.NewAwakener(nil, nil)
	assert.Nil(t, a.Decide(f.View(c, PDState(c, Stores(3), silentFor(2, 10*time.Minute), ledFor(time.Hour)))))

	node := Node("node-1")
	node.Spec.Unschedulable = true
	f.Add(node)
	assert.Nil(t, store.NewNodeDrain(nil, nil, nil).Decide(f.View(c, PDState(c, Stores(3)))))
}

// Of stores that gave PD up the next is restarted when the last is back.
func TestAwakenOneAtATime(t *testing.T) {
	c := withStores(3)
	f := Settled(c)
	for i := range int32(3) {
		f.Add(Pod(c, naming.Store, i, Age(time.Hour), Ready))
	}
	state := PDState(c, Stores(3), silentFor(2, 10*time.Minute), silentFor(3, 10*time.Minute), ledFor(time.Hour))
	a := store.NewAwakener(nil, nil)
	step := a.Decide(f.View(c, state))
	require.NotNil(t, step)
	assert.Equal(t, manager.Verb("Restart"), step.Do)
	assert.Equal(t, "demo-store-1", step.Target)
	f.Pods.Remove(f.Pods.Get(Namespace, "demo-store-1"))
	assert.Nil(t, a.Decide(f.View(c, state)))
}
