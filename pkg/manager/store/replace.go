// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Replacer empties stores that serve and whose replacement a user asks for, by
// an annotation on the volume claim. When one has become a tombstone, Failover
// gives its pod a new volume. The same goes for a store that was taken down and
// is not to be removed: there is no way back for it.
type Replacer struct{ *drainer }

// NewReplacer makes a Replacer.
func NewReplacer(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *Replacer {
	return &Replacer{newDrainer(controls, pd, again)}
}

// Begun is the part that goes before other operations: replacements that PD has begun.
func (r *Replacer) Begun() manager.Operation { return &replacement{r, true} }

// Begin is the part that goes after them.
func (r *Replacer) Begin() manager.Operation { return &replacement{r, false} }

type replacement struct {
	*Replacer
	begun bool
}

// purposeReplacement marks evictions that end in a replacement.
const purposeReplacement = "replace"

// Decide implements manager.Operation.
func (r *replacement) Decide(c *view.Cluster) *manager.Step {
	if c.Store.Set == nil || !c.Bootstrapped() || c.PDUnknown() != "" {
		return nil
	}
	if r.begun {
		return decideReplacementBegun(c)
	}
	return decideReplacement(c)
}

// decideReplacementBegun goes on with a store that PD drains and that comes back.
func decideReplacementBegun(c *view.Cluster) *manager.Step {
	for _, s := range c.Stores() {
		ordinal, ours := naming.Ordinal(c.StorePod(&s))
		if s.State != pdapi.Down || !ours || ordinal >= c.Store.Replicas() {
			continue
		}
		claim := c.Store.Claims[ordinal]
		removed := ordinal == c.Store.Replicas()-1 && c.Store.Replicas() > c.Object.Spec.Store.Replicas && Replacing(claim) == 0
		if claim == nil || member.Retired(claim) || removed {
			continue // the Scaler's
		}
		step := &manager.Step{Type: v1alpha1.ReasonReplacing, Target: c.StorePod(&s)}
		if Replacing(claim) != s.ID {
			step.Do = markGone
			step.Message = fmt.Sprintf("replacing store %d in pod %s, which was taken down and cannot come up again: marking its volume", s.ID, step.Target)
			return step
		}
		step.Do = drain
		step.Message = fmt.Sprintf("replacing store %d in pod %s: PD is moving its cells away%s", s.ID, step.Target, undrainable(c, &s))
		return step
	}
	return nil
}

// decideReplacement begins, or goes on with, a replacement that PD does not know of yet.
func decideReplacement(c *view.Cluster) *manager.Step {
	s := requested(c)
	if s == nil {
		return nil
	}
	pod := c.StorePod(s)
	step := &manager.Step{Type: v1alpha1.ReasonReplacing, Target: pod}
	ordinal, _ := naming.Ordinal(pod)
	why := c.Unhealthy()
	if why != "" && curedByPD(c) {
		return nil
	}
	if why != "" && evictingSince(member.Named(c.Store.Pods, pod), purposeReplacement).IsZero() {
		step.Message = fmt.Sprintf("replacing store %d in pod %s waits: %s", s.ID, pod, why)
		return step
	}
	if why := Unremovable(c, s); why != "" {
		step.Message = fmt.Sprintf("replacing store %d in pod %s waits: %s", s.ID, pod, why)
		return step
	}
	if Replacing(c.Store.Claims[ordinal]) != s.ID {
		step.Do = markGone
		step.Message = fmt.Sprintf("replacing store %d in pod %s: marking its volume", s.ID, pod)
		return step
	}
	step.Do = evictForRemoval
	step.Message = fmt.Sprintf("replacing store %d in pod %s: moving the leaders away%s", s.ID, pod, notBefore(why))
	return step
}

// Act implements manager.Operation.
func (r *replacement) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	ordinal, _ := naming.Ordinal(s.Target)
	switch s.Do {
	case markGone:
		if store := c.StoreOf(s.Target); store != nil {
			return member.MarkReplacing(ctx, r.controls, c.Store.Claims[ordinal], store.ID)
		}
	case evictForRemoval:
		return r.takeDown(ctx, c, s.Target, purposeReplacement, v1alpha1.ReasonReplacing, func(fresh *view.Cluster, store *pdapi.Store) bool {
			return Unremovable(fresh, store) == "" && Replacing(c.Store.Claims[ordinal]) == store.ID
		})
	case drain:
		return r.finishDrain(ctx, c, s.Target, v1alpha1.ReasonReplacing)
	}
	return nil
}
