// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// TestLifeUnderLoad upgrades every component and scales PDs and stores both
// ways while clients write.
func TestLifeUnderLoad(t *testing.T) {
	w, demo := needDemo(t)

	t.Run("upgrade of all", func(t *testing.T) {
		before := demo.Lives(t, naming.PD, naming.Store, naming.Proxy)
		demo.UnderLoad(t, "upgrade", func() {
			demo.Upgrade(t, env("1")...)
			demo.AwaitReady(t)
		})
		for pod, life := range demo.Lives(t, naming.PD, naming.Store, naming.Proxy) {
			assert.NotEqual(t, before[pod], life, "pod %s runs the old spec", pod)
		}
	})

	t.Run("out", func(t *testing.T) {
		demo.UnderLoad(t, "out", func() {
			demo.Upgrade(t, append(env("1"), "--set=pd.replicas=5,store.replicas=5")...)
			demo.AwaitReady(t)
		})
		assert.Len(t, members(t, demo), 5)
		assert.Len(t, stores(t, demo, pdapi.Up), 5)
	})

	t.Run("in", func(t *testing.T) {
		demo.UnderLoad(t, "in", func() {
			demo.Upgrade(t, env("1")...)
			demo.AwaitReady(t)
		})
		assert.Len(t, members(t, demo), 3)
		assert.Len(t, stores(t, demo, pdapi.Up), 3)
		assert.Len(t, stores(t, demo, pdapi.Tombstone), 2)
		assert.Empty(t, stores(t, demo, pdapi.Down))
		for _, pod := range []string{"demo-store-3", "demo-store-4", "demo-pd-3", "demo-pd-4"} {
			claim := w.Kubectl(t, "--namespace=cell", "get", "persistentvolumeclaim", "data-"+pod, "--output=jsonpath={.metadata.annotations}")
			assert.Contains(t, claim, naming.AnnotationRetired, "the claim of a removed member is set aside")
		}
	})

	t.Run("out again, on fresh volumes", func(t *testing.T) {
		demo.Upgrade(t, append(env("1"), "--set=store.replicas=4")...)
		demo.AwaitReady(t)
		assert.Len(t, stores(t, demo, pdapi.Up), 4)
		assert.Len(t, stores(t, demo, pdapi.Tombstone), 2)
		demo.Upgrade(t, env("1")...)
		demo.AwaitReady(t)
	})
	demo.Read(t, "demo")
}

// env changes the pods of every component, so that all of them restart.
func env(value string) []string {
	var out []string
	for _, component := range naming.Components() {
		out = append(out, "--set-string="+fmt.Sprintf("%[1]s.env[0].name=GENERATION,%[1]s.env[0].value=%[2]s", component, value))
	}
	return out
}

func members(t *testing.T, c *harness.Cells) []pdapi.Member {
	t.Helper()
	members, err := c.PD(t).Members(t.Context())
	require.NoError(t, err)
	return members
}

func stores(t *testing.T, c *harness.Cells, state pdapi.StoreState) []uint64 {
	t.Helper()
	all, err := c.PD(t).Stores(t.Context())
	require.NoError(t, err)
	var out []uint64
	for _, s := range all {
		if s.State == state {
			out = append(out, s.ID)
		}
	}
	return out
}
