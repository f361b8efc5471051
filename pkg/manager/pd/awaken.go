// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// Awakener restarts PDs that hold a quorum and have no leader, one at a time. A
// PD that lost its leadership without its process ending, as by a stall of more
// than its lease, never campaigns again; with all of them like that only a restart helps. PDs that are away
// for good do not stand in the way: the quorum that a restart may take for a moment is of no use without a leader.
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

// voters are the ready pods whose PD is a member. Members are known without a leader, too.
func voters(c *view.Cluster) []view.Pod {
	return slices.DeleteFunc(slices.Clone(c.PD.Pods), func(p view.Pod) bool {
		return !view.PodReady(p.Pod) || len(c.State.Members) > 0 && memberOf(c, c.State.Members, p.Ordinal) == nil
	})
}

// Decide implements manager.Operation.
func (a *Awakener) Decide(c *view.Cluster) *manager.Step {
	if c.PD.Set == nil || !c.Bootstrapped() || c.State == nil || !errors.Is(c.State.Err, pdapi.ErrNoLeader) {
		return nil
	}
	if slices.ContainsFunc(c.PD.Pods, func(p view.Pod) bool { return view.Returning(p.Pod, c.Now) }) {
		return nil // it may lead when it is back
	}
	if pod := missing(c); pod != "" {
		return &manager.Step{Type: v1alpha1.ReasonRepairing, Target: pod,
			Message: fmt.Sprintf("PD has no leader; no PD is restarted for that before pod %s, which may lead, is there: see kubectl describe statefulset %s", pod, c.PD.Set.Name)}
	}
	serving := voters(c)
	if 2*len(serving) <= cmp.Or(len(c.State.Members), len(c.Object.Status.PD.Members), int(c.PD.Replicas())) {
		return nil // without a quorum there can be no leader
	}
	quiet, stranded := c.State.FailedSince, ""
	var target *view.Pod
	for i, p := range serving {
		stranded = cmp.Or(c.Stranded(&c.PD, p), stranded)
		// The others had their turn if they were restarted later.
		if !c.PD.VolumeGoes(p.Ordinal) && c.Stranded(&c.PD, p) == "" && (target == nil || view.StartedAt(p.Pod).Before(view.StartedAt(target.Pod))) {
			target = &serving[i]
		}
		if since := view.ReadySince(p.Pod); since.After(quiet) {
			quiet = since
		}
	}
	step := &manager.Step{Type: v1alpha1.ReasonRepairing}
	if target == nil {
		if stranded == "" {
			return nil // their claims have been deleted, which the status says
		}
		step.Message = "PD has a quorum and no leader, which only a restart cures, but " + stranded
		return step
	}
	step.Target = target.Name
	if c.Now.Sub(quiet) < leaderless(c) {
		step.Message = "PD has a quorum and no leader; waiting for an election before a PD is restarted"
		return step
	}
	step.Do = restart
	step.Message = fmt.Sprintf("PD has a quorum and no leader, which only a restart cures; restarting pod %s", target.Name)
	return step
}

// missing names the pod of a member that its StatefulSet is about to make; it may lead when it is there. One that is
// no member, or whose claim must go first, is not waited for.
func missing(c *view.Cluster) string {
	for i := range c.PD.Replicas() {
		_, there := c.PD.Pod(i)
		if !there && !c.PD.VolumeGoes(i) && (len(c.State.Members) == 0 || memberOf(c, c.State.Members, i) != nil) {
			return naming.Pod(c.Object.Name, naming.PD, i)
		}
	}
	return ""
}

// Act implements manager.Operation.
func (a *Awakener) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	client := a.pd(c)
	defer client.Close()
	if _, _, err := client.Leader(ctx); !errors.Is(err, pdapi.ErrNoLeader) {
		return nil // it has one by now, perhaps one that is not reached from here, or is in other trouble
	}
	if err := othersServe(ctx, client, voters(c), s.Target); err != nil {
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
