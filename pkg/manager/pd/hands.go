// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// hands are what operations on PDs act with.
type hands struct {
	controls *control.Controls
	// pd makes a client of a cluster's PD.
	pd func(*view.Cluster) pdapi.Client
	// again has a cluster looked at again after a while.
	again func(*view.Cluster, time.Duration)
}

// changed says what was done to the membership. A refusal that passes is no error.
func (h *hands) changed(c *view.Cluster, reason string, err error, format, pod string) error {
	h.again(c, settleTime)
	switch {
	case errors.Is(err, pdapi.ErrUnhealthyCluster), errors.Is(err, pdapi.ErrMemberExists), errors.Is(err, pdapi.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("change PD's membership: %w", err)
	}
	h.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, reason, format, pod)
	return nil
}
