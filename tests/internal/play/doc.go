// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package play plays what a bare control plane lacks for cell clusters: nodes,
// a scheduler, kubelets, the binding of claims, and in the pods PDs (pdtest),
// stores and proxies. Sets of pods and the garbage collection are left to the
// real kube-controller-manager.
//
// A pod comes up the way that its launcher would bring it up: PD from the start
// plan's membership, a store once it has its zone and rack and PD accepts it.
// What is wrong with a pod is written in its spec, so that correcting the spec
// corrects the pod: see MissingImages, CrashingImages and NodeCPU.
package play
