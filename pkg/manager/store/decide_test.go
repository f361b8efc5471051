// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// withStores makes a bootstrapped cluster of n stores.
func withStores(n int32) *v1alpha1.CellCluster {
	return Cluster("demo", Bootstrapped, func(c *v1alpha1.CellCluster) { c.Spec.Store.Replicas = n })
}

// set puts a StatefulSet of n stores into the caches.
func set(t *testing.T, f *Fakes, n int32) {
	t.Helper()
	s, err := desired.StoreStatefulSet(Cluster("demo"), n, LauncherImage)
	require.NoError(t, err)
	_, err = f.StatefulSets.Apply(t.Context(), s, nil)
	require.NoError(t, err)
	f.Reset()
}

const none = -1

// One store starts first, and the others only when the status has recorded that
// it created the first cells.
func TestDecideReplicas(t *testing.T) {
	fresh := Cluster("demo")
	known := func(modify ...StateModifier) *pdstate.Snapshot {
		return PDState(fresh, append([]StateModifier{Initialized}, modify...)...)
	}
	tests := map[string]struct {
		cluster *v1alpha1.CellCluster
		have    int32 // none: there is no StatefulSet
		state   *pdstate.Snapshot
		add     func(*Fakes)
		want    int32
		reason  string
	}{
		"PD has not answered":                                                    {fresh, none, nil, nil, 0, v1alpha1.ReasonWaitingForPD},
		"PD does not answer":                                                     {fresh, none, known(Unreachable), nil, 0, v1alpha1.ReasonWaitingForPD},
		"PD is yet to be told the cells":                                         {fresh, none, PDState(fresh), nil, 0, v1alpha1.ReasonWaitingForPD},
		"PD is ready: one":                                                       {fresh, none, known(), nil, 1, v1alpha1.ReasonWaitingForBootstrap},
		"one is starting":                                                        {fresh, 1, known(), nil, 1, v1alpha1.ReasonWaitingForBootstrap},
		"one is starting and PD went silent":                                     {fresh, 1, known(Unreachable), nil, 1, v1alpha1.ReasonWaitingForPD},
		"bootstrapped and not yet recorded":                                      {fresh, 1, known(Stores(1)), nil, 1, v1alpha1.ReasonWaitingForBootstrap},
		"a set that was made larger by hand":                                     {fresh, 3, known(), nil, 3, v1alpha1.ReasonWaitingForBootstrap},
		"recorded: all":                                                          {withStores(3), 1, known(Stores(1)), nil, 3, ""},
		"recorded, PD silent: all the same":                                      {withStores(3), 1, nil, nil, 3, ""},
		"more are wanted":                                                        {withStores(5), 3, known(Stores(3)), nil, 5, ""},
		"fewer are wanted: the Scaler's part":                                    {withStores(3), 5, known(Stores(5)), nil, 5, ""},
		"a removal has begun":                                                    {withStores(5), 5, known(Stores(5), SetStore(5, State(pdapi.Down))), nil, 5, ""},
		"a removed store's volume is in the way":                                 {withStores(6), 3, known(Stores(3)), func(f *Fakes) { f.Add(Claim(fresh, naming.Store, 4, Retired)) }, 4, v1alpha1.ReasonWaitingForVolume},
		"a set that is gone comes back with its pods":                            {withStores(3), none, known(Stores(5)), func(f *Fakes) { f.Add(Pod(fresh, naming.Store, 4)) }, 5, ""},
		"a set that is gone comes back with its claims":                          {withStores(3), none, known(Stores(5), SetStore(5, State(pdapi.Tombstone))), func(f *Fakes) { f.Add(Claim(fresh, naming.Store, 3), Claim(fresh, naming.Store, 4, Retired)) }, 4, ""},
		"a set that is gone comes back with a store that is being drained":       {withStores(3), none, known(Stores(5), SetStore(5, State(pdapi.Down))), func(f *Fakes) { f.Add(Claim(fresh, naming.Store, 3), Claim(fresh, naming.Store, 4, Retired)) }, 5, ""},
		"a set that is gone comes back with all that may be, before PD is asked": {withStores(3), none, nil, func(f *Fakes) { f.Add(Claim(fresh, naming.Store, 3), Claim(fresh, naming.Store, 4, Retired)) }, 5, ""},
		"a set that is gone with all it had":                                     {withStores(3), none, known(Stores(3)), nil, 3, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := New()
			if test.have != none {
				set(t, f, test.have)
			}
			if test.add != nil {
				test.add(f)
			}
			replicas, wait := store.DecideReplicas(f.View(test.cluster, test.state))
			assert.Equal(t, test.want, replicas)
			assert.Equal(t, test.reason, wait.Reason, wait.Message)
		})
	}
}
