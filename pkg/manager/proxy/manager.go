// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package proxy manages the proxies of a cluster: their Service and Deployment.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Manager manages the proxies.
type Manager struct {
	controls *control.Controls
}

var _ manager.Manager = (*Manager)(nil)

// NewManager makes a Manager.
func NewManager(controls *control.Controls) *Manager { return &Manager{controls: controls} }

// Sync implements manager.Manager.
func (m *Manager) Sync(ctx context.Context, c *view.Cluster) (manager.Result, error) {
	var r manager.Result
	start, wait := DecideStart(c)
	if !start {
		r.Waits = append(r.Waits, wait)
	}
	errs := []error{member.ApplyShared(ctx, c, naming.Proxy, m.controls)}
	if start {
		errs = append(errs, m.applyDeployment(ctx, c, &r), m.autoscale(ctx, c))
		member.NotePods(&r, naming.Proxy, c.Proxy.Pods, c.ProxyReplicas())
	}
	if p := nextMarked(c.Proxy.Pods); p != nil {
		r.Wait(v1alpha1.ReasonWaitingForPods, "proxy %s may have given PD up and waits for its restart, for which all other proxies must serve, and all PDs and stores be there", p.Name)
		r.LookAgain(view.Patience / 2) // time alone decides how long one that is away is waited for
	}
	err := errors.Join(errs...)
	member.Explain(&r, err)
	return r, err
}

// Problems implements manager.Manager.
func (m *Manager) Problems(c *view.Cluster) manager.Result {
	var r manager.Result
	member.NotePods(&r, naming.Proxy, c.Proxy.Pods, c.ProxyReplicas())
	return manager.Broken(r)
}

// DecideStart tells whether proxies may run, and else what they wait for. A
// proxy needs PD and all cells at its start; one that runs goes on without PD.
func DecideStart(c *view.Cluster) (bool, manager.Note) {
	replicas := int(*c.Object.Spec.PD.Config.MaxReplicas)
	need := "every cell can have its replicas"
	if labelled(&c.Store) >= replicas {
		// There were enough once, so that the cells have theirs, and most of them can be led.
		replicas, need = replicas/2+1, "most replicas of a cell are there"
	}
	switch {
	case c.Proxy.Deployment != nil:
		return true, manager.Note{}
	case !c.Bootstrapped() || c.PDUnknown() != "":
		return false, manager.Note{Reason: v1alpha1.ReasonWaitingForStores, Message: "proxies wait for PD and the first store"}
	case len(c.UpStores()) < replicas:
		return false, manager.Note{Reason: v1alpha1.ReasonWaitingForStores,
			Message: fmt.Sprintf("proxies wait until %s: %d of %d stores are up", need, len(c.UpStores()), replicas)}
	}
	return true, manager.Note{}
}

// labelled counts the volumes that hold a store, by the id that they are labelled with.
func labelled(s *view.Set) int {
	n := 0
	for _, claim := range s.Claims {
		if claim.Labels[naming.LabelStoreID] != "" && !member.Retired(claim) {
			n++
		}
	}
	return n
}

func (m *Manager) applyDeployment(ctx context.Context, c *view.Cluster, r *manager.Result) error {
	replicas, handOver := DecideReplicas(c)
	want, err := desired.ProxyDeployment(c.Object, replicas, c.LauncherImage)
	if err != nil {
		return err
	}
	live := c.Proxy.Deployment
	if live != nil {
		member.KeepLauncher(&want.Spec.Template, &live.Spec.Template, c.Proxy.Pods)
		hold, err := HoldTemplate(c, &want.Spec.Template)
		if err != nil {
			return err
		}
		if hold {
			want.Spec.Template = *live.Spec.Template.DeepCopy()
		}
	}
	if handOver != nil {
		if err := m.controls.Replicas.KeepReplicas(ctx, live, *handOver); err != nil {
			return err
		}
	}
	if live != nil {
		member.NoteApplied(r, naming.Proxy, &want.Spec.Template, &live.Spec.Template)
	}
	if _, err := m.controls.Deployments.Apply(ctx, want, live); err != nil {
		return err
	}
	if live == nil {
		m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, member.EventCreated, "Created Deployment %s with %d proxies", want.Name, *replicas)
		return nil
	}
	member.TellApplied(c, naming.Proxy, &want.Spec.Template, &live.Spec.Template, m.controls)
	if have := live.Spec.Replicas; replicas != nil && have != nil && *have != *replicas {
		m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonScaling, "Scaled proxies from %d to %d", *have, *replicas)
	}
	return nil
}

// HoldTemplate tells whether proxies keep their present template for now: they
// are upgraded after PDs and stores, unless they are broken, since a corrected
// spec must reach what a bad one broke.
func HoldTemplate(c *view.Cluster, want *corev1.PodTemplateSpec) (bool, error) {
	if desired.RestartHash(want.Annotations) == desired.RestartHash(c.Proxy.Deployment.Spec.Template.Annotations) ||
		slices.ContainsFunc(c.Proxy.Pods, func(p *corev1.Pod) bool { return view.PodBroken(p, c.Now) }) {
		return false, nil
	}
	// The sets' own templates may be about to change too.
	pd, err := desired.PDStatefulSet(c.Object, c.PD.Replicas(), c.LauncherImage)
	if err != nil {
		return false, err
	}
	store, err := desired.StoreStatefulSet(c.Object, c.Store.Replicas(), c.LauncherImage)
	if err != nil {
		return false, err
	}
	return behind(&c.PD, pd) || behind(&c.Store, store), nil
}

// behind tells whether any pod of a set does not run the spec that is wanted.
func behind(s *view.Set, want *appsv1.StatefulSet) bool {
	hash := desired.RestartHash(want.Spec.Template.Annotations)
	return slices.ContainsFunc(s.Pods, func(p view.Pod) bool { return desired.RestartHash(p.Annotations) != hash })
}
