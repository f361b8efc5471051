// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

type statusWriter struct {
	cells   versioned.Interface
	pending *Pending
}

// UpdateStatus implements StatusWriter.
func (w *statusWriter) UpdateStatus(ctx context.Context, c *v1alpha1.CellCluster) error {
	written, err := w.cells.DeepfabricV1alpha1().CellClusters(c.Namespace).UpdateStatus(ctx, c,
		metav1.UpdateOptions{FieldManager: naming.FieldManager})
	if err != nil {
		return fmt.Errorf("write status of CellCluster %s: %w", c.Name, err)
	}
	w.pending.wroteCluster(written)
	return nil
}
