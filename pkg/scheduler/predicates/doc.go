// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package predicates decides on which nodes a pod of a cluster may stand, and how
// well it stands there, as pure functions.
package predicates
