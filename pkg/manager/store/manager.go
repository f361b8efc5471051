// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package store manages the stores of a cluster: their Service, their
// StatefulSet, and the zone and rack of each.
package store

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Manager manages the stores.
type Manager struct {
	controls *control.Controls
}

var _ manager.Manager = (*Manager)(nil)

// NewManager makes a Manager.
func NewManager(controls *control.Controls) *Manager { return &Manager{controls: controls} }

// Sync implements manager.Manager.
func (m *Manager) Sync(ctx context.Context, c *view.Cluster) (manager.Result, error) {
	var r manager.Result
	replicas, wait := DecideReplicas(c)
	if wait != (manager.Note{}) {
		r.Waits = append(r.Waits, wait)
	}
	err := errors.Join(
		member.ApplyShared(ctx, c, naming.Store, m.controls),
		m.applySet(ctx, c, replicas, &r),
		m.locate(ctx, c),
		member.Repair(ctx, c, &c.Store, m.controls, &r),
	)
	note(&r, c, replicas)
	member.Explain(&r, err)
	return r, err
}

// Problems implements manager.Manager.
func (m *Manager) Problems(c *view.Cluster) manager.Result {
	var r manager.Result
	note(&r, c, c.Store.Replicas())
	return manager.Broken(r)
}

func (m *Manager) applySet(ctx context.Context, c *view.Cluster, replicas int32, r *manager.Result) error {
	if replicas == 0 && c.Store.Set == nil {
		return nil
	}
	want, err := desired.StoreStatefulSet(c.Object, replicas, c.LauncherImage)
	if err != nil {
		return err
	}
	if c.Store.Set != nil {
		member.NoteApplied(r, naming.Store, &want.Spec.Template, &c.Store.Set.Spec.Template)
	}
	if err := member.ApplySet(ctx, c, &c.Store, want, m.controls); err != nil {
		return err
	}
	if have := c.Store.Replicas(); c.Store.Set != nil && have < replicas {
		m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonScaling, "Scaled stores from %d to %d", have, replicas)
	}
	return nil
}

// locate tells each scheduled pod its zone and rack; its launcher waits for them.
func (m *Manager) locate(ctx context.Context, c *view.Cluster) error {
	var errs []error
	for _, p := range c.Store.Pods {
		if p.Spec.NodeName == "" || p.DeletionTimestamp != nil {
			continue
		}
		// Elasticell takes a location only at a start, so the one that was told first holds for the pod's life.
		if _, told := view.Told(p.Pod); told {
			continue
		}
		at := view.LocationOf(c.Object.Spec.Store.LocationLabels, p.Spec.NodeName, c.Nodes[p.Spec.NodeName])
		errs = append(errs, m.controls.Pods.PatchMetadata(ctx, p.Pod, control.Metadata{
			Annotations: map[string]*string{naming.AnnotationZone: &at.Zone, naming.AnnotationRack: &at.Rack},
		}))
	}
	return errors.Join(errs...)
}

// note says what the stores wait for and what is wrong with them.
func note(r *manager.Result, c *view.Cluster, replicas int32) {
	if c.Store.Set == nil {
		return
	}
	member.NoteClasses(r, c, naming.Store, c.Object.Spec.Store.StorageClassName)
	member.NotePods(r, naming.Store, member.Pods(c.Store.Pods), replicas)
	member.NoteHeld(r, c, &c.Store)
	if !c.Bootstrapped() || c.PDUnknown() != "" {
		return
	}
	for _, s := range c.Stores() {
		if s.State == pdapi.Up && c.State.Freshness(&s) != pdstate.Fresh {
			r.LookAgain(silent / 6) // time alone decides when it counts as one that gave PD up
			r.Problem(v1alpha1.ReasonStoreDown, "store %d in pod %s does not report to PD%s", s.ID, c.StorePod(&s), outlook(r, c, &s))
		}
	}
	for _, s := range c.UpStores() {
		if full(c, &s) {
			r.Problem(v1alpha1.ReasonStoreFull, "store %d%s has used more than %d %% of its disk, above which PD gives it no new replicas; grow its volume, free the disk, or add stores",
				s.ID, inPod(c, &s), *c.Object.Spec.PD.Config.StorageThreshold)
		}
	}
	if n := c.State.System.ReplicasNotFullCellCount; n > 0 {
		r.Wait(v1alpha1.ReasonWaitingForReplicas, "%d of %d cells do not have all replicas yet", n, c.State.System.CellCount)
	}
}

// room is how many bytes PD lets a store take: up to its threshold, above which it passes the store over.
func room(c *view.Cluster, s *pdapi.Store) uint64 {
	if s.Capacity == 0 {
		return s.Available
	}
	limit := s.Capacity / 100 * uint64(*c.Object.Spec.PD.Config.StorageThreshold)
	return limit - min(used(s), limit)
}

// used is how many bytes of a store's disk are taken, by whomever.
func used(s *pdapi.Store) uint64 { return s.Capacity - min(s.Available, s.Capacity) }

// full tells whether PD passes a store over, silently, for want of space.
func full(c *view.Cluster, s *pdapi.Store) bool {
	return s.Capacity > 0 && used(s)*100 > s.Capacity*uint64(*c.Object.Spec.PD.Config.StorageThreshold)
}

// outlook says what becomes of a silent store, and looks again when its time is up.
func outlook(r *manager.Result, c *view.Cluster, s *pdapi.Store) string {
	failover := c.Object.Spec.Store.Failover
	away := c.SilentFor(s)
	switch {
	case !*failover.Enabled || *failover.MaxFailoverCount == 0:
		return "; spec.store.failover does not let it be replaced"
	case away <= failover.Period.Duration:
		r.LookAgain(failover.Period.Duration - away + time.Second)
		return "; it is replaced if it stays away for spec.store.failover.period"
	case c.Store.RollsOut() && !Emptied(c, s, nil):
		return "; it gets no spare while a new spec is under way, and is replaced when PD has given its replicas to other stores, which it does after spec.pd.config.maxStoreDownTime"
	case !Emptied(c, s, nil):
		return "; it is replaced when PD has given its replicas to other stores, which it does after spec.pd.config.maxStoreDownTime"
	}
	return "; it is being replaced"
}
