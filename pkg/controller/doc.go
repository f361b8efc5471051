// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controller turns events into syncs of clusters: the informers, the
// queue with one key a cluster, the ordered sync, and the status. It decides
// nothing about members; that is the managers' part.
package controller
