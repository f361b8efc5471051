// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controltest holds what tests of the operator's core stand on:
//
//   - Fakes, a fake of every control and the caches that a view is built from. A
//     fake writes straight into its cache, so that the next view shows it, notes
//     each write, and fails on demand. For the managers' tests.
//   - API, an API server in memory behind the fake clientsets, with what these
//     leave out: UIDs, versions, generations, preconditions, conflicts. For the
//     controls' and the controller's tests.
//   - Builders of clusters, pods and PD's answers.
package controltest
