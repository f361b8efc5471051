// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// tell reports how the operation of a cluster goes. Between its steps, while pods
// start, an operation may have nothing to decide: it goes on until nothing is awaited any more.
func (c *Controller) tell(k types.NamespacedName, v *view.Cluster, r *manager.Result, err error) {
	if c.options.Operations == nil {
		return
	}
	repairing := func(n manager.Note) bool { return n.Reason == v1alpha1.ReasonRepairing }
	failed := err != nil && !onlyConflicts(err)
	switch {
	case r.Operation != nil:
		c.options.Operations.Goes(k, r.Operation.Type, failed, v.Now)
	case slices.ContainsFunc(r.Waits, repairing):
		c.options.Operations.Goes(k, v1alpha1.ReasonRepairing, failed, v.Now)
	case len(r.Waits) == 0 && len(r.Problems) == 0 && err == nil:
		c.options.Operations.Rests(k, v.Now)
	}
}

// abandoned reports that nothing is done to a cluster any more.
func (c *Controller) abandoned(k types.NamespacedName) {
	if c.options.Operations != nil {
		c.options.Operations.Abandoned(k)
	}
}
