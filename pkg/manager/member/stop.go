// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Doomed says why the pod of an ordinal must not be stopped: its volume would go with
// it. It is empty if the volume stays, or is to go.
func Doomed(s *view.Set, ordinal int32) string {
	claim := s.Doomed(ordinal)
	if claim == nil {
		return ""
	}
	return fmt.Sprintf("volume claim %s has been deleted and goes as soon as the pod stops; the member must be replaced first", claim.Name)
}

// Stop deletes a pod that is to come back with its data, unless, past the caches, the
// claim of its volume has been deleted.
func Stop(ctx context.Context, controls *control.Controls, s *view.Set, pod *corev1.Pod) error {
	ordinal, ok := naming.Ordinal(pod.Name)
	if claim := s.Claims[ordinal]; ok && claim != nil {
		now, err := controls.Live.Claim(ctx, claim.Namespace, claim.Name)
		if err != nil {
			return fmt.Errorf("see that the volume of pod %s stays: %w", pod.Name, err)
		}
		if now != nil && now.DeletionTimestamp != nil {
			return fmt.Errorf("restart pod %s: volume claim %s has been deleted and would go with it", pod.Name, claim.Name)
		}
	}
	return controls.Pods.Delete(ctx, pod)
}
