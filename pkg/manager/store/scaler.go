// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
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

// Scaler removes stores, one after another from the highest ordinal: its
// leaders move away, PD drains it, it becomes a tombstone, its pod goes, and its
// volume is never mounted again. A removal that PD has begun cannot be taken
// back, so it ends before anything else happens.
type Scaler struct{ *drainer }

// NewScaler makes a Scaler.
func NewScaler(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *Scaler {
	return &Scaler{newDrainer(controls, pd, again)}
}

// Begun is the part of the Scaler that goes before all other operations: a
// removal that PD has begun.
func (s *Scaler) Begun() manager.Operation { return &removal{s, true} }

// Begin is the part that goes after them.
func (s *Scaler) Begin() manager.Operation { return &removal{s, false} }

type removal struct {
	*Scaler
	begun bool
}

const (
	evictForRemoval manager.Verb = "EvictLeaders"
	retire          manager.Verb = "RetireVolume"
	drain           manager.Verb = "Drain"
	shrink          manager.Verb = "RemovePod"

	// purposeRemoval marks evictions that end in a removal.
	purposeRemoval = "remove"
	// spareSpace is how much more space than its data the removal of a store asks for, in percent.
	spareSpace = 120
)

// Decide implements manager.Operation.
func (r *removal) Decide(c *view.Cluster) *manager.Step {
	step, begun := DecideRemoval(c)
	if step == nil || begun != r.begun {
		return nil
	}
	return step
}

// DecideRemoval picks the next step of the removal of the store with the highest
// ordinal, and tells whether the removal has begun, so that it must end.
func DecideRemoval(c *view.Cluster) (step *manager.Step, begun bool) {
	have, want := c.Store.Replicas(), c.Object.Spec.Store.Replicas
	if c.Store.Set == nil || have == 0 || !c.Bootstrapped() {
		return nil, false
	}
	target := naming.Pod(c.Object.Name, naming.Store, have-1)
	step = &manager.Step{Type: v1alpha1.ReasonScaling, Target: target}
	retired := member.Retired(c.Store.Claims[have-1])
	store := c.StoreOf(target)
	if Replacing(c.Store.Claims[have-1]) != 0 {
		return nil, false // its end is the Replacer's part, after which it can be removed
	}
	switch {
	case store != nil && store.State == pdapi.Down && !retired && have <= want:
		return nil, false // taken down by hand, or for a removal that nobody wants any more: it is replaced
	case store != nil && store.State == pdapi.Down:
		if !retired && c.Store.Claims[have-1] != nil {
			step.Do = retire
			step.Message = fmt.Sprintf("removing store %d in pod %s: setting its volume aside", store.ID, target)
			return step, true
		}
		if why := Unremovable(c, store); have < want && why != "" && c.PDUnknown() == "" {
			step.Do = keepVolume
			step.Message = fmt.Sprintf("store %d in pod %s is replaced instead of removed, so that stores can be added, since %s", store.ID, target, why)
			return step, true
		}
		step.Do = drain
		step.Message = fmt.Sprintf("removing store %d in pod %s: PD is moving its cells away%s", store.ID, target, undrainable(c, store))
		return step, true
	case retired && c.PDUnknown() != "":
		step.Message = fmt.Sprintf("removing pod %s waits: %s", target, c.PDUnknown())
		return step, true
	case retired && store == nil:
		step.Do = shrink
		step.Message = fmt.Sprintf("removing pod %s, whose store is a tombstone", target)
		return step, true
	case retired:
		// A heartbeat under way has written Up back over Down, but only in the memory of PD's leader.
		step.Do = evictForRemoval
		step.Message = fmt.Sprintf("removing store %d in pod %s: telling PD again to drain it%s", store.ID, target, notBefore(cmp.Or(c.Unhealthy(), Unremovable(c, store))))
		return step, true
	case have <= want:
		return nil, false
	}
	if useless := removeUseless(c, *step, store); useless != nil {
		return useless, true // others wait for full health, which it may itself be in the way of
	}
	return beginRemoval(c, step, store), false
}

// removeUseless decides about the highest store if it can go whatever the others' health is; else it is nil.
func removeUseless(c *view.Cluster, step manager.Step, store *pdapi.Store) *manager.Step {
	why := useless(c, step.Target, store)
	if why == "" {
		return nil
	}
	step.Do = retire
	step.Message = fmt.Sprintf("%s: setting the volume of pod %s aside, %s", removing(c), step.Target, why)
	if c.Store.Claims[c.Store.Replicas()-1] == nil {
		step.Do, step.Message = shrink, fmt.Sprintf("%s: removing pod %s, %s", removing(c), step.Target, why)
	}
	return &step
}

// removing says how far the removal of stores is.
func removing(c *view.Cluster) string {
	return fmt.Sprintf("removing %d of %d stores", c.Store.Replicas()-c.Object.Spec.Store.Replicas, c.Store.Replicas())
}

// beginRemoval decides about a removal that PD does not know of yet.
func beginRemoval(c *view.Cluster, step *manager.Step, store *pdapi.Store) *manager.Step {
	progress, why := removing(c), c.Unhealthy()
	if why != "" && evictingSince(member.Named(c.Store.Pods, step.Target), purposeRemoval).IsZero() {
		step.Message = fmt.Sprintf("%s waits: %s", progress, why)
		return step
	}
	if store == nil {
		step.Message = fmt.Sprintf("%s waits: PD knows no store in pod %s", progress, step.Target)
		return step
	}
	if why := Unremovable(c, store); why != "" {
		step.Message = fmt.Sprintf("%s is refused: %s", progress, why)
		return step
	}
	step.Do = evictForRemoval
	step.Message = fmt.Sprintf("removing store %d in pod %s: moving the leaders away%s", store.ID, step.Target, notBefore(why))
	return step
}

// useless says why the highest store can go whatever the others' health is: it holds nothing that counts, and
// does not work. It is empty if that is not certain. In full health another store that does not work would
// keep it, and one that does not work would keep itself.
func useless(c *view.Cluster, pod string, store *pdapi.Store) string {
	if c.PDUnknown() != "" || !placesFilled(c) {
		return "" // or it is a spare that is wanted
	}
	if s := tombstoneIn(c, pod); store == nil && s != nil {
		return fmt.Sprintf("as store %d is a tombstone", s.ID)
	}
	if store != nil {
		if store.State == pdapi.Up && lost(c, store) && Emptied(c, store, nil) {
			return fmt.Sprintf("as store %d is gone, and PD has given its replicas to others", store.ID)
		}
		return ""
	}
	if p := member.Named(c.Store.Pods, pod); p == nil || view.PodReady(p) || p.DeletionTimestamp != nil {
		return ""
	}
	return "as no store has come up in it"
}

// placesFilled tells whether a store serves in each place of the spec, and is to stay.
func placesFilled(c *view.Cluster) bool {
	for i := range c.Object.Spec.Store.Replicas {
		claim := c.Store.Claims[i]
		s := c.StoreOf(naming.Pod(c.Object.Name, naming.Store, i))
		if s == nil || s.State != pdapi.Up || c.SilentFor(s) > 0 || Replacing(claim) != 0 || view.ReplaceRequested(claim) {
			return false
		}
	}
	return true
}

// tombstoneIn is the last store of a pod that is a tombstone; nil if there is none.
func tombstoneIn(c *view.Cluster, pod string) *pdapi.Store {
	var last *pdapi.Store
	for i := range c.State.Stores {
		s := &c.State.Stores[i]
		if s.State == pdapi.Tombstone && c.StorePod(s) == pod && (last == nil || s.ID > last.ID) {
			last = s
		}
	}
	return last
}

// Unremovable says why the others could not take over what a store holds; it is
// empty if they can.
func Unremovable(c *view.Cluster, store *pdapi.Store) string {
	// PD goes by its own number until its restart with another one.
	replicas := max(int(*c.Object.Spec.PD.Config.MaxReplicas), c.State.System.MaxReplicas)
	var space uint64
	up := 0
	for _, s := range c.UpStores() {
		if s.ID != store.ID {
			up++
			space += room(c, &s)
		}
	}
	if up < replicas {
		return fmt.Sprintf("%d stores would remain up, and cells have %d replicas; raise spec.store.replicas", up, replicas)
	}
	if need := store.UsedSize / 100 * spareSpace; space < need {
		return fmt.Sprintf("the other stores have room for %d MiB, up to spec.pd.config.storageThreshold, and store %d holds %d MiB; grow the volumes, or raise spec.store.replicas", space>>20, store.ID, store.UsedSize>>20)
	}
	return ""
}

// undrainable explains why a drain may stand still.
func undrainable(c *view.Cluster, store *pdapi.Store) string {
	if up, replicas := len(c.UpStores()), c.State.System.MaxReplicas; up < replicas {
		return fmt.Sprintf("; it stands still until %d stores are up, now it is %d", replicas, up)
	}
	return fmt.Sprintf(", %d are left", store.CellCount)
}

// Act implements manager.Operation.
func (r *removal) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	ordinal := c.Store.Replicas() - 1
	switch s.Do {
	case keepVolume:
		client := r.pd(c)
		defer client.Close()
		if again, _ := DecideRemoval(c.LookAgain(ctx, client)); again == nil || again.Do != keepVolume {
			r.again(c, evictRound)
			return nil
		}
		return member.Keep(ctx, r.controls, c.Store.Claims[ordinal])
	case retire:
		client := r.pd(c)
		defer client.Close()
		fresh := c.LookAgain(ctx, client)
		if again, _ := DecideRemoval(fresh); again == nil || again.Do != retire {
			r.again(c, evictRound)
			return nil
		}
		id := uint64(0) // a store that never was
		if store := fresh.StoreOf(s.Target); store != nil {
			id = store.ID
		} else if store := tombstoneIn(fresh, s.Target); store != nil {
			id = store.ID
		}
		return member.Retire(ctx, r.controls, c.Store.Claims[ordinal], id)
	case evictForRemoval:
		return r.takeDown(ctx, c, s.Target, purposeRemoval, v1alpha1.ReasonScaling, func(fresh *view.Cluster, store *pdapi.Store) bool { return Unremovable(fresh, store) == "" })
	case drain:
		return r.finishDrain(ctx, c, s.Target, v1alpha1.ReasonScaling)
	case shrink:
		return r.shrink(ctx, c, s, ordinal)
	}
	return nil
}

// shrink takes the pod of a tombstone away.
func (r *removal) shrink(ctx context.Context, c *view.Cluster, s *manager.Step, replicas int32) error {
	client := r.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	if fresh.PDUnknown() != "" || fresh.StoreOf(s.Target) != nil {
		r.again(c, evictRound)
		return nil
	}
	want, err := desired.StoreStatefulSet(c.Object, replicas, c.LauncherImage)
	if err != nil {
		return err
	}
	if err := member.ApplySet(ctx, c, &c.Store, want, r.controls); err != nil {
		return err
	}
	r.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonScaling, "Removed pod %s; %d stores remain", s.Target, replicas)
	return nil
}
