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
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

func (r *room) state(ordinal int32) pdapi.StoreState {
	return r.view().State.Store(r.ids[ordinal]).State
}

// A store is buried when PD has been seen to be done with it twice, a heartbeat apart.
func TestOneLookBuriesNobody(t *testing.T) {
	c := withStores(4)
	r := newRoom(t, c, Settled(c))
	c.Spec.Store.Replicas = 3
	s := store.NewScaler(r.Controls(), r.client, r.lookAgain)
	for rounds := 0; r.state(3) == pdapi.Up; rounds++ {
		require.Less(t, rounds, 20)
		r.act(s.Begin())
		r.pass(time.Second)
	}
	for range 60 { // PD is done with it long since
		r.pass(time.Second)
	}
	bury := func() {
		step := r.act(s.Begun())
		require.NotNil(t, step)
		require.Equal(t, manager.Verb("Drain"), step.Do, step.Message)
	}
	require.Equal(t, manager.Verb("RetireVolume"), r.act(s.Begun()).Do)
	bury()
	assert.Equal(t, pdapi.Down, r.state(3), "seen once")
	assert.Equal(t, []time.Duration{5 * time.Second}, r.again)
	r.pass(time.Second)
	bury()
	assert.Equal(t, pdapi.Down, r.state(3), "too soon")
	r.pass(5 * time.Second)
	bury()
	assert.Equal(t, pdapi.Tombstone, r.state(3))
}

// There is no way back from a drain, so none begins unless all are well at that moment.
func TestDrainBeginsFromFullHealth(t *testing.T) {
	c := withStores(5)
	r := newRoom(t, c, Settled(c))
	c.Spec.Store.Replicas = 4
	s := store.NewScaler(r.Controls(), r.client, r.lookAgain)
	r.act(s.Begin())
	v := r.view()
	step := s.Begin().Decide(v)
	require.Equal(t, manager.Verb("EvictLeaders"), step.Do, step.Message)
	r.pd.StopStore(r.ids[1])
	for range 30 {
		r.pass(time.Second)
	}
	require.NoError(t, s.Begin().Act(t.Context(), v, step))
	assert.Equal(t, pdapi.Up, r.state(4), "four stores of which three report could take its replicas, but one of them is away")
}
