// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// defaultUtilization is the share of the requested CPU that an autoscaler aims at, in percent.
const defaultUtilization = 80

// Autoscaler is the autoscaler of the proxies; nil if the spec asks for none.
func Autoscaler(c *v1alpha1.CellCluster) *autoscalingv2.HorizontalPodAutoscaler {
	a := c.Spec.Proxy.Autoscaling
	if a == nil {
		return nil
	}
	metrics := a.Metrics
	if len(metrics) == 0 {
		aim := int32(defaultUtilization)
		metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name:   corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &aim},
			},
		}}
	}
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: meta(c, naming.Member(c.Name, naming.Proxy), naming.Proxy),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
				APIVersion: "apps/v1", Kind: "Deployment", Name: naming.Member(c.Name, naming.Proxy),
			},
			MinReplicas: a.MinReplicas,
			MaxReplicas: a.MaxReplicas,
			Metrics:     metrics,
			Behavior:    a.Behavior,
		},
	}
}
