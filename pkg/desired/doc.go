// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package desired makes the objects of a cluster from its spec and a few
// facts. Its functions are pure: the same input gives the same object, byte for
// byte, in every release that shares a golden file.
package desired
