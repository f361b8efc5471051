// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// Under load, with the log synced, the stores stay small and the ledger is whole.
func TestLoadWithSyncedLog(t *testing.T) {
	c := testcluster.New(t, testcluster.Options{PDs: 1, InitCells: 8, StoreFlags: []string{"-enable-sync-raftlog"}})
	c.Up()
	load := c.StartLoad(16)
	time.Sleep(15 * time.Second)
	for _, s := range c.Stores {
		mb := residentMB(t, s.Pid())
		t.Logf("%s: %d MB", s.Name, mb)
		assert.Less(t, mb, 100)
	}
	result := load.Stop(t)
	t.Logf("%+v", result)
	assert.Zero(t, result.Unknown)
	assert.Less(t, result.Stall, time.Second)
}
