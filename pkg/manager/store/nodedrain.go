// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// NodeDrain empties cordoned nodes of leaders. The disruption budget of stores
// lets none of them be evicted; the one whose leaders have moved away is labelled, and
// a second budget lets it go. `kubectl drain` tries again until then.
type NodeDrain struct{ hands }

var _ manager.Operation = (*NodeDrain)(nil)

// NewNodeDrain makes a NodeDrain.
func NewNodeDrain(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *NodeDrain {
	return &NodeDrain{hands{controls, pd, again}}
}

const (
	hold      manager.Verb = "Hold"
	letGo     manager.Verb = "KeepLeadersAway"
	letGoRest              = 2 * time.Second // between two looks at a store that may be evicted

	// purposeNodeDrain marks evictions of leaders from a node that is cordoned.
	purposeNodeDrain = "drain"
)

// Decide implements manager.Operation.
func (n *NodeDrain) Decide(c *view.Cluster) *manager.Step {
	if c.Store.Set == nil || !c.Bootstrapped() {
		return nil
	}
	target := drainTarget(c)
	if target == nil {
		return nil
	}
	step := &manager.Step{Type: v1alpha1.ReasonNodeDrain, Target: target.Name, Do: letGo,
		Message: fmt.Sprintf("node %s is cordoned: pod %s may be evicted, its leaders are kept away", target.Spec.NodeName, target.Name)}
	if view.Evictable(target) {
		return step
	}
	if why := c.StoresUnhealthy(); why != "" {
		if curedByPD(c) {
			return nil
		}
		step.Do, step.Message = "", fmt.Sprintf("node %s is cordoned; the eviction of pod %s waits: %s", target.Spec.NodeName, target.Name, why)
		return step
	}
	step.Message = fmt.Sprintf("node %s is cordoned: moving the leaders away from pod %s", target.Spec.NodeName, target.Name)
	if evictingSince(target, purposeNodeDrain).IsZero() || yields(c, target) {
		step.Do = mark
	}
	return step
}

// curedByPD tells whether PDs are about to be restarted with a new spec, which may be what makes the cells whole: fewer
// replicas, or a higher storageThreshold.
func curedByPD(c *view.Cluster) bool {
	return len(member.Restartable(c, &c.PD)) > 0 && c.UnhealthyForPD() == ""
}

// Hold is the part that goes before all other operations: what may be evicted is not
// to be any more as soon as it would do harm.
func (n *NodeDrain) Hold() manager.Operation { return &holder{n} }

type holder struct{ *NodeDrain }

// Decide implements manager.Operation.
func (h *holder) Decide(c *view.Cluster) *manager.Step {
	if c.Store.Set == nil || !c.Bootstrapped() {
		return nil
	}
	for _, p := range c.Store.Pods {
		if !view.Evictable(p.Pod) || p.DeletionTimestamp != nil {
			continue
		}
		why := ""
		switch {
		case c.PDUnknown() != "":
			why = c.PDUnknown()
		case !onCordoned(c, p.Pod):
			why = "its node is not cordoned"
		case yields(c, p.Pod):
			why = "it was not evicted in time, and other work waits"
		case volumeGoes(c, p):
			why = "its volume would go with it"
		case desired.ReplacingIn(c.Start) != nil:
			why = fmt.Sprintf("PD %s is being replaced", desired.ReplacingIn(c.Start).Pod)
		case view.PodReady(p.Pod):
			why = c.StoresUnhealthy() // while it is not ready itself it is on its way
		}
		if why != "" {
			return &manager.Step{Type: v1alpha1.ReasonNodeDrain, Target: p.Name, Do: hold, Message: fmt.Sprintf("pod %s may not be evicted any more: %s", p.Name, why)}
		}
	}
	return nil
}

// drainTarget is the pod to be let go: the one that may be evicted already, else the first
// on a cordoned node; nil if there is none, or others have been kept waiting for long enough.
func drainTarget(c *view.Cluster) *corev1.Pod {
	var target *corev1.Pod
	for _, p := range c.Store.Pods {
		if !onCordoned(c, p.Pod) || !view.PodReady(p.Pod) || volumeGoes(c, p) {
			continue
		}
		if view.Evictable(p.Pod) {
			return p.Pod
		}
		if target == nil && !yields(c, p.Pod) {
			target = p.Pod
		}
	}
	return target
}

// volumeGoes tells whether an eviction would end the volume of a store that PD still counts on, marked for its
// replacement or removal or not: until it is emptied, its replicas are needed.
func volumeGoes(c *view.Cluster, p view.Pod) bool {
	return c.Store.VolumeGoes(p.Ordinal) && (c.StoreOf(p.Name) != nil || c.Store.Doomed(p.Ordinal) != nil)
}

func onCordoned(c *view.Cluster, p *corev1.Pod) bool { return view.Cordoned(c.Nodes[p.Spec.NodeName]) }

// replacementOfPD tells whether a user asks for the replacement of a PD that could be replaced. It waits for
// as long as a store may be evicted.
func replacementOfPD(c *view.Cluster) bool {
	return c.PDSilent() == "" && slices.ContainsFunc(c.PD.Pods, func(p view.Pod) bool {
		return view.ReplaceRequested(c.PD.Claims[p.Ordinal]) && pd.Irreplaceable(c, p.Name) == ""
	})
}

// yields tells whether a pod on a cordoned node has to wait for other work: such as has
// begun with this very pod, or any if the pod has been waiting for its eviction for longer than
// spec.store.evictLeaderTimeout. A node may stay cordoned for days. After as long again it is its turn once more: the
// other work may be such as cannot go on.
func yields(c *view.Cluster, p *corev1.Pod) bool {
	if len(member.Restartable(c, &c.PD)) == 0 && len(member.Restartable(c, &c.Store)) == 0 && requested(c) == nil && !replacementOfPD(c) &&
		c.PD.Replicas() == c.Object.Spec.PD.Replicas && c.Store.Replicas() == c.Object.Spec.Store.Replicas {
		return false
	}
	switch {
	case !evictingSince(p, upgradePurpose(c)).IsZero():
		return c.Store.Outdated(p)
	case !evictingSince(p, purposeRemoval).IsZero():
		return c.Store.Replicas() > c.Object.Spec.Store.Replicas
	case !evictingSince(p, purposeReplacement).IsZero():
		return requested(c) != nil
	}
	since, turn := drainsSince(c), c.Object.Spec.Store.EvictLeaderTimeout.Duration
	return !since.IsZero() && c.Now.Sub(since)/turn%2 == 1
}

// drainsSince is when the last of the pods on cordoned nodes was marked: all take their turns by one clock, or one
// would begin where another ends. Zero if none is.
func drainsSince(c *view.Cluster) time.Time {
	var last time.Time
	for _, p := range c.Store.Pods {
		if since := evictingSince(p.Pod, purposeNodeDrain); onCordoned(c, p.Pod) && since.After(last) {
			last = since
		}
	}
	return last
}

// Act implements manager.Operation.
func (n *NodeDrain) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	pod := member.Named(c.Store.Pods, s.Target)
	if pod == nil {
		return nil
	}
	switch s.Do {
	case hold:
		return n.label(ctx, pod, nil)
	case mark:
		return markEvicting(ctx, c, n.controls, pod, purposeNodeDrain)
	}
	return n.release(ctx, c, pod)
}

