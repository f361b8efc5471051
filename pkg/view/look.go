// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// LookAgain is the same view with what PD says at this very moment. A snapshot
// is enough to decide to look, never to destroy.
func (c *Cluster) LookAgain(ctx context.Context, client pdapi.Client) *Cluster {
	fresh := *c
	fresh.State = pdstate.Look(ctx, client, c.State, c.HeartbeatLimit(), c.Now)
	return &fresh
}
