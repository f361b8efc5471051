// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package boot turns a start plan into a running program: it waits until
// everything that the plan asks for is there, then the process becomes the
// program. While it waits it says so, and a plan that changes meanwhile counts.
//
// The network and the exec come from outside; the clock is the standard one, so
// that tests run it in a testing/synctest bubble.
package boot
