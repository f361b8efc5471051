// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"strconv"
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

// Failover replaces stores that are gone. A spare store takes their replicas
// as soon as PD gives them away, which it does by itself after
// spec.pd.config.maxStoreDownTime. A store that holds nothing any more, by PD's word, and
// is still away, comes back under its name with a new volume and a new id. None of
// this disturbs a store that runs, so it waits for nothing but PD.
type Failover struct{ *drainer }

var _ manager.Operation = (*Failover)(nil)

// NewFailover makes a Failover.
func NewFailover(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *Failover {
	return &Failover{newDrainer(controls, pd, again)}
}

const (
	addSpare      manager.Verb = "AddSpare"
	markGone      manager.Verb = "MarkVolume"
	keepVolume    manager.Verb = "KeepVolume"
	buryGone      manager.Verb = "Tombstone"
	dropVolume    manager.Verb = "DeleteVolumeClaim"
	dropPod       manager.Verb = "DeletePod"
	failoverRound              = time.Second // how soon a step is looked at again
)

// Decide implements manager.Operation.
func (f *Failover) Decide(c *view.Cluster) *manager.Step {
	if c.Store.Set == nil || !c.Bootstrapped() || c.PDUnknown() != "" {
		return nil
	}
	for _, decide := range []func(*view.Cluster) *manager.Step{decideRenewal, decideKeep, decideBurial, decideMark, decideSpare} {
		if step := decide(c); step != nil {
			step.Type = v1alpha1.ReasonReplacing
			return step
		}
	}
	return nil
}

// decideRenewal takes the volume and the pod of a replaced store away, so that its StatefulSet makes both anew.
func decideRenewal(c *view.Cluster) *manager.Step {
	for i := range c.Store.Replicas() {
		claim := c.Store.Claims[i]
		id := Replacing(claim)
		if id == 0 {
			id = buried(c, i)
		}
		if s := c.State.Store(id); id == 0 || s == nil || s.State != pdapi.Tombstone {
			continue
		}
		pod, there := c.Store.Pod(i)
		step := &manager.Step{Target: naming.Pod(c.Object.Name, naming.Store, i)}
		switch {
		case claim.DeletionTimestamp != nil && c.StoreOf(step.Target) != nil:
			continue // a start has succeeded on the volume before it went: its store is emptied first, like any whose claim is deleted
		case claim.DeletionTimestamp == nil && c.StoreOf(step.Target) != nil:
			// A volume that was wiped: a start has just succeeded on it, as the old id was out of the way.
			step.Do = keepVolume
			step.Message = fmt.Sprintf("pod %s has a new store on its volume in place of store %d; it is not replaced", step.Target, id)
		case claim.DeletionTimestamp == nil:
			step.Do = dropVolume
			step.Message = fmt.Sprintf("replacing store %d in pod %s: deleting its volume claim and the pod", id, step.Target)
		case there && pod.DeletionTimestamp == nil:
			step.Do = dropPod
			step.Message = fmt.Sprintf("replacing store %d in pod %s: deleting the pod", id, step.Target)
		default:
			continue // it ends by itself; what keeps it from that is said with the pods
		}
		return step
	}
	return nil
}

// buried is the tombstone whose data the volume of an ordinal holds, though nobody marked it: one
// that was made by hand. Its store can never start again. 0 if there is none, or the pod was ready not long ago.
func buried(c *view.Cluster, ordinal int32) uint64 {
	claim := c.Store.Claims[ordinal]
	pod, there := c.Store.Pod(ordinal)
	if claim == nil || member.Retired(claim) || !there || c.StoreOf(pod.Name) != nil || ordinal >= c.Object.Spec.Store.Replicas ||
		view.NotReadyFor(pod.Pod, c.Now) <= c.Object.Spec.Store.Failover.Period.Duration {
		return 0
	}
	id, err := strconv.ParseUint(claim.Labels[naming.LabelStoreID], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// decideKeep takes the mark off the volume of a store that has come back before it was buried.
func decideKeep(c *view.Cluster) *manager.Step {
	for i := range c.Store.Replicas() {
		claim := c.Store.Claims[i]
		s := c.State.Store(Replacing(claim))
		// One that is to leave is not replaced either, whoever asks for it.
		if s == nil || s.State != pdapi.Up || c.SilentFor(s) > 0 || view.ReplaceRequested(claim) && i < c.Object.Spec.Store.Replicas {
			continue
		}
		pod := naming.Pod(c.Object.Name, naming.Store, i)
		return &manager.Step{Target: pod, Do: keepVolume,
			Message: fmt.Sprintf("store %d in pod %s has come back; it is not replaced", s.ID, pod)}
	}
	return nil
}

// decideBurial makes a tombstone of a store that is gone, holds nothing, and has no future: one whose
// volume is marked, or one that has neither a pod nor a volume.
func decideBurial(c *view.Cluster) *manager.Step {
	for _, s := range c.Stores() {
		if !forsaken(c, &s) || !Emptied(c, &s, nil) {
			continue
		}
		return &manager.Step{Target: c.StorePod(&s), Do: buryGone,
			Message: fmt.Sprintf("store %d%s is gone and holds nothing any more; making it a tombstone", s.ID, inPod(c, &s))}
	}
	return nil
}

// forsaken tells whether nothing can bring a store back: it has been silent for long, and its volume is to go or has gone.
func forsaken(c *view.Cluster, s *pdapi.Store) bool {
	ordinal, ours := naming.Ordinal(c.StorePod(s))
	if !ours || ordinal >= c.Store.Replicas() {
		claim := c.Store.Claims[ordinal]
		if ours && claim != nil && !member.Retired(claim) {
			return false // a store is being added there, or will be
		}
		return lost(c, s)
	}
	claim := c.Store.Claims[ordinal]
	if Replacing(claim) == s.ID {
		return c.SilentFor(s) > 0
	}
	// Its removal has begun, and it died on the way, or before. Whoever marks a store that is Down
	// has not yet done so if neither is noted: without the mark nobody would go on with its volume.
	return (claim == nil || member.Retired(claim)) && lost(c, s)
}

// decideMark marks the volume of a store that is gone and emptied as one to be replaced, one at a time.
func decideMark(c *view.Cluster) *manager.Step {
	if !*c.Object.Spec.Store.Failover.Enabled || *c.Object.Spec.Store.Failover.MaxFailoverCount == 0 || renewing(c) {
		return nil
	}
	for _, s := range Gone(c) {
		ordinal, _ := naming.Ordinal(c.StorePod(&s))
		claim := c.Store.Claims[ordinal]
		if claim == nil || member.Retired(claim) || Replacing(claim) != 0 || !Emptied(c, &s, nil) {
			continue
		}
		pod := c.StorePod(&s)
		return &manager.Step{Target: pod, Do: markGone,
			Message: fmt.Sprintf("store %d in pod %s is gone, and PD has given its replicas to others; replacing it and its volume", s.ID, pod)}
	}
	return nil
}

// renewing tells whether a store is being replaced already. One that serves still, and
// is to be replaced on request, keeps nobody waiting: it may itself wait for the others.
func renewing(c *view.Cluster) bool {
	for i := range c.Store.Replicas() {
		id := Replacing(c.Store.Claims[i])
		if s := c.State.Store(id); id != 0 && (s == nil || s.State == pdapi.Tombstone || c.SilentFor(s) > 0) {
			return true
		}
	}
	return false
}

func decideSpare(c *view.Cluster) *manager.Step {
	why := WantsSpare(c)
	have := c.Store.Replicas()
	if why == "" || member.Blocked(c.Store.Claims, have, have+1) == have {
		return nil // a removed store's volume goes first, which the volumes' manager sees to
	}
	pod := naming.Pod(c.Object.Name, naming.Store, have)
	return &manager.Step{Target: pod, Do: addSpare, Message: fmt.Sprintf("adding spare store %s: %s", pod, why)}
}

// Emptied tells whether a store that is gone holds nothing any more: PD has
// taken it out of every cell, each cell is led, and none has a replica that is
// being filled or down. Earlier, the cells' own changes of replicas would get
// stuck on a tombstone. cells are what PD lists for the store itself, if it was asked.
func Emptied(c *view.Cluster, store *pdapi.Store, cells []pdapi.Cell) bool {
	s := c.State
	if len(cells) > 0 || s.CellsAt.IsZero() || len(s.Cells) == 0 || c.SilentFor(store) == 0 {
		return false
	}
	for i := range s.Cells {
		cell := &s.Cells[i]
		if _, on := cell.PeerOn(store.ID); on || cell.Leader == nil || len(cell.PendingPeers) > 0 || len(cell.DownPeers) > 0 {
			return false
		}
	}
	return true
}

// Act implements manager.Operation.
func (f *Failover) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	if s.Do == addSpare {
		return f.addSpare(ctx, c, s)
	}
	client := f.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	if again := f.Decide(fresh); again == nil || again.Do != s.Do || again.Target != s.Target {
		f.again(c, failoverRound)
		return nil // PD says otherwise by now
	}
	ordinal, _ := naming.Ordinal(s.Target)
	claim := c.Store.Claims[ordinal]
	switch s.Do {
	case markGone:
		return member.MarkReplacing(ctx, f.controls, claim, fresh.StoreOf(s.Target).ID)
	case keepVolume:
		return member.UnmarkReplacing(ctx, f.controls, claim)
	case buryGone:
		for _, store := range fresh.Stores() {
			if fresh.StorePod(&store) == s.Target && forsaken(fresh, &store) {
				if ours := s.Target != ""; ours && ordinal >= c.Store.Replicas() {
					if stopped, err := member.Stopped(ctx, f.controls, c, naming.Store, ordinal); err != nil || !stopped {
						return err
					}
				}
				return f.bury(ctx, c, client, fresh, &store, v1alpha1.ReasonReplacing, Emptied)
			}
		}
		return nil
	case dropVolume, dropPod:
		return f.renew(ctx, c, s.Target, claim)
	}
	return nil
}

// renew deletes the claim and, at once, the pod of a replaced store, before
// another start of it succeeds on the volume that goes.
func (f *Failover) renew(ctx context.Context, c *view.Cluster, name string, claim *corev1.PersistentVolumeClaim) error {
	// A pod that crashes changes all the time, and the cache is behind.
	pod, err := f.controls.Live.Pod(ctx, c.Object.Namespace, name)
	if err != nil {
		return fmt.Errorf("look at pod %s: %w", name, err)
	}
	if claim.DeletionTimestamp == nil {
		if err := f.controls.Claims.Delete(ctx, claim); err != nil {
			return err
		}
		f.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonReplacing, "Deleted volume claim %s, of a store that is a tombstone", claim.Name)
	}
	seen := member.Named(c.Store.Pods, name)
	if pod == nil || pod.DeletionTimestamp != nil || seen == nil || seen.UID != pod.UID {
		return nil
	}
	if err := f.controls.Pods.Delete(ctx, pod); err != nil {
		return err
	}
	f.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonReplacing, "Deleted pod %s, which comes back with a new volume", name)
	return nil
}

func (f *Failover) addSpare(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	replicas := c.Store.Replicas() + 1
	want, err := desired.StoreStatefulSet(c.Object, replicas, c.LauncherImage)
	if err != nil {
		return err
	}
	if err := member.ApplySet(ctx, c, &c.Store, want, f.controls); err != nil {
		return err
	}
	f.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonReplacing, "Added spare pod %s: %s", s.Target, WantsSpare(c))
	return nil
}
