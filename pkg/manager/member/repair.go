// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// DecideRepair picks a pod to restart because it does not work and was made
// from an older spec than the present one. Nothing is lost with such a pod, so
// no health is asked for first: else a cluster that a bad spec broke could never
// be mended. Only a store that PD hears of holds replicas that count, whatever its
// probe says: it goes when all others are well, as probes may fail for a reason that
// all pods share. Where the present spec fails, too, a pod that has worked with its own is left to come back by itself for a while.
// One pod goes at a time; nil means there is none to restart now.
func DecideRepair(c *view.Cluster, s *view.Set) *corev1.Pod {
	var broken, serving *corev1.Pod
	unready, halted := 0, presentFails(c, s)
	for _, p := range s.Pods {
		if p.DeletionTimestamp != nil && view.Returning(p.Pod, c.Now) {
			return nil
		}
		if !view.PodReady(p.Pod) {
			unready++
		}
		if !s.OfOldSpec(p.Pod) && !launcherCorrected(s, p.Pod) || !view.PodBroken(p.Pod, c.Now) || s.VolumeGoes(p.Ordinal) ||
			halted && comesBack(p.Pod, c.Now) {
			continue
		}
		switch serves := s.Component == naming.Store && c.StoreServes(p.Name); {
		case serves && serving == nil:
			serving = p.Pod
		case !serves && broken == nil:
			broken = p.Pod
		}
	}
	if broken == nil && serving != nil && unready == 1 && s.Complete() && c.CellsUnhealthy() == "" {
		return serving
	}
	return broken
}

// presentFails tells whether pods of the present spec are in trouble, and none of it has ever worked.
func presentFails(c *view.Cluster, s *view.Set) bool {
	fails := false
	for _, p := range s.Pods {
		if s.OfOldSpec(p.Pod) {
			continue
		}
		if view.PodReady(p.Pod) || view.WasReady(p.Pod) {
			return false
		}
		// Without a quorum no PD is ready, whatever its spec.
		hangs := view.PodBroken(p.Pod, c.Now) && (s.Component != naming.PD || c.PDSilent() == "")
		fails = fails || hangs || view.PodTrouble(p.Pod).Kind != view.NoTrouble || view.HasFailed(p.Pod)
	}
	return fails
}

// comesBack tells whether a pod that has worked may do so again with the spec that it has: after a crash, or
// with its node. One that ends again and again, or is away for long, does not.
func comesBack(p *corev1.Pod, now time.Time) bool {
	return view.WasReady(p) && view.NotReadyFor(p, now) <= comesBackWithin && view.Restarts(p) < crashesBorne
}

const (
	comesBackWithin = 5 * time.Minute
	crashesBorne    = 5
)

// launcherCorrected tells whether a pod fails for its launcher's image, and the template has another one by now.
// No pod counts as outdated for that image.
func launcherCorrected(s *view.Set, p *corev1.Pod) bool {
	return s.Set != nil && view.LauncherFails(p) &&
		desired.LauncherImage(&corev1.PodTemplateSpec{Spec: p.Spec}) != desired.LauncherImage(&s.Set.Spec.Template)
}

// noteHeldBack says which pods are left to come back by themselves.
func noteHeldBack(r *manager.Result, c *view.Cluster, s *view.Set) {
	if !presentFails(c, s) {
		return
	}
	for _, p := range s.Pods {
		if s.OfOldSpec(p.Pod) && view.PodBroken(p.Pod, c.Now) && comesBack(p.Pod, c.Now) {
			r.Wait(v1alpha1.ReasonRollingUpdate, "pod %s is not ready, and is left to come back with the spec that it has for now, since the new one works in no pod", p.Name)
			r.LookAgain(comesBackWithin - view.NotReadyFor(p.Pod, c.Now) + time.Second)
		}
	}
}

// Repair restarts the pod that DecideRepair picks.
func Repair(ctx context.Context, c *view.Cluster, s *view.Set, controls *control.Controls, r *manager.Result) error {
	pod := DecideRepair(c, s)
	if pod == nil {
		noteHeldBack(r, c, s)
		return nil
	}
	r.Wait(v1alpha1.ReasonRepairing, "restarting pod %s, which is not ready, with the corrected spec", pod.Name)
	if err := Stop(ctx, controls, s, pod); err != nil {
		return fmt.Errorf("repair pod: %w", err)
	}
	controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonRepairing, "Restarted pod %s, which was not ready, with the corrected spec", pod.Name)
	return nil
}
