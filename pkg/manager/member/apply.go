// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// ApplyShared applies a component's Services and disruption budgets, which
// disrupt nobody and therefore always go on.
func ApplyShared(ctx context.Context, c *view.Cluster, component naming.Component, controls *control.Controls) error {
	var errs []error
	// tell says what was changed for a component that is there; with a new one its StatefulSet or Deployment is told.
	tell := func(kind, name string, changed bool, err error) {
		errs = append(errs, err)
		if changed && c.Has(component) {
			controls.Events.Eventf(c.Object, corev1.EventTypeNormal, EventApplied, "Brought %s %s to what the spec asks for", kind, name)
		}
	}
	for _, s := range desired.Services(c.Object, component) {
		changed, err := controls.Services.Apply(ctx, s, c.Services[s.Name])
		tell("Service", s.Name, changed, err)
	}
	for _, b := range desired.Budgets(c.Object, component) {
		changed, err := controls.Budgets.Apply(ctx, b, c.Budgets[b.Name])
		tell("PodDisruptionBudget", b.Name, changed, err)
	}
	return errors.Join(errs...)
}

// ApplySet applies a StatefulSet and says in an event when it comes to be. What
// Kubernetes lets nobody change in it stays as it is.
func ApplySet(ctx context.Context, c *view.Cluster, s *view.Set, want *appsv1.StatefulSet, controls *control.Controls) error {
	if s.Set != nil {
		KeepLauncher(&want.Spec.Template, &s.Set.Spec.Template, Pods(s.Pods))
		keepClaims(want, s.Set)
	}
	if _, err := controls.StatefulSets.Apply(ctx, want, s.Set); err != nil {
		return err
	}
	if s.Set == nil {
		controls.Events.Eventf(c.Object, corev1.EventTypeNormal, EventCreated, "Created StatefulSet %s with %d of %s", want.Name, *want.Spec.Replicas, s.Component)
		return nil
	}
	TellApplied(c, s.Component, &want.Spec.Template, &s.Set.Spec.Template, controls)
	return nil
}

// TellApplied tells of a new spec that has been written, and restarts pods from now on.
func TellApplied(c *view.Cluster, component naming.Component, want, live *corev1.PodTemplateSpec, controls *control.Controls) {
	if isNew(want, live) {
		controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonRollingUpdate, "Began to roll out the new spec of %s", component)
	}
}

// isNew tells whether a template restarts pods that were made from another.
func isNew(want, live *corev1.PodTemplateSpec) bool {
	return desired.RestartHash(want.Annotations) != desired.RestartHash(live.Annotations)
}

// KeepLauncher is desired.KeepLauncher, unless a pod fails for the launcher that it would keep.
func KeepLauncher(want, live *corev1.PodTemplateSpec, pods []*corev1.Pod) {
	if !slices.ContainsFunc(pods, view.LauncherFails) {
		desired.KeepLauncher(want, live)
	}
}

// keepClaims keeps the sizes and the class, which an operator with another default class would change.
func keepClaims(want, live *appsv1.StatefulSet) {
	for i := range want.Spec.VolumeClaimTemplates {
		if i < len(live.Spec.VolumeClaimTemplates) {
			asked, has := &want.Spec.VolumeClaimTemplates[i].Spec, &live.Spec.VolumeClaimTemplates[i].Spec
			asked.Resources, asked.StorageClassName = has.Resources, has.StorageClassName
		}
	}
}

// Reasons of events that are not reasons of conditions.
const (
	// EventCreated: an object of the cluster was created.
	EventCreated = "Created"
	// EventApplied: an object of the cluster that restarts nobody was made again or changed.
	EventApplied = "Applied"
)

// NoteApplied says that a component's new spec has just been written. The view
// still shows the old one, by which all pods are up to date.
func NoteApplied(r *manager.Result, component naming.Component, want, live *corev1.PodTemplateSpec) {
	if isNew(want, live) {
		r.Wait(v1alpha1.ReasonRollingUpdate, "applying the new spec of %s", component)
	}
}

// Explain turns what went wrong with a write into a sentence of the status,
// where the user can do something about it. The error still counts as one.
func Explain(r *manager.Result, err error) {
	var conflict *control.ConflictError
	if errors.As(err, &conflict) {
		r.Problem(v1alpha1.ReasonNameConflict, "%s", conflict)
	}
}
