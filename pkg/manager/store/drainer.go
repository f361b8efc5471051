// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// drainer empties stores that run: their leaders move away, PD drains them, they
// become tombstones. From the moment PD was told there is no way back.
type drainer struct {
	hands
	drained *drainWatch
}

// hands are what operations on stores act with.
type hands struct {
	controls *control.Controls
	// pd makes a client of a cluster's PD.
	pd func(*view.Cluster) pdapi.Client
	// again has a cluster looked at again after a while.
	again func(*view.Cluster, time.Duration)
}

func newDrainer(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *drainer {
	return &drainer{hands{controls, pd, again}, newDrainWatch()}
}

// takeDown moves the leaders away from the store in a pod and then tells PD to drain it, if may still allows that.
// reason is that of the event.
func (d *drainer) takeDown(ctx context.Context, c *view.Cluster, target, purpose, reason string, may func(*view.Cluster, *pdapi.Store) bool) error {
	pod := member.Named(c.Store.Pods, target)
	if pod == nil {
		return nil
	}
	if evictingSince(pod, purpose).IsZero() {
		return markEvicting(ctx, c, d.controls, pod, purpose)
	}
	client := d.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	store := fresh.StoreOf(target)
	if fresh.PDUnknown() != "" || store == nil || store.State != pdapi.Up {
		d.again(c, evictRound)
		return nil
	}
	left, stuck, err := evict(ctx, client, fresh, store.ID)
	if err != nil {
		return fmt.Errorf("evict store %d: %w", store.ID, err)
	}
	if left > stuck || fresh.Unhealthy() != "" || !may(fresh, store) {
		d.again(c, evictRound)
		return nil
	}
	if err := client.DownStore(ctx, store.ID); err != nil {
		return fmt.Errorf("take store %d down: %w", store.ID, err)
	}
	d.again(c, evictRound)
	d.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, reason, "Told PD to drain store %d in pod %s", store.ID, target)
	return nil
}

// finishDrain makes a tombstone of the store in a pod that was seen drained twice under one PD leader.
func (d *drainer) finishDrain(ctx context.Context, c *view.Cluster, target, reason string) error {
	client := d.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	store := fresh.StoreOf(target)
	if fresh.PDUnknown() != "" || store == nil || store.State != pdapi.Down {
		d.again(c, evictRound)
		return nil
	}
	return d.bury(ctx, c, client, fresh, store, reason, Drained)
}

// bury makes a tombstone of a store that was seen empty twice under one PD leader.
func (d *drainer) bury(ctx context.Context, c *view.Cluster, client pdapi.Client, fresh *view.Cluster, store *pdapi.Store, reason string,
	empty func(*view.Cluster, *pdapi.Store, []pdapi.Cell) bool) error {
	// Between the two looks the cells must have reported again, too.
	heartbeat := max(c.Object.Spec.Store.Config.StoreHeartbeatInterval.Duration, c.Object.Spec.Store.Config.CellHeartbeatInterval.Duration)
	cells, err := client.StoreCells(ctx, store.ID)
	if err != nil {
		return fmt.Errorf("list the cells of store %d: %w", store.ID, err)
	}
	if !d.drained.twice(c.Object.UID, store, fresh.State, empty(fresh, store, cells), heartbeat) {
		d.again(c, heartbeat)
		return nil
	}
	if err := client.TombstoneStore(ctx, store.ID); err != nil {
		return fmt.Errorf("make store %d a tombstone: %w", store.ID, err)
	}
	d.again(c, evictRound)
	d.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, reason, "Store %d%s is empty and has become a tombstone", store.ID, inPod(c, store))
	return nil
}

// inPod says which pod a store is in, if it is one of the cluster's.
func inPod(c *view.Cluster, store *pdapi.Store) string {
	if pod := c.StorePod(store); pod != "" {
		return " in pod " + pod
	}
	return ""
}
