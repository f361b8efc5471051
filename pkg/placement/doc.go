// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package placement holds the rules by which the members of a cluster are kept
// apart, as pure functions: the scheduler extender keeps to them when it places a pod, and the
// operator judges by them where the pods stand.
//
// Nodes form a tree by the values of their topology keys, the widest first: zones
// above racks above nodes. A place is a domain of that tree.
package placement
