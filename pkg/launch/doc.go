// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package launch is the format of the start plan: what the operator, the only
// one that decides membership, tells the launcher inside each pod of a cluster
// about the one program it is to become.
//
// The package is pure: it encodes, checks and fills in plans, and knows no
// clock, network, file system or Kubernetes. What acts on a plan lives below it:
// launch/boot waits and execs, launch/membership decides whether a PD may start,
// launch/probe and launch/drain serve the kubelet's hooks.
//
// A pod keeps the launcher it was created with, while its plan is rewritten by
// operators of later releases. So a plan is decoded strictly, a field is only
// ever added together with a new PlanVersion, and an operator writes the lowest
// version that says what it has to say.
package launch
