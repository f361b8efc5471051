// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pd manages the PDs of a cluster: their Services, the membership they
// start with, their StatefulSet, and the initial parameters of a new cluster.
package pd

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Manager manages the PDs.
type Manager struct {
	controls *control.Controls
	pd       func(*view.Cluster) pdapi.Client
	// refresh asks for a new look at PD after something was written to it.
	refresh func(*view.Cluster)
}

var _ manager.Manager = (*Manager)(nil)

// NewManager makes a Manager that talks to a cluster's PD through the clients that pd makes.
func NewManager(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, refresh func(*view.Cluster)) *Manager {
	return &Manager{controls: controls, pd: pd, refresh: refresh}
}

// Sync implements manager.Manager.
func (m *Manager) Sync(ctx context.Context, c *view.Cluster) (manager.Result, error) {
	var r manager.Result
	replicas := DecideReplicas(c)
	err := errors.Join(
		member.ApplyShared(ctx, c, naming.PD, m.controls),
		m.applyMembership(ctx, c, replicas),
		m.applySet(ctx, c, replicas, &r),
		member.Repair(ctx, c, &c.PD, m.controls, &r),
		m.initialize(ctx, c, &r),
	)
	note(&r, c)
	member.Explain(&r, err)
	return r, err
}

// Problems implements manager.Manager.
func (m *Manager) Problems(c *view.Cluster) manager.Result {
	var r manager.Result
	note(&r, c)
	return manager.Broken(r)
}

// applyMembership comes before the StatefulSet, so that no PD starts without one.
func (m *Manager) applyMembership(ctx context.Context, c *view.Cluster, replicas int32) error {
	want, err := desired.StartConfigMap(c.Object, DecideMembership(c, replicas), DecideReplacing(c))
	if err != nil {
		return err
	}
	_, err = m.controls.ConfigMaps.Apply(ctx, want, c.Start)
	return err
}

func (m *Manager) applySet(ctx context.Context, c *view.Cluster, replicas int32, r *manager.Result) error {
	want, err := desired.PDStatefulSet(c.Object, replicas, c.LauncherImage)
	if err != nil {
		return err
	}
	if c.PD.Set != nil {
		member.NoteApplied(r, naming.PD, &want.Spec.Template, &c.PD.Set.Spec.Template)
	}
	return member.ApplySet(ctx, c, &c.PD, want, m.controls)
}

// DecideInitialize tells whether PD is to be told the initial cells now. PD
// takes them only before the first store, and again as often as one likes.
func DecideInitialize(c *view.Cluster) bool {
	if c.Bootstrapped() || c.PDSilent() != "" {
		return false
	}
	return untold(&c.State.System, initParams(c))
}

func untold(s *pdapi.System, want pdapi.InitParams) bool {
	return !s.AlreadyBootstrapped && (s.InitParams == nil || *s.InitParams != want)
}

func initParams(c *view.Cluster) pdapi.InitParams {
	cells := c.Object.Spec.Store.InitialCells
	return pdapi.InitParams{InitCellCount: uint64(cells.Count), CellCapacity: uint64(cells.Capacity)}
}

func (m *Manager) initialize(ctx context.Context, c *view.Cluster, r *manager.Result) error {
	if !DecideInitialize(c) {
		return nil
	}
	params := initParams(c)
	r.Wait(v1alpha1.ReasonInitializing, "telling PD the %d initial cells", params.InitCellCount)
	client := m.pd(c)
	defer client.Close()
	defer m.refresh(c)
	// The view may be older than the last telling.
	_, now, err := client.Leader(ctx)
	if err != nil {
		return fmt.Errorf("see whether PD knows the initial cells: %w", err)
	}
	if !untold(&now, params) {
		return nil
	}
	err = client.InitCluster(ctx, params)
	if errors.Is(err, pdapi.ErrAlreadyBootstrapped) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("set initial cells: %w", err)
	}
	m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonInitializing, "Told PD the %d initial cells", params.InitCellCount)
	return nil
}

