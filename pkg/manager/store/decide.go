// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// DecideReplicas is how many stores the StatefulSet asks for, and what more of
// them waits for. Exactly one store starts first: several that start at once on
// an empty cluster would each create cells of their own. The others follow once
// the status has recorded the bootstrap, so that a restart of the operator
// cannot forget it.
func DecideReplicas(c *view.Cluster) (replicas int32, wait manager.Note) {
	have, want := c.Store.Replicas(), c.Object.Spec.Store.Replicas
	if c.Store.Set == nil && c.Bootstrapped() {
		have = known(c) // a set that was deleted comes back with as many as it had
	}
	switch {
	case c.Bootstrapped():
		if _, begun := DecideRemoval(c); begun || have > want {
			return have, manager.Note{} // the Scaler's part
		}
		// A store whose volume is there, as after the cluster was deleted and made again, comes
		// back first, even if it is to be removed then: its data may be all there is of a cell.
		want = max(want, c.Store.Known())
		if free := member.Blocked(c.Store.Claims, have, want); free < want {
			return free, manager.Note{Reason: v1alpha1.ReasonWaitingForVolume,
				Message: fmt.Sprintf("adding stores waits until volume claim %s, which a removed store left, is gone", c.Store.Claims[free].Name)}
		}
		return want, manager.Note{}
	case c.PDSilent() != "" || pd.DecideInitialize(c):
		return have, manager.Note{Reason: v1alpha1.ReasonWaitingForPD, Message: "stores wait for PD"}
	case c.State.System.AlreadyBootstrapped:
		return max(have, 1), manager.Note{Reason: v1alpha1.ReasonWaitingForBootstrap, Message: "recording that the first store has created the first cells"}
	default:
		return max(have, 1), manager.Note{Reason: v1alpha1.ReasonWaitingForBootstrap, Message: "waiting for the first store to create the first cells"}
	}
}

// known is the number of stores that there are, or were when the StatefulSet was
// deleted: one that is being drained has to run until it is a tombstone.
func known(c *view.Cluster) int32 {
	n := c.Store.Known()
	if c.State == nil || c.State.At.IsZero() {
		// The next volume may be that of a store on its way out. One that is not comes and goes again.
		if member.Retired(c.Store.Claims[n]) {
			n++
		}
		return n
	}
	for _, s := range c.Stores() {
		if ordinal, ok := naming.Ordinal(c.StorePod(&s)); ok {
			n = max(n, ordinal+1)
		}
	}
	return n
}
