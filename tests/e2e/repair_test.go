// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// TestWipedVolumes takes the data of a PD and then of a store away, under load.
// `make proof` has many more misfortunes.
func TestWipedVolumes(t *testing.T) {
	t.Parallel()
	w := harness.Get(t)
	w.NeedOperator(t)
	w.OwnNamespace(t, "wiped", "baseline")
	c := w.CellsNamed("wiped", "cell", "wiped")
	c.Install(t, harness.Hasty...)
	c.AwaitReady(t)
	c.Write(t, "before")
	store := naming.Pod(c.Name, naming.Store, 1)
	old := c.Stores(t)[store]

	c.UnderLoad(t, "wiped", func() {
		c.Wipe(t, naming.PD, naming.Pod(c.Name, naming.PD, 1))
		c.AwaitTrouble(t)
		c.AwaitReadyWithin(t, 2*harness.Patience)
		c.Wipe(t, naming.Store, store)
		c.AwaitOtherStore(t, store, old, 2*harness.Patience)
		c.AwaitReadyWithin(t, 2*harness.Patience)
	})
	c.Read(t, "before")
	assert.Len(t, members(t, c), 3)
	assert.Len(t, stores(t, c, pdapi.Up), 3)
	assert.Contains(t, stores(t, c, pdapi.Tombstone), old)
}
