// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scheduler is a kube-scheduler extender that keeps the members of a
// cluster apart. Below it, predicates decides, cache knows what is in Kubernetes, and
// server speaks kube-scheduler's protocol. It reads, and writes nothing.
package scheduler
