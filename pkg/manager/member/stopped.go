// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"fmt"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Stopped tells, past the caches, whether a member's pod is gone and its
// StatefulSet does not make it again. What is removed from PD must not run.
func Stopped(ctx context.Context, controls *control.Controls, c *view.Cluster, component naming.Component, ordinal int32) (bool, error) {
	ns, name := c.Object.Namespace, naming.Pod(c.Object.Name, component, ordinal)
	set, err := controls.Live.StatefulSet(ctx, ns, naming.Member(c.Object.Name, component))
	if err != nil {
		return false, fmt.Errorf("see that pod %s is not wanted: %w", name, err)
	}
	if set != nil && (set.Spec.Replicas == nil || *set.Spec.Replicas > ordinal) {
		return false, nil
	}
	pod, err := controls.Live.Pod(ctx, ns, name)
	if err != nil {
		return false, fmt.Errorf("see that pod %s is gone: %w", name, err)
	}
	return pod == nil, nil
}
