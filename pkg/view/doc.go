// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package view holds all that is observed of one cluster, read once at the
// begin of a sync from the informers' caches and the newest PD snapshot, and
// not changed afterwards. Whoever decides, decides from a view and nothing else.
package view
