// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scheduler tests the extender beside the real kube-scheduler, on a real API
// server with 300 nodes that KWOK plays, in three zones. The StatefulSets are the operator's,
// less their spread constraints, so that the extender alone keeps members apart.
package scheduler
