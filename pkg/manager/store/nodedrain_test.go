// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// A pod on a cordoned node may be evicted when its store leads nothing any more, and
// not after the node takes pods again.
func TestNodeDrain(t *testing.T) {
	c := withStores(3)
	r := newRoom(t, c, Settled(c))
	node := Node("node-1")
	node.Spec.Unschedulable = true
	r.Add(node)
	n := store.NewNodeDrain(r.Controls(), r.client, r.lookAgain)
	for range 10 { // give it leaders
		r.pd.Balance()
	}
	r.pass(time.Second)
	require.Positive(t, r.leads(1))
	label := func() string { return r.Pods.Get(Namespace, "demo-store-1").Labels[naming.LabelEvictable] }

	assert.Equal(t, manager.Verb("Mark"), r.act(n).Do)
	for rounds := 0; r.leads(1) > 0; rounds++ {
		require.Less(t, rounds, 20)
		assert.Equal(t, manager.Verb("KeepLeadersAway"), r.act(n).Do)
		assert.Empty(t, r.Writes(), "not while it leads cells")
		assert.Empty(t, label())
		r.pass(time.Second)
	}
	r.act(n)
	assert.Equal(t, []string{"patch Pod demo-store-1"}, r.Writes())
	assert.Equal(t, "true", label())
	assert.Equal(t, []string{"Normal NodeDrain: Pod demo-store-1 may be evicted from cordoned node node-1; its leaders have moved away"}, r.Events.All())

	for range 10 {
		r.pd.Balance()
	}
	r.pass(time.Second)
	back := r.leads(1)
	require.Positive(t, back, "PD gives some back")
	for range 10 {
		r.act(n)
		assert.Empty(t, r.Writes())
		r.pd.Step()
		r.pass(time.Second)
	}
	assert.Less(t, r.leads(1), back, "they are kept away")

	node = node.DeepCopy()
	node.Spec.Unschedulable = false
	r.Add(node)
	assert.Equal(t, manager.Verb("Hold"), r.act(n.Hold()).Do)
	assert.Equal(t, []string{"patch Pod demo-store-1"}, r.Writes())
	assert.Empty(t, label())
	assert.Nil(t, r.act(n.Hold()))
	assert.Nil(t, r.act(n))
}

// While PD moves a leader, perhaps to the store that is about to stop, it does not stop.
func TestPDsSlotIsHeld(t *testing.T) {
	c := withStores(3)
	r := newRoom(t, c, upgrading(c, 1))
	u := store.NewUpgrader(r.Controls(), r.client, r.lookAgain)
	r.act(u)
	for rounds := 0; r.leads(1) > 0; rounds++ {
		require.Less(t, rounds, 20)
		r.act(u)
		r.pass(time.Second)
	}
	v := r.view()
	to := v.State.Cells[0].Leader.ID
	require.NoError(t, r.client(v).TransferLeader(t.Context(), v.State.Cells[0].ID, to))
	r.act(u)
	assert.Empty(t, r.Writes(), "the one transfer that PD allows at a time is another's")
	assert.Equal(t, []time.Duration{200 * time.Millisecond}, r.again)
	r.pass(2 * time.Second)
	r.act(u)
	assert.Equal(t, []string{"delete Pod demo-store-1"}, r.Writes())
}

// meddled is a PD that moves a leader to the best heir as soon as a transfer has been asked for.
type meddled struct {
	pdapi.Client
	pd *pdtest.PD
}

func (m meddled) TransferLeader(ctx context.Context, cell, peer uint64) error {
	defer m.pd.Balance()
	return m.Client.TransferLeader(ctx, cell, peer)
}

// A leader that comes back in the last moment, after the look that said that none is left, is seen.
func TestLeaderComesBackInTheLastMoment(t *testing.T) {
	for name, operation := range map[string]func(r *room, client func(*view.Cluster) pdapi.Client) manager.Operation{
		"upgrade": func(r *room, client func(*view.Cluster) pdapi.Client) manager.Operation {
			return store.NewUpgrader(r.Controls(), client, r.lookAgain)
		},
		"drain of a node": func(r *room, client func(*view.Cluster) pdapi.Client) manager.Operation {
			node := Node("node-1")
			node.Spec.Unschedulable = true
			r.Add(node)
			return store.NewNodeDrain(r.Controls(), client, r.lookAgain)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := withStores(3)
			f := Settled(c)
			if name == "upgrade" {
				f = upgrading(c, 1)
			}
			r := newRoom(t, c, f)
			meddles := false
			o := operation(r, func(v *view.Cluster) pdapi.Client {
				if meddles {
					return meddled{r.client(v), r.pd}
				}
				return r.client(v)
			})
			r.act(o) // marks
			for rounds := 0; r.leads(1) > 0; rounds++ {
				require.Less(t, rounds, 20)
				r.act(o)
				r.pass(time.Second)
			}
			meddles = true
			r.act(o)
			require.Positive(t, r.leads(1))
			assert.Empty(t, r.Writes())
			assert.Equal(t, []time.Duration{200 * time.Millisecond}, r.again)
			meddles = false
			for rounds := 0; len(r.Writes()) == 0; rounds++ {
				require.Less(t, rounds, 20)
				r.pass(2 * time.Second)
				r.act(o)
			}
			assert.Zero(t, r.leads(1))
		})
	}
}
