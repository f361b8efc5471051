// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pdstate keeps the newest answer of every cluster's PD: immutable
// snapshots that carry their age, for syncs to read without I/O.
//
// One Poller serves all clusters from one queue by due time and a bounded pool,
// so that a cluster at rest costs an entry in a map and six small requests a
// minute, and a PD that hangs delays no other. It calls Notify only when
// something changed that a decision may depend on, never for a figure that
// moves by itself (see Changes).
//
// A snapshot is enough to decide to look, never to destroy: destructive steps
// read PD afresh.
package pdstate
