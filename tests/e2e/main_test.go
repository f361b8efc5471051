// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"testing"

	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, harness.Options{Name: "cell-e2e", VolumesPerNode: 20, InNetwork: true}))
}

// demoInstalled remembers that the cluster of needDemo is there.
var demoInstalled bool

// needDemo makes sure of the operator and of the cluster that the charts'
// defaults make, with the keys "demo" in it. Of the tests that share it no two run
// in parallel; each leaves it as the defaults say.
func needDemo(t *testing.T) (*harness.World, *harness.Cells) {
	t.Helper()
	w := harness.Get(t)
	w.NeedOperator(t)
	w.Namespace(t, "cell", "baseline")
	demo := w.CellsNamed("cell", "cell", "demo")
	if !demoInstalled {
		demo.Install(t)
		demo.AwaitReady(t)
		demo.Write(t, "demo")
		demoInstalled = true
	}
	demo.AwaitReady(t)
	return w, demo
}
