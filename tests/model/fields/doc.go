// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fields tries every field of the CRD on a real API server: it is set,
// changed, unset, and given a value that is wrong. Its effect must show in the objects
// of the cluster, or it must be refused with a reason. A cluster that was changed
// from A to B is like one that was created as B, one that was changed back is like it
// was, and a good spec heals what a bad one broke.
//
// The fields are found by a walk through the CRD's schema; one that the tables do
// not know fails the tests.
package fields
