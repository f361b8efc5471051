// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scenarios proves on real nodes what docs/proof.md says: it has a cell
// cluster go through its whole life while a ledger writes and reads, by plan and
// by misfortune. It takes three quarters of an hour, and runs by `make proof` alone.
package scenarios

import (
	"fmt"
	"os"
	"testing"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
	"github.com/deepfabric/elasticell-operator/tests/e2e/proof"
)

func TestMain(m *testing.M) {
	if !proof.Enabled() {
		os.Exit(m.Run()) // the tests skip themselves, without a Kubernetes
	}
	os.Exit(harness.Main(m, harness.Options{
		Name: "cell-proof", Nodes: 4, VolumesPerNode: 20, InNetwork: true,
		// So that a dead node is known as dead after 16 s and not after 50.
		Args: []string{"kube-controller-manager=--node-monitor-grace-period=16s"},
	}))
}

// env changes the pods of the components, so that all of them restart.
func env(value string, components ...naming.Component) []string {
	var out []string
	for _, component := range components {
		out = append(out, "--set-string="+fmt.Sprintf("%[1]s.env[0].name=GENERATION,%[1]s.env[0].value=%[2]s", component, value))
	}
	return out
}
