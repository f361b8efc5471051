// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package model runs the real, unchanged operator in a world that is played in
// memory (package sim), and disturbs it wherever that can be done: it lets the
// operator crash before and after each of its writes, shows it old views, hides
// notifications, fails its requests, paralyses its PD, changes the user's mind, and
// runs two operators at once. Faults come in where requests leave the operator: at
// the clients of Kubernetes, and at the transport to PD.
//
// A Workload is what happens to a cluster on purpose. A run of it is held against an
// undisturbed one: it must end in the same state, with each object created and
// deleted equally often, and then rest. At each write and in each second the run is
// held against what must never be so (see invariants.go).
//
// Time is that of a bubble of testing/synctest, so a run of minutes takes tens of milliseconds.
package model
