// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// Before, at and after the bootstrap, PD answers as the reference page says, on followers too.
func TestInitAndBootstrap(t *testing.T) {
	c := testcluster.New(t, testcluster.Options{})
	c.StartPDs()
	const empty = `{"code":0,"error":"","value":{"alreadyBootstrapped":false,"initParams":null,"maxReplicas":0,"storeCount":0,` +
		`"offlineStoreCount":0,"tombStoneStoreCount":0,"cellCount":0,"replicasNotFullCellCount":0,"storageCapacity":0,"storageAvailable":0,"operatorCount":0}}`
	for _, pd := range c.PDs {
		a, err := pd.API("GET", "/pd/api/v1/system", "")
		require.NoError(t, err)
		assert.JSONEq(t, empty, a.Body)
	}
	for _, path := range []string{"/stores", "/cells", "/stores/1", "/operators"} {
		a := c.Do("GET", "/pd/api/v1"+path, "")
		assert.Equal(t, testcluster.Answer{Status: http.StatusOK, Body: a.Body, Code: 1, Error: "cluster not bootstrapped", Value: a.Value}, a, path)
	}
	for _, pd := range c.PDs { // repeatable, and on any member
		a, err := pd.API("POST", "/pd/api/v1/system", `{"initCellCount":8,"cellCapacity":67108864}`)
		require.NoError(t, err)
		require.JSONEq(t, `{"code":0,"error":"","value":null}`, a.Body)
	}
	require.Equal(t, uint64(8), c.System().InitParams.InitCellCount)

	c.StartStore(c.Stores[0])
	testcluster.Await(t, 5*time.Second, "one store alone bootstraps", func() bool { return c.System().AlreadyBootstrapped })
	sys := c.System()
	assert.Equal(t, 8, sys.CellCount)
	assert.Equal(t, 3, sys.MaxReplicas)
	assert.Equal(t, 8, sys.ReplicasNotFullCellCount)
	a := c.Do("POST", "/pd/api/v1/system", `{"initCellCount":4}`)
	assert.Equal(t, "cluster is already bootstrapped", a.Error)
	a = c.Do("GET", "/pd/api/v1/nothing", "")
	assert.Equal(t, http.StatusNotFound, a.Status)
}

// Several stores started at once each keep the cells they made: PD then shows several cells for the same keys.
func TestBootstrapRace(t *testing.T) {
	c := testcluster.New(t, testcluster.Options{PDs: 1})
	c.StartPDs()
	for _, s := range c.Stores {
		c.StartStore(s)
	}
	testcluster.Await(t, 20*time.Second, "the losers report cells of their own", func() bool {
		var cells []testcluster.CellInfo
		return c.Get("/pd/api/v1/cells", &cells) == nil && len(cells) == len(c.Stores)
	})
	for _, cell := range c.ListCells() {
		assert.Empty(t, cell.Meta.Start)
		assert.Empty(t, cell.Meta.End, "each covers all keys")
	}
}

// A data dir that holds a store does not start where nothing is bootstrapped, or in another cluster.
func TestDataOfAnotherCluster(t *testing.T) {
	old := testcluster.New(t, testcluster.Options{PDs: 1, Stores: 1})
	old.StartPDs()
	old.StartStore(old.Stores[0])
	testcluster.Await(t, 10*time.Second, "bootstrapped", func() bool { return old.System().AlreadyBootstrapped })
	old.Stores[0].Term()

	c := testcluster.New(t, testcluster.Options{PDs: 1, Stores: 2})
	c.StartPDs()
	moved := c.Stores[1]
	moved.Data = old.Stores[0].Data
	c.StartStore(moved)
	requireExit(t, moved.Process, 1, "not bootstrapped")

	c.StartStore(c.Stores[0])
	testcluster.Await(t, 10*time.Second, "bootstrapped", func() bool { return c.System().AlreadyBootstrapped })
	c.StartStore(moved)
	requireExit(t, moved.Process, 1, "belongs to another cluster")
}

// requireExit waits for a process to end by itself, with a code and a last word.
func requireExit(t *testing.T, p *testcluster.Process, code int, says string) {
	t.Helper()
	got, err := p.ExitCode(2 * time.Minute)
	require.NoError(t, err)
	require.Equal(t, code, got, p.Name)
	require.Contains(t, p.Log(), says)
}
