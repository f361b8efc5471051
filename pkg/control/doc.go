// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package control holds the controls, the only writers of Kubernetes objects:
// they apply, patch and delete, each with the preconditions that keep data
// safe, and decide nothing. A write that fails is reported, never repeated over
// a conflict: whoever decided it must look again.
package control
