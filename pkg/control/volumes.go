// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

type claimWriter struct {
	*writer[*corev1.PersistentVolumeClaim]
}

// Resize implements ClaimWriter.
func (w *claimWriter) Resize(ctx context.Context, seen *corev1.PersistentVolumeClaim, size resource.Quantity) error {
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": seen.UID},
		"spec":     map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": size}}},
	})
	if err != nil {
		return fmt.Errorf("encode size of volume claim %s: %w", seen.Name, err)
	}
	written, err := w.client(seen.Namespace).Patch(ctx, seen.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: naming.FieldManager})
	if err != nil {
		return fmt.Errorf("grow volume claim %s: %w", seen.Name, err)
	}
	w.pending.wrote(w.kind.Kind, written)
	return nil
}

type setDeleter struct {
	kube    kubernetes.Interface
	pending *Pending
}

// DeleteAlone implements SetDeleter.
func (d *setDeleter) DeleteAlone(ctx context.Context, seen *appsv1.StatefulSet) error {
	orphan := metav1.DeletePropagationOrphan
	err := d.kube.AppsV1().StatefulSets(seen.Namespace).Delete(ctx, seen.Name, metav1.DeleteOptions{
		PropagationPolicy: &orphan,
		Preconditions:     &metav1.Preconditions{UID: &seen.UID, ResourceVersion: &seen.ResourceVersion},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete StatefulSet %s without its pods: %w", seen.Name, err)
	}
	d.pending.deleted("StatefulSet", seen)
	return nil
}

type volumeWriter struct {
	*writer[*corev1.PersistentVolume]
}

// SetReclaimPolicy implements VolumeWriter.
func (w *volumeWriter) SetReclaimPolicy(ctx context.Context, seen *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) error {
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": seen.UID},
		"spec":     map[string]any{"persistentVolumeReclaimPolicy": policy},
	})
	if err != nil {
		return fmt.Errorf("encode reclaim policy of volume %s: %w", seen.Name, err)
	}
	_, err = w.client("").Patch(ctx, seen.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: naming.FieldManager})
	if err != nil {
		return fmt.Errorf("set reclaim policy of volume %s: %w", seen.Name, err)
	}
	return nil
}
