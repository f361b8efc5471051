// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package member

import (
	"cmp"
	"fmt"

	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Outdated are the pods that run an older spec, from the highest ordinal down.
func Outdated(s *view.Set) []view.Pod {
	var out []view.Pod
	for i := len(s.Pods) - 1; i >= 0; i-- {
		if s.Outdated(s.Pods[i].Pod) {
			out = append(out, s.Pods[i])
		}
	}
	return out
}

// Obstacle says what is against a restart of a pod that concerns it alone; it is empty if nothing is.
func Obstacle(c *view.Cluster, s *view.Set, p view.Pod) string {
	return cmp.Or(Doomed(s, p.Ordinal), c.Stranded(s, p))
}

// Restartable are the outdated pods of a component without an obstacle.
func Restartable(c *view.Cluster, s *view.Set) []view.Pod {
	var out []view.Pod
	for _, p := range Outdated(s) {
		if Obstacle(c, s, p) == "" {
			out = append(out, p)
		}
	}
	return out
}

// Progress says how far the upgrade of a component is.
func Progress(s *view.Set) string {
	return fmt.Sprintf("%s %d/%d upgraded", s.Component, s.Updated(), s.Replicas())
}
