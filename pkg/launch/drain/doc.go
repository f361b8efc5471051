// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package drain lets the clients of a pod leave before its program is stopped.
// It runs in preStop, where two things happen at once: the pod leaves its Service,
// of which each node's kube-proxy learns a moment later, and clients finish what
// they have begun. A proxy of Elasticell closes its connections when it stops, so
// it is worth some seconds to stop it late.
package drain
