// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of Cell Operator: the kind CellCluster, its
// defaults and its conditions. It holds no I/O.
//
// +k8s:deepcopy-gen=package
// +groupName=deepfabric.com
package v1alpha1