func (n *NodeDrain) label(ctx context.Context, pod *corev1.Pod, value *string) error {
	return n.controls.Pods.PatchMetadata(ctx, pod, control.Metadata{Labels: map[string]*string{naming.LabelEvictable: value}})
}

// release moves the leaders away, and lets the pod be evicted when none is left.
func (n *NodeDrain) release(ctx context.Context, c *view.Cluster, pod *corev1.Pod) error {
	client := n.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	store := fresh.StoreOf(pod.Name)
	if fresh.PDUnknown() != "" || store == nil {
		n.again(c, evictRound)
		return nil
	}
	left, stuck, err := evict(ctx, client, fresh, store.ID)
	if err != nil {
		return fmt.Errorf("evict store %d: %w", store.ID, err)
	}
	if view.Evictable(pod) {
		n.again(c, letGoRest)
		return nil
	}
	if left > stuck || fresh.StoresUnhealthy() != "" {
		n.again(c, evictRound)
		return nil
	}
	if ok, err := mayStop(ctx, client, fresh, store.ID); err != nil || !ok {
		n.again(c, lastRound)
		return err
	}
	yes := "true"
	if err := n.label(ctx, pod, &yes); err != nil {
		return err
	}
	n.again(c, letGoRest)
	n.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonNodeDrain,
		"Pod %s may be evicted from cordoned node %s; its leaders have moved away", pod.Name, pod.Spec.NodeName)
	return nil
}
