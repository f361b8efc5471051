// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

type volumeWriter struct{ kube kubernetes.Interface }

// SetReclaimPolicy implements VolumeWriter.
func (w *volumeWriter) SetReclaimPolicy(ctx context.Context, seen *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) error {
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": seen.UID},
		"spec":     map[string]any{"persistentVolumeReclaimPolicy": policy},
	})
	if err != nil {
		return fmt.Errorf("encode reclaim policy of volume %s: %w", seen.Name, err)
	}
	_, err = w.kube.CoreV1().PersistentVolumes().Patch(ctx, seen.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: naming.FieldManager})
	if err != nil {
		return fmt.Errorf("set reclaim policy of volume %s: %w", seen.Name, err)
	}
	return nil
}
