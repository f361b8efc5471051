// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// A sync reads its own writes: while the caches do not show them, it does nothing,
// and looks again soon. What never shows does not hold the cluster up for ever.
func TestStaleCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := ct.NewAPI()
		c, err := New(Options{Kube: api.Kube, Cells: api.Cells, Events: &ct.Events{}, PD: ct.PDClients(pdtest.NewFarm()), LauncherImage: ct.LauncherImage})
		require.NoError(t, err)
		defer c.queue.ShutDown()
		k := types.NamespacedName{Namespace: ct.Namespace, Name: "demo"}
		sync := func() (time.Duration, []string) {
			t.Helper()
			api.ResetRequests()
			again, err := c.sync(t.Context(), k)
			require.NoError(t, err)
			return again, api.Requests()
		}
		again, requests := sync()
		assert.Empty(t, requests, "a cluster that nobody knows")
		assert.Zero(t, again)

		// The informers do not run: the caches show what the test puts into them.
		cluster, err := api.OtherCells.DeepfabricV1alpha1().CellClusters(ct.Namespace).Create(t.Context(), sparse("demo"), metav1.CreateOptions{})
		require.NoError(t, err)
		cells := c.sources.scope("").cells.Deepfabric().V1alpha1().CellClusters().Informer().GetStore()
		require.NoError(t, cells.Add(cluster))
		_, requests = sync()
		require.NotEmpty(t, requests)
		for range 3 {
			again, requests = sync()
			assert.Empty(t, requests)
			assert.Equal(t, lookAgain, again)
		}

		// One object that shows is not enough.
		service, err := api.OtherKube.CoreV1().Services(ct.Namespace).Get(t.Context(), "demo-pd", metav1.GetOptions{})
		require.NoError(t, err)
		require.NoError(t, c.sources.scope("").kube.Core().V1().Services().Informer().GetStore().Add(service))
		_, requests = sync()
		assert.Empty(t, requests)

		// After half a minute the caches are believed: what they lack is missing.
		cluster, err = api.OtherCells.DeepfabricV1alpha1().CellClusters(ct.Namespace).Get(t.Context(), "demo", metav1.GetOptions{})
		require.NoError(t, err)
		require.NoError(t, cells.Update(cluster))
		time.Sleep(time.Minute)
		_, requests = sync()
		assert.Contains(t, requests, "patch statefulsets demo-pd")
		assert.NotContains(t, requests, "patch services demo-pd")
	})
}
