// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apiserver is the model's second backend: the real, unchanged operator
// on a real kube-apiserver, etcd and kube-controller-manager, a namespace a test.
// Nodes, kubelets, volumes and what runs in pods are played (package play), in real
// time. What only a real API server does is shown here: validation and defaults, apply and
// its conflicts, watches that break, answers that fail.
//
// A Lab is one operator in one namespace. Its requests to the API server go
// through Faults, and those to PD straight to the played PDs; Crash and Start replace
// the operator at any moment.
package apiserver
