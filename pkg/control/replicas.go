// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// replicasManager owns the number of replicas of a Deployment while an
// autoscaler sets it.
const replicasManager = naming.FieldManager + "-autoscaling"

type replicasKeeper struct{ kube kubernetes.Interface }

// KeepReplicas implements ReplicasKeeper.
func (k *replicasKeeper) KeepReplicas(ctx context.Context, seen *appsv1.Deployment, replicas int32) error {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": seen.Name, "uid": seen.UID},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return fmt.Errorf("encode replicas of Deployment %s: %w", seen.Name, err)
	}
	force := true
	_, err = k.kube.AppsV1().Deployments(seen.Namespace).Patch(ctx, seen.Name, types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: replicasManager, Force: &force})
	if err != nil {
		return fmt.Errorf("hand the replicas of Deployment %s to its autoscaler: %w", seen.Name, err)
	}
	return nil
}
