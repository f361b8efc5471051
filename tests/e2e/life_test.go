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
	t.Parallel()
	w := harness.Get(t)
	w.NeedOperator(t)
	w.OwnNamespace(t, "life", "baseline")
	life := w.CellsNamed("life", "cell", "life")
	life.Install(t)
	life.AwaitReady(t)
	life.Write(t, "before")

	t.Run("upgrade of all", func(t *testing.T) {
		before := life.Lives(t, naming.PD, naming.Store, naming.Proxy)
		life.Planned(t, "upgrade of all", "upgrade", func() {
			life.Upgrade(t, env("1")...)
			life.AwaitReady(t)
		})
		for pod, life := range life.Lives(t, naming.PD, naming.Store, naming.Proxy) {
			assert.NotEqual(t, before[pod], life, "pod %s runs the old spec", pod)
		}
	})

	t.Run("out", func(t *testing.T) {
		life.Planned(t, "PD and stores 3 → 5", "out", func() {
			life.Upgrade(t, append(env("1"), "--set=pd.replicas=5,store.replicas=5")...)
			life.AwaitReady(t)
		})
		assert.Len(t, members(t, life), 5)
		assert.Len(t, stores(t, life, pdapi.Up), 5)
	})

	t.Run("in", func(t *testing.T) {
		life.Planned(t, "PD and stores 5 → 3", "in", func() {
			life.Upgrade(t, env("1")...)
			life.AwaitReady(t)
		})
		assert.Len(t, members(t, life), 3)
		assert.Len(t, stores(t, life, pdapi.Up), 3)
		assert.Len(t, stores(t, life, pdapi.Tombstone), 2)
		assert.Empty(t, stores(t, life, pdapi.Down))
		for _, pod := range []string{"life-store-3", "life-store-4", "life-pd-3", "life-pd-4"} {
			claim := w.Kubectl(t, "--namespace=life", "get", "persistentvolumeclaim", "data-"+pod, "--output=jsonpath={.metadata.annotations}")
			assert.Contains(t, claim, naming.AnnotationRetired, "the claim of a removed member is set aside")
		}
	})

	t.Run("out again, on fresh volumes", func(t *testing.T) {
		life.Upgrade(t, append(env("1"), "--set=store.replicas=4")...)
		life.AwaitReady(t)
		assert.Len(t, stores(t, life, pdapi.Up), 4)
		assert.Len(t, stores(t, life, pdapi.Tombstone), 2)
	})
	life.Read(t, "before")
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
