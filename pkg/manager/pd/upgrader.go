// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Upgrader restarts PDs with a new spec, one at a time and each from full
// health, the leader last: every change of the leader costs about 7 s without PD.
type Upgrader struct {
	controls *control.Controls
	pd       func(*view.Cluster) pdapi.Client
}

var _ manager.Operation = (*Upgrader)(nil)

// NewUpgrader makes an Upgrader.
func NewUpgrader(controls *control.Controls, pd func(*view.Cluster) pdapi.Client) *Upgrader {
	return &Upgrader{controls: controls, pd: pd}
}

const restart manager.Verb = "Restart"

// Decide implements manager.Operation.
func (u *Upgrader) Decide(c *view.Cluster) *manager.Step {
	outdated := member.Outdated(&c.PD)
	if len(outdated) == 0 || !c.Bootstrapped() {
		return nil
	}
	if c.State != nil && len(c.State.Members) < leastForQuorum && c.Object.Spec.PD.Replicas > c.PD.Replicas() && len(member.Restartable(c, &c.PD)) == 0 {
		return nil // more of them are what it takes to get on with these
	}
	leader := c.PDLeader()
	target := outdated[0]
	for _, p := range member.Restartable(c, &c.PD) {
		if target = p; p.Name != leader {
			break
		}
	}
	step := &manager.Step{Type: v1alpha1.ReasonRollingUpdate, Target: target.Name}
	if why := cmp.Or(c.UnhealthyForPD(), member.Obstacle(c, &c.PD, target)); why != "" {
		step.Message = fmt.Sprintf("%s; pod %s waits: %s", member.Progress(&c.PD), target.Name, why)
		return step
	}
	step.Do = restart
	step.Message = fmt.Sprintf("%s; restarting pod %s", member.Progress(&c.PD), target.Name)
	return step
}

// Act implements manager.Operation.
func (u *Upgrader) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	for _, p := range c.PD.Pods {
		if p.Name != s.Target {
			continue
		}
		client := u.pd(c)
		defer client.Close()
		fresh := c.LookAgain(ctx, client)
		if fresh.UnhealthyForPD() != "" || (fresh.PDLeader() == p.Name && len(member.Restartable(c, &c.PD)) > 1) {
			return nil // the next sync will say so, or take another one first
		}
		if err := othersServe(ctx, client, c.PD.Pods, p.Name); err != nil {
			return fmt.Errorf("restart pod %s: %w", p.Name, err)
		}
		if err := member.Stop(ctx, u.controls, &c.PD, p.Pod); err != nil {
			return err
		}
		u.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonRollingUpdate, "Restarted pod %s with the new spec", p.Name)
	}
	return nil
}

// othersServe asks all members but one whether they are healthy at this moment.
func othersServe(ctx context.Context, client pdapi.Client, pods []view.Pod, target string) error {
	for _, p := range pods {
		if p.Name == target {
			continue
		}
		healthy, err := client.Health(ctx, view.PDEndpoint(p.Pod))
		if err != nil {
			return fmt.Errorf("see that pod %s is healthy: %w", p.Name, err)
		}
		if !healthy {
			return fmt.Errorf("pod %s says that it is not healthy; it must be before another PD stops", p.Name)
		}
	}
	return nil
}
