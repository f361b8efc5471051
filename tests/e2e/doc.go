// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the operator, its charts and whole cell clusters on real
// nodes: a Kubernetes that tests/cluster brings up for the run and takes down
// after it. The tests run inside that Kubernetes' network, so that they reach
// Services and pods as clients do.
//
//	make image elasticell-images
//	CELL_E2E=1 go test ./e2e/... -p 1
//
// Each test brings what it needs to its beginning by itself, so any of them can
// be run alone; in their order they are quick, since they share the operator and
// the cell cluster "demo" in the namespace "cell". With -keep the Kubernetes
// stays up for a look.
package e2e
