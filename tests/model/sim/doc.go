// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sim plays all that surrounds the operator, around an API server in
// memory: the controllers of StatefulSets, Deployments and autoscalers, the garbage
// collector, volumes, the scheduler, nodes with their kubelets, and in the pods the
// PDs (pdtest), stores and proxies.
//
// Nothing in it happens by itself: Step is one second of everybody's work. It is
// for one goroutine, inside a bubble of testing/synctest, whose clock is its time.
//
// What it takes from the real ones is what the operator's safety leans on: pods end
// in their own time, and never on a node that is dead; a claim that is being deleted
// stays while a pod uses it, and no pod is made for it; a volume stays on its node; a
// member's data is on its claim, whatever becomes of the pod.
package sim
