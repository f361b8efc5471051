// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package membership decides whether a PD may start, from the plan, from what
// its volume holds and from what the other members say. It is pure.
//
// PD embeds etcd, and a start at the wrong moment does harm that outlives it: a
// start that fails leaves a data directory that spoils the next one; a PD without
// data may form a second cluster, or forget what it has acknowledged; a removed
// PD with its old data accepts RPCs which it never answers, so that stores and
// proxies hang on it. So a PD that may not start waits and says for what, and
// nothing here ever deletes data: that is the operator's.
package membership
