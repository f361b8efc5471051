// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// space makes a store hold and have room for so many bytes.
func space(id, used, free uint64) StateModifier {
	return SetStore(id, func(s *pdapi.Store) { s.UsedSize, s.Available, s.Capacity = used, free, 0 })
}

// disk makes a store hold so many GiB and its disk have so many, of which some are free.
func disk(id, used, capacity, free uint64) StateModifier {
	return SetStore(id, func(s *pdapi.Store) { s.UsedSize, s.Available, s.Capacity = used<<30, free<<30, capacity<<30 })
}

// What becomes of the last of 4 stores, by what is seen of it.
func TestDecideRemoval(t *testing.T) {
	cluster := func(n int32) *v1alpha1.CellCluster { return Cluster("demo", Bootstrapped, stores(n)) }
	evicting := func(p *corev1.Pod) {
		Ready(p)
		p.Annotations[naming.AnnotationEvicting] = Now().Format(time.RFC3339) + " remove"
	}
	tests := map[string]struct {
		want    int32
		state   []StateModifier
		retired bool
		marked  bool // for a replacement
		pod     PodModifier
		do      manager.Verb
		begun   bool
		message string // "" for no step
	}{
		"as many as are wanted":   {want: 4},
		"more are wanted":         {want: 5},
		"its leaders move first":  {want: 3, do: "EvictLeaders", message: "removing store 4 in pod demo-store-3: moving the leaders away"},
		"two at once go singly":   {want: 2, do: "EvictLeaders", state: []StateModifier{keptReplicas(2)}, message: "removing store 4 in pod demo-store-3"},
		"not while it is unknown": {want: 3, state: []StateModifier{Unreachable}, message: "removing 1 of 4 stores waits: PD does not answer"},
		"not from bad health":     {want: 3, state: []StateModifier{SetStore(1, Silent)}, message: "removing 1 of 4 stores waits: store 1 does not report to PD"},
		"its eviction goes on": {want: 3, pod: evicting, do: "EvictLeaders", message: "moving the leaders away; it goes no further before this has passed: cell 100 has a replica that is being filled",
			state: []StateModifier{func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Cells[0].PendingPeers = s.Cells[0].Peers[:1] }}},
		"a removal below the replicas is refused": {want: 3, pod: evicting, state: []StateModifier{SetStore(1, Silent)},
			message: "removing 1 of 4 stores is refused: 2 stores would remain up, and cells have 3 replicas; raise spec.store.replicas"},
		"a removal without space is refused": {want: 3, state: []StateModifier{space(4, 900<<20, 0), space(1, 0, 300<<20), space(2, 0, 300<<20), space(3, 0, 300<<20)},
			message: "removing 1 of 4 stores is refused: the other stores have room for 900 MiB, up to spec.pd.config.storageThreshold, and store 4 holds 900 MiB"},
		"space above PD's threshold does not count": {want: 3, state: []StateModifier{disk(4, 70, 100, 30), disk(1, 70, 100, 30), disk(2, 70, 100, 30), disk(3, 85, 100, 15)},
			message: "the other stores have room for 20480 MiB"},
		"space below it does":          {want: 3, state: []StateModifier{disk(4, 20, 100, 80), disk(1, 65, 100, 35), disk(2, 65, 100, 35), disk(3, 85, 100, 15)}, do: "EvictLeaders", message: "moving the leaders away"},
		"its own space does not count": {want: 3, state: []StateModifier{space(4, 900<<20, 900<<20), space(1, 0, 400<<20)}, message: "is refused"},
		"space enough":                 {want: 3, state: []StateModifier{space(4, 900<<20, 0), space(1, 0, 2<<30)}, do: "EvictLeaders", message: "moving the leaders away"},

		"Down: its volume is set aside":              {want: 3, state: []StateModifier{SetStore(4, State(pdapi.Down))}, do: "RetireVolume", begun: true, message: "removing store 4 in pod demo-store-3: setting its volume aside"},
		"Down, and wanted again: it is replaced":     {want: 5, state: []StateModifier{SetStore(4, State(pdapi.Down))}},
		"Down and set aside: it is drained":          {want: 3, state: []StateModifier{SetStore(4, State(pdapi.Down))}, retired: true, do: "Drain", begun: true, message: "PD is moving its cells away, 0 are left"},
		"set aside, and marked for a replacement":    {want: 3, state: []StateModifier{SetStore(4, State(pdapi.Down))}, retired: true, marked: true, do: "Drain", begun: true, message: "PD is moving its cells away"},
		"drained, whatever is wanted now":            {want: 4, state: []StateModifier{SetStore(4, State(pdapi.Down))}, retired: true, do: "Drain", begun: true, message: "PD is moving its cells away"},
		"drained with no store to spare":             {want: 3, state: []StateModifier{SetStore(4, State(pdapi.Down)), SetStore(1, Silent)}, retired: true, do: "Drain", begun: true, message: "it stands still until 3 stores are up, now it is 2"},
		"drained with no room, and more are wanted":  {want: 5, state: []StateModifier{SetStore(4, State(pdapi.Down)), space(4, 900<<20, 0), space(1, 0, 9), space(2, 0, 9), space(3, 0, 9)}, retired: true, do: "KeepVolume", begun: true, message: "is replaced instead of removed, so that stores can be added, since the other stores have room for 0 MiB"},
		"drained with no room":                       {want: 4, state: []StateModifier{SetStore(4, State(pdapi.Down)), space(4, 900<<20, 0), space(1, 0, 9), space(2, 0, 9), space(3, 0, 9)}, retired: true, do: "Drain", begun: true, message: "PD is moving its cells away"},
		"Up again by a heartbeat under way":          {want: 3, retired: true, do: "EvictLeaders", begun: true, message: "telling PD again to drain it"},
		"Up again, and not to be removed":            {want: 4, retired: true, do: "EvictLeaders", begun: true, message: "telling PD again to drain it"},
		"a tombstone's pod goes":                     {want: 3, state: []StateModifier{SetStore(4, State(pdapi.Tombstone))}, retired: true, do: "RemovePod", begun: true, message: "removing pod demo-store-3, whose store is a tombstone"},
		"a tombstone's pod goes for a new one":       {want: 5, state: []StateModifier{SetStore(4, State(pdapi.Tombstone))}, retired: true, do: "RemovePod", begun: true, message: "whose store is a tombstone"},
		"a tombstone's pod stays while PD is silent": {want: 3, state: []StateModifier{SetStore(4, State(pdapi.Tombstone)), Unreachable}, retired: true, begun: true, message: "removing pod demo-store-3 waits: PD does not answer"},
		"a tombstone that others made":               {want: 3, state: []StateModifier{SetStore(4, State(pdapi.Tombstone))}, do: "RetireVolume", begun: true, message: "setting the volume of pod demo-store-3 aside, as store 4 is a tombstone"},
		"one that PD never knew":                     {want: 3, pod: evicting, state: []StateModifier{noStore(4)}, message: "PD knows no store in pod demo-store-3"},
		"one that never came up":                     {want: 3, pod: Running, state: []StateModifier{noStore(4)}, do: "RetireVolume", begun: true, message: "as no store has come up in it"},
		"one that never came up, PD is unknown":      {want: 3, pod: Running, state: []StateModifier{noStore(4), Unreachable}, message: "waits"},
		"one that is gone":                           {want: 3, pod: Running, state: []StateModifier{silentFor(4, time.Hour), without(4, 1)}, do: "RetireVolume", begun: true, message: "as store 4 is gone, and PD has given its replicas to others"},
		"one that is gone, and holds something":      {want: 3, pod: Running, state: []StateModifier{silentFor(2, time.Hour)}, message: "waits"},
		"one that is away":                           {want: 3, pod: Running, state: []StateModifier{silentFor(4, time.Minute), without(4, 1)}, message: "waits"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := cluster(4)
			f := Settled(c)
			if test.retired {
				claim := Claim(c, naming.Store, 3, Retired)
				if test.marked {
					annotated(naming.AnnotationReplacing, "4")(claim)
				}
				f.Add(claim)
			}
			if test.pod != nil {
				f.Add(Pod(c, naming.Store, 3, test.pod))
			}
			state := PDState(c, append([]StateModifier{Stores(4)}, test.state...)...)
			c.Spec.Store.Replicas = test.want
			if test.want == 2 {
				c.Spec.PD.Config.MaxReplicas = new(int32(2))
			}
			v := f.View(c, state)
			step, begun := store.DecideRemoval(v)
			s := store.NewScaler(nil, nil, nil)
			if test.message == "" {
				assert.Nil(t, step)
				assert.False(t, begun)
				assert.Nil(t, s.Begin().Decide(v))
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, test.begun, begun)
			if test.begun {
				assert.Equal(t, step, s.Begun().Decide(v))
				assert.Nil(t, s.Begin().Decide(v))
			} else {
				assert.Equal(t, step, s.Begin().Decide(v))
				assert.Nil(t, s.Begun().Decide(v))
			}
			assert.Equal(t, v1alpha1.ReasonScaling, step.Type)
			assert.Equal(t, "demo-store-3", step.Target)
			assert.Contains(t, step.Message, test.message)
			assert.Equal(t, test.do, step.Do)
		})
	}
}

// keptReplicas makes PD keep so many replicas.
func keptReplicas(n int) StateModifier {
	return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.System.MaxReplicas = n }
}

func TestNothingIsRemoved(t *testing.T) {
	c := Cluster("demo", Bootstrapped, stores(4))
	state := PDState(c, Stores(4), SetStore(4, State(pdapi.Down)))
	fewer := Cluster("demo", Bootstrapped, stores(3))
	fresh := Cluster("demo", stores(3))
	step, begun := store.DecideRemoval(Settled(c).View(fresh, state))
	assert.Nil(t, step, "before the bootstrap")
	assert.False(t, begun)
	step, begun = store.DecideRemoval(New().View(fewer, state))
	assert.Nil(t, step, "without a StatefulSet")
	assert.False(t, begun)
	step, begun = store.DecideRemoval(Settled(c).View(fewer, nil))
	require.NotNil(t, step, "before PD has answered")
	assert.Empty(t, step.Do)
	assert.False(t, begun)
}

// noStore is that PD has never known a store.
func noStore(id uint64) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		s.Stores = slices.DeleteFunc(s.Stores, func(x pdapi.Store) bool { return x.ID == id })
	}
}
