// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kube brings up a real kube-apiserver and etcd for one test binary,
// and installs the CellCluster's definition in it. It decides nothing about
// the operator.
package kube

import (
	_ "github.com/redis/go-redis/v9"
	_ "github.com/stretchr/testify/require"
	_ "k8s.io/client-go/kubernetes"

	_ "github.com/deepfabric/elasticell-operator/pkg/controller"
)
