// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package habits tests the programs as an operator meets them: built, started on loopback, and looked at from outside.
package habits

import (
	"os"
	"testing"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

func TestMain(m *testing.M) {
	code := m.Run()
	testcluster.CleanUp()
	os.Exit(code)
}