// silenceBorne is how long PD may be silent before that is called a problem.
const silenceBorne = 20 * time.Second

// note says what PD waits for and what is wrong with it.
func note(r *manager.Result, c *view.Cluster) {
	member.NoteClasses(r, c, naming.PD, c.Object.Spec.PD.StorageClassName)
	member.NotePods(r, naming.PD, member.Pods(c.PD.Pods), max(c.PD.Replicas(), 1))
	member.NoteHeld(r, c, &c.PD)
	noteGone(r, c)
	noteAsked(r, c)
	if want := c.Object.Spec.PD.Replicas; c.PD.Replicas() > 0 && !c.Bootstrapped() && c.PD.Replicas() != want {
		r.Problem(v1alpha1.ReasonWaitingForPD, "spec.pd.replicas is %d by now, and the cluster began with %d PDs: the number changes once the cluster has started; "+
			"if it cannot start with %d, delete it with its volume claims and create it again", want, c.PD.Replicas(), c.PD.Replicas())
	}
	why := c.PDSilent()
	switch {
	case why == "":
	case !c.Bootstrapped():
		r.Wait(v1alpha1.ReasonWaitingForPD, "waiting for PD to have a quorum and a leader: %s", why)
	case c.State == nil || c.Now.Sub(c.State.FailedSince) < silenceBorne:
		// An election takes about 7 s.
		r.Wait(v1alpha1.ReasonWaitingForPD, "waiting for PD to have a leader")
		r.LookAgain(silenceBorne)
	default:
		r.Problem(v1alpha1.ReasonPDUnknown, "nothing is known from PD: %s", why)
		if errors.Is(c.State.Err, pdapi.ErrNoLeader) {
			r.LookAgain(silenceBorne) // time alone decides when a PD that is away keeps the others from a restart no more
		}
	}
}

// noteAsked says of which PD the replacement was asked for in vain.
func noteAsked(r *manager.Result, c *view.Cluster) {
	if !c.Bootstrapped() || c.PDSilent() != "" || len(c.State.Members) >= leastForQuorum {
		return
	}
	for _, p := range c.PD.Pods {
		if view.ReplaceRequested(c.PD.Claims[p.Ordinal]) {
			r.Problem(v1alpha1.ReasonCannotReplace, "PD %s is to be replaced and cannot be: %s", p.Name, Irreplaceable(c, p.Name))
		}
	}
}

// noteGone says what becomes of PDs that are away, and looks again when their time is up.
func noteGone(r *manager.Result, c *view.Cluster) {
	failover := c.Object.Spec.PD.Failover
	if !c.Bootstrapped() || !*failover.Enabled || c.PDSilent() != "" {
		return
	}
	begun := DecideBegun(c)
	for _, p := range c.PD.Pods {
		away := view.NotReadyFor(p.Pod, c.Now)
		if c.HeldByDeadNode(p.Pod) != "" {
			away = c.Now.Sub(p.DeletionTimestamp.Time)
		}
		if away == 0 {
			continue
		}
		if left := failover.Period.Duration - away; left > 0 {
			r.LookAgain(left + time.Second)
			continue
		}
		why := Irreplaceable(c, p.Name)
		if why == "" && !dead(c, p.Pod) && c.PD.RollsOut() {
			why = "a new spec is under way, and may be what keeps it away; bring its node back, or delete the node or the pod, or set the spec back"
		}
		switch {
		case why != "":
		case *failover.MaxFailoverCount == 0:
			why = "spec.pd.failover.maxFailoverCount is 0"
		case begun != nil && !joining(c, begun) && begun.Target != p.Name:
			why = "another change of PD's members comes first: " + begun.Message
		}
		if why != "" {
			r.Problem(v1alpha1.ReasonCannotReplace, "PD %s has been gone for longer than spec.pd.failover.period and cannot be replaced: %s", p.Name, why)
		}
	}
}
