// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package api holds the tests that need a real API server: what the definition
// of CellCluster accepts, refuses and shows, and the operator at work, with the
// pods played by package play. kube-controller-manager is real too.
package api
