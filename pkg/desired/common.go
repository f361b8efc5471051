// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// meta is the metadata of an object of a cluster: named, labelled and owned.
func meta(c *v1alpha1.CellCluster, name string, component naming.Component) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace:       c.Namespace,
		Name:            name,
		Labels:          naming.Labels(c.Name, component),
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(c, v1alpha1.GVK())},
	}
}

func selector(c *v1alpha1.CellCluster, component naming.Component) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: naming.SelectorLabels(c.Name, component)}
}

// component gathers what differs between PD, store and proxy for the builders
// that they share.
type component struct {
	name         naming.Component
	spec         *v1alpha1.ComponentSpec
	ports        []corev1.ContainerPort
	plan         string // encoded launch.Plan
	volumes      []corev1.Volume
	mounts       []corev1.VolumeMount
	readiness    *corev1.Probe
	liveness     *corev1.Probe
	startup      *corev1.Probe
	lifecycle    *corev1.Lifecycle
	storageClass *string
	annotations  map[string]string // of the template, none of which deserves a restart
}

func port(name string, number int32) corev1.ContainerPort {
	return corev1.ContainerPort{Name: name, ContainerPort: number, Protocol: corev1.ProtocolTCP}
}

// merged is a map with all entries of both; those of over win.
func merged(base, over map[string]string) map[string]string {
	out := make(map[string]string, len(base)+len(over))
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}
