// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Awakener restarts PDs that hold a quorum and have no leader, one at a time. A
// PD that lost its leadership without its process ending, as by a stall of more
// than its lease, never campaigns again; with all of them like that only a restart helps.
type Awakener struct {
	controls *control.Controls
	pd       func(*view.Cluster) pdapi.Client
}

var _ manager.Operation = (*Awakener)(nil)

// NewAwakener makes an Awakener.
func NewAwakener(controls *control.Controls, pd func(*view.Cluster) pdapi.Client) *Awakener {
	return &Awakener{controls: controls, pd: pd}
}

// leaderless is how long PD may have no leader before one of them is restarted. An
// election takes little longer than the lease of a leader that has died: 7 s with one of 5 s.
func leaderless(c *view.Cluster) time.Duration {
	return 3*c.Object.Spec.PD.Config.LeaderLease.Duration + 5*time.Second
}

// Decide implements manager.Operation.
func (a *Awakener) Decide(c *view.Cluster) *manager.Step {
	if !c.Bootstrapped() || c.State == nil || !errors.Is(c.State.Err, pdapi.ErrNoLeader) || len(c.PD.Pods) == 0 || !c.PD.Complete() {
		return nil
	}
	quiet := c.State.FailedSince
	target := c.PD.Pods[0]
	for _, p := range c.PD.Pods {
		if !view.PodReady(p.Pod) {
			return nil // without a quorum there can be no leader
		}
		// The others had their turn if they were restarted later.
		if view.StartedAt(p.Pod).Before(view.StartedAt(target.Pod)) {
			target = p
		}
		if since := view.ReadySince(p.Pod); since.After(quiet) {
			quiet = since
		}
	}
	step := &manager.Step{Type: v1alpha1.ReasonRepairing, Target: target.Name}
	if c.Now.Sub(quiet) < leaderless(c) {
		step.Message = "PD has a quorum and no leader; waiting for an election before a PD is restarted"
		return step
	}
	if why := member.Doomed(&c.PD, target.Ordinal); why != "" {
		step.Message = fmt.Sprintf("PD has a quorum and no leader, which only a restart cures; pod %s waits: %s", target.Name, why)
		return step
	}
	step.Do = restart
	step.Message = fmt.Sprintf("PD has a quorum and no leader, which only a restart cures; restarting pod %s", target.Name)
	return step
}

// Act implements manager.Operation.
func (a *Awakener) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	client := a.pd(c)
	defer client.Close()
	if _, _, err := client.Leader(ctx); !errors.Is(err, pdapi.ErrNoLeader) {
		return nil // it has one by now, or is in other trouble
	}
	if err := othersServe(ctx, client, c, s.Target); err != nil {
		return fmt.Errorf("restart pod %s: %w", s.Target, err)
	}
	pod := member.Named(c.PD.Pods, s.Target)
	if pod == nil {
		return nil
	}
	if err := member.Stop(ctx, a.controls, &c.PD, pod); err != nil {
		return err
	}
	a.controls.Events.Eventf(c.Object, corev1.EventTypeWarning, v1alpha1.ReasonRepairing, "Restarted pod %s, since PD had a quorum and no leader", s.Target)
	return nil
}
