// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// DecideReplicas is the number of proxies that the operator asks for; nil leaves
// it to an autoscaler. handOver is the number that must be given away first:
// server-side apply would set a field that nobody owns to its default, 1. An
// autoscaler leaves a Deployment with no replicas alone, so it begins with its least number.
func DecideReplicas(c *view.Cluster) (replicas, handOver *int32) {
	live, autoscaling := c.Proxy.Deployment, c.Object.Spec.Proxy.Autoscaling
	switch {
	case autoscaling == nil:
		return &c.Object.Spec.Proxy.Replicas, nil
	case live == nil:
		return new(max(c.Object.Spec.Proxy.Replicas, *autoscaling.MinReplicas)), nil
	case live.Spec.Replicas != nil && *live.Spec.Replicas == 0:
		return nil, autoscaling.MinReplicas
	case live.Annotations[naming.AnnotationAutoscaled] == "":
		return nil, live.Spec.Replicas
	}
	return nil, nil
}

// autoscale makes, keeps or deletes the autoscaler.
func (m *Manager) autoscale(ctx context.Context, c *view.Cluster) error {
	want, live := desired.Autoscaler(c.Object), c.Proxy.Autoscaler
	switch {
	case want != nil:
		changed, err := m.controls.Autoscalers.Apply(ctx, want, live)
		if changed {
			m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonScaling,
				"Told HorizontalPodAutoscaler %s to keep %d to %d proxies", want.Name, *want.Spec.MinReplicas, want.Spec.MaxReplicas)
		}
		return err
	case live != nil && live.DeletionTimestamp == nil:
		if err := m.controls.Autoscalers.Delete(ctx, live); err != nil {
			return err
		}
		m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonScaling,
			"Deleted HorizontalPodAutoscaler %s; the number of proxies is spec.proxy.replicas again", live.Name)
	}
	return nil
}
