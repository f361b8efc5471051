// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Upgrader restarts stores with a new spec, one at a time and each from full
// health. The leaders of its cells move away first, or clients would wait for
// as long as an election takes.
type Upgrader struct{ hands }

var _ manager.Operation = (*Upgrader)(nil)

// NewUpgrader makes an Upgrader.
func NewUpgrader(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *Upgrader {
	return &Upgrader{hands{controls, pd, again}}
}

const (
	mark         manager.Verb = "Mark"
	evictAndStop manager.Verb = "EvictLeaders"
	stopNow      manager.Verb = "Restart"
)

// Decide implements manager.Operation.
func (u *Upgrader) Decide(c *view.Cluster) *manager.Step {
	outdated := member.Outdated(&c.Store)
	if len(outdated) == 0 || !c.Bootstrapped() {
		return nil
	}
	purpose := upgradePurpose(c)
	target := outdated[0]
	if free := member.Restartable(c, &c.Store); len(free) > 0 {
		outdated, target = free, free[0]
	}
	// A store whose leaders are on the move is finished first.
	for _, p := range outdated {
		if !evictingSince(p.Pod, purpose).IsZero() {
			target = p
		}
	}
	step := &manager.Step{Type: v1alpha1.ReasonRollingUpdate, Target: target.Name}
	since := evictingSince(target.Pod, purpose)
	why := cmp.Or(c.Unhealthy(), member.Obstacle(c, &c.Store, target))
	switch {
	case since.IsZero() && why != "":
		step.Message = fmt.Sprintf("%s; pod %s waits: %s", member.Progress(&c.Store), target.Name, why)
		return step
	case since.IsZero():
		step.Do = mark
	case c.Now.Sub(since) > c.Object.Spec.Store.EvictLeaderTimeout.Duration && c.Object.Spec.Store.EvictLeaderTimeoutPolicy == v1alpha1.EvictProceed:
		step.Do = stopNow
		step.Message = fmt.Sprintf("%s; restarting pod %s with leaders on it, since spec.store.evictLeaderTimeout has run out%s", member.Progress(&c.Store), target.Name, notBefore(why))
		return step
	default:
		step.Do = evictAndStop
	}
	step.Message = fmt.Sprintf("%s; moving the leaders away from pod %s%s", member.Progress(&c.Store), target.Name, notBefore(why))
	if why == "" && !since.IsZero() && c.Now.Sub(since) > c.Object.Spec.Store.EvictLeaderTimeout.Duration {
		step.Message += ", for longer than spec.store.evictLeaderTimeout; with spec.store.evictLeaderTimeoutPolicy Proceed it would be restarted now"
	}
	return step
}

// Act implements manager.Operation.
func (u *Upgrader) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	ordinal, _ := naming.Ordinal(s.Target)
	at, there := c.Store.Pod(ordinal)
	if !there {
		return nil
	}
	pod := at.Pod
	if s.Do == mark {
		return markEvicting(ctx, c, u.controls, pod, upgradePurpose(c))
	}
	client := u.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	store := fresh.StoreOf(s.Target)
	if fresh.PDUnknown() != "" || store == nil {
		u.again(c, evictRound)
		return nil
	}
	left, stuck, err := evict(ctx, client, fresh, store.ID)
	if err != nil {
		return fmt.Errorf("evict store %d: %w", store.ID, err)
	}
	// Where nobody else can lead a cell, as with a single replica, waiting changes nothing.
	gone := left <= stuck || s.Do == stopNow
	if !gone || fresh.Unhealthy() != "" || c.Stranded(&c.Store, at) != "" {
		u.again(c, evictRound)
		return nil
	}
	if s.Do != stopNow {
		if ok, err := mayStop(ctx, client, fresh, store.ID); err != nil || !ok {
			u.again(c, lastRound)
			return err
		}
	}
	if err := member.Stop(ctx, u.controls, &c.Store, pod); err != nil {
		return err
	}
	what := "with the new spec"
	if c.Store.Relocated(pod) {
		what = "so that it tells PD its new zone and rack"
	}
	u.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonRollingUpdate,
		"Restarted pod %s %s; it led %d cells at that moment", pod.Name, what, left)
	return nil
}
