// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// StartConfigMap holds, for each PD pod, the membership that it starts with.
// It is the only thing about a start that changes while pods live: their
// flags are part of the pods themselves.
func StartConfigMap(c *v1alpha1.CellCluster, join launch.Join) (*corev1.ConfigMap, error) {
	text, err := launch.EncodeJoin(join)
	if err != nil {
		return nil, fmt.Errorf("make the membership of PD: %w", err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: meta(c, naming.StartConfigMap(c.Name), ""),
		Data:       map[string]string{launch.JoinKey: text},
	}, nil
}

// PDMember is the membership entry of an ordinal.
func PDMember(c *v1alpha1.CellCluster, ordinal int32) launch.JoinMember {
	pod := naming.Pod(c.Name, naming.PD, ordinal)
	host := naming.Host(c.Namespace, c.Name, naming.PD, pod)
	return launch.JoinMember{
		Name:      pod,
		PeerURL:   fmt.Sprintf("http://%s:%d", host, naming.PDPeerPort),
		ClientURL: fmt.Sprintf("http://%s:%d", host, naming.PDClientPort),
	}
}

func startVolume(c *v1alpha1.CellCluster) corev1.Volume {
	return corev1.Volume{Name: naming.StartVolume, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: naming.StartConfigMap(c.Name)},
		},
	}}
}
