// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
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
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Awakener restarts stores that run and do not report to a PD that is well, one
// at a time. A store that could not reach PD for one pass over its list of
// addresses gives PD up for good, and only a restart cures that.
type Awakener struct {
	controls *control.Controls
	pd       func(*view.Cluster) pdapi.Client
}

var _ manager.Operation = (*Awakener)(nil)

// NewAwakener makes an Awakener.
func NewAwakener(controls *control.Controls, pd func(*view.Cluster) pdapi.Client) *Awakener {
	return &Awakener{controls: controls, pd: pd}
}

const (
	awaken manager.Verb = "Restart"

	// silent is how long a store may run without reporting to PD. A restart that did
	// not help, as where the network is cut, is repeated no more often.
	silent = 3 * time.Minute
)

// Decide implements manager.Operation.
func (a *Awakener) Decide(c *view.Cluster) *manager.Step {
	if c.Store.Set == nil || !c.Bootstrapped() || c.PDUnknown() != "" {
		return nil
	}
	for i := range c.Store.Replicas() {
		if _, there := c.Store.Pod(i); !there && !c.Store.VolumeGoes(i) && c.StoreOf(naming.Pod(c.Object.Name, naming.Store, i)) != nil {
			return nil // the last one is not back yet
		}
	}
	all := true
	for _, p := range c.Store.Pods {
		if view.PodReady(p.Pod) {
			continue
		}
		if !away(c, p.Pod) {
			return nil // one at a time, and not on top of another trouble
		}
		all = false
	}
	var target *corev1.Pod
	for _, p := range GaveUp(c) {
		stranded := c.Stranded(&c.Store, p) != "" // then it stays away: at most one, and after those that come back
		if !c.Store.VolumeGoes(p.Ordinal) && (!stranded || all && target == nil) {
			target = p.Pod
			if !stranded {
				break
			}
		}
	}
	if target == nil {
		return nil
	}
	return &manager.Step{Type: v1alpha1.ReasonRepairing, Target: target.Name, Do: awaken,
		Message: fmt.Sprintf("store %d runs and does not report to PD, which only a restart cures; restarting pod %s", c.StoreOf(target.Name).ID, target.Name)}
}

// GaveUp are the stores that run and have given PD up for good, though it is well.
func GaveUp(c *view.Cluster) []view.Pod {
	if !c.Bootstrapped() || c.PDUnknown() != "" {
		return nil
	}
	var out []view.Pod
	for _, p := range c.Store.Pods {
		if s := c.StoreOf(p.Name); s != nil && gaveUp(c, s, p.Pod) {
			out = append(out, p)
		}
	}
	return out
}

// away tells whether a pod has not been ready for so long that its store counts as gone. Then it keeps nobody
// from being restarted: as long as PD does not hear of those that live, it cannot repair what is gone. One whose program
// fails is not away: what ended it may end the next one, too.
func away(c *view.Cluster, p *corev1.Pod) bool {
	if view.PodTrouble(p).Kind == view.Failing {
		return false
	}
	return view.AwayFor(p, c.Now) > c.Object.Spec.Store.Failover.Period.Duration
}

// gaveUp tells whether a store has been running for long and PD has not heard of it for as long.
func gaveUp(c *view.Cluster, s *pdapi.Store, p *corev1.Pod) bool {
	// Of one on a node that is gone, Kubernetes says that it runs, and not that it is ready.
	if !view.PodReady(p) || c.State.Freshness(s) == pdstate.Fresh || c.State.At.Sub(c.State.LeaderSince) < silent {
		return false
	}
	age, heard := s.HeartbeatAge(c.State.At)
	if heard && age < silent {
		return false
	}
	started := view.StartedAt(p)
	return !started.IsZero() && c.Now.Sub(started) >= silent
}

// Act implements manager.Operation.
func (a *Awakener) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	client := a.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	pod, store := member.Named(c.Store.Pods, s.Target), fresh.StoreOf(s.Target)
	if fresh.PDUnknown() != "" || pod == nil || store == nil || !gaveUp(fresh, store, pod) {
		return nil
	}
	if err := member.Stop(ctx, a.controls, &c.Store, pod); err != nil {
		return err
	}
	a.controls.Events.Eventf(c.Object, corev1.EventTypeWarning, v1alpha1.ReasonRepairing,
		"Restarted pod %s, since store %d had not reported to PD for %s", pod.Name, store.ID, silent)
	return nil
}
