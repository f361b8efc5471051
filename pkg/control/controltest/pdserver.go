// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// NewPD makes the PD that Running gives the addresses of a cluster's PD pods. Its
// clock is Now unless the config says otherwise.
func NewPD(c *v1alpha1.CellCluster, configure ...func(*pdtest.Config)) *pdtest.PD {
	config := pdtest.Config{
		ClusterID: 0xc1,
		Now:       Now,
		PeerURL: func(name string) string {
			ordinal, _ := naming.Ordinal(name)
			return desired.PDMember(c, ordinal).PeerURL
		},
		ClientURL: func(name string) string {
			ordinal, _ := naming.Ordinal(name)
			return endpoint(ordinal)
		},
	}
	for i := range c.Spec.PD.Replicas {
		config.Members = append(config.Members, naming.Pod(c.Name, naming.PD, i))
	}
	for _, f := range configure {
		f(&config)
	}
	return pdtest.New(config)
}

// PDClients makes clients of a farm of PDs, without a socket. They cannot change the membership.
func PDClients(farm *pdtest.Farm) pdapi.Factory {
	return pdapi.NewFactory(pdapi.Options{Transport: farm, Timeout: time.Second})
}

// PDFactory makes clients of PDs, without a socket but for changes of the membership.
func PDFactory(t testing.TB, pds ...*pdtest.PD) pdapi.Factory {
	t.Helper()
	farm := pdtest.NewFarm(pds...)
	require.NoError(t, farm.Listen())
	t.Cleanup(func() { _ = farm.Close() })
	return pdapi.NewFactory(pdapi.Options{Transport: farm, DialContext: farm.DialContext, Timeout: time.Second, Now: Now})
}

// AddStores starts stores in the pods of the first n ordinals, on a PD that
// knows the initial cells, and lets PD do all it wants to. It returns the stores' ids.
func AddStores(t testing.TB, pd *pdtest.PD, c *v1alpha1.CellCluster, n int32) []uint64 {
	t.Helper()
	initialize(t, pd, c)
	var ids []uint64
	for i := range n {
		s := Store(c, 0, i)
		id, err := pd.AddStore(pdtest.Store{Address: s.Address, ClientAddress: s.ClientAddress, Zone: s.Labels["zone"], Rack: s.Labels["rack"]})
		require.NoError(t, err)
		ids = append(ids, id)
	}
	pd.Settle()
	return ids
}

func initialize(t testing.TB, pd *pdtest.PD, c *v1alpha1.CellCluster) {
	t.Helper()
	cells := c.Spec.Store.InitialCells
	client := pdapi.New(pd.Endpoints(), pdapi.Options{Transport: pdtest.NewFarm(pd)})
	require.NoError(t, client.InitCluster(t.Context(), pdapi.InitParams{InitCellCount: uint64(cells.Count), CellCapacity: uint64(cells.Capacity)}))
	pd.ResetCalls()
}
