// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy

import (
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
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Awakener restarts proxies that may have given PD up, one at a time.
//
// A proxy reaches PD by the same list of addresses as a store, and gives it up for good
// in the same outage; it then goes on with the routes that it knows, until leaders have moved
// and its clients wait in vain. Unlike a store it tells nobody. So those are marked
// that ran when a store gave PD up, before the store's restart ends all that shows it, and
// restarted when the stores report again, as their leaders can be found then.
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
	markSuspects manager.Verb = "MarkProxies"
	restart      manager.Verb = "Restart"
)

// Decide implements manager.Operation.
func (a *Awakener) Decide(c *view.Cluster) *manager.Step {
	gaveUp := store.GaveUp(c)
	if len(suspects(c, gaveUp)) > 0 {
		return &manager.Step{Type: v1alpha1.ReasonRepairing, Do: markSuspects,
			Message: "stores gave PD up, and proxies that ran beside them may have, too; marking them for a restart"}
	}
	if c.PDUnknown() != "" || len(gaveUp) > 0 {
		return nil
	}
	target := nextMarked(c.Proxy.Pods)
	if target == nil {
		return nil
	}
	step := &manager.Step{Type: v1alpha1.ReasonRepairing, Target: target.Name}
	if pod := returning(c, target); pod != "" {
		step.Message = fmt.Sprintf("proxy %s may have given PD up and is restarted when %s is ready", target.Name, pod)
		return step
	}
	if !spare(c, target) {
		return nil
	}
	step.Do = restart
	step.Message = fmt.Sprintf("proxy %s may have given PD up, which only a restart cures; restarting it", target.Name)
	return step
}

// returning names a pod, other than one, that is on its way back, since there is one disruption at a
// time; "" if none is.
func returning(c *view.Cluster, except *corev1.Pod) string {
	for _, p := range slices.Concat(member.Pods(c.PD.Pods), member.Pods(c.Store.Pods), c.Proxy.Pods) {
		if p != except && view.Returning(p, c.Now) {
			return p.Name
		}
	}
	return ""
}

// spare tells whether the cluster can do without a proxy for as long as a restart takes. One that serves goes
// only while all serve that are wanted: it is no more than suspected, and what keeps another from coming up
// may keep its successor. Where a pod cannot even be made, for want of quota perhaps, none is deleted.
func spare(c *view.Cluster, p *corev1.Pod) bool {
	return (!view.PodReady(p) || c.Proxy.Ready() >= c.ProxyReplicas()) &&
		!c.PD.Missing() && !c.Store.Missing()
}

// suspects are the proxies that ran when stores gave PD up and are not marked yet: all, where most stores
// did, as in an outage of PD; else those on the nodes of these stores, as where a node was cut off.
func suspects(c *view.Cluster, gaveUp []view.Pod) []*corev1.Pod {
	all := 2*len(gaveUp) > len(c.Store.Pods)
	var out []*corev1.Pod
	for _, p := range c.Proxy.Pods {
		started := view.StartedAt(p)
		if p.DeletionTimestamp != nil || started.IsZero() || p.Annotations[naming.AnnotationGaveUpPD] != "" {
			continue
		}
		if slices.ContainsFunc(gaveUp, func(s view.Pod) bool {
			heard := c.State.At.Add(-c.SilentFor(c.StoreOf(s.Name)))
			return started.Before(heard) && (all || s.Spec.NodeName == p.Spec.NodeName)
		}) {
			out = append(out, p)
		}
	}
	return out
}

// nextMarked is the marked proxy to be restarted next: one that serves nobody before those that do; nil if there is none.
func nextMarked(pods []*corev1.Pod) *corev1.Pod {
	var next *corev1.Pod
	for _, p := range pods {
		if p.DeletionTimestamp == nil && p.Annotations[naming.AnnotationGaveUpPD] != "" && (next == nil || view.PodReady(next) && !view.PodReady(p)) {
			next = p
		}
	}
	return next
}

// Act implements manager.Operation.
func (a *Awakener) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	client := a.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	if fresh.PDUnknown() != "" {
		return nil
	}
	if s.Do == markSuspects {
		var errs []error
		since := c.Now.UTC().Format(time.RFC3339)
		for _, p := range suspects(fresh, store.GaveUp(fresh)) {
			errs = append(errs, a.controls.Pods.PatchMetadata(ctx, p, control.Metadata{Annotations: map[string]*string{naming.AnnotationGaveUpPD: &since}}))
		}
		return errors.Join(errs...)
	}
	pod := nextMarked(c.Proxy.Pods)
	if pod == nil || pod.Name != s.Target || returning(fresh, pod) != "" || !spare(fresh, pod) {
		return nil
	}
	if err := a.controls.Pods.Delete(ctx, pod); err != nil {
		return err
	}
	a.controls.Events.Eventf(c.Object, corev1.EventTypeWarning, v1alpha1.ReasonRepairing,
		"Restarted proxy %s, which ran when stores gave PD up and may have given it up, too", pod.Name)
	return nil
}
