// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Operation is something that is done to members in several steps and disrupts
// them, or might: an upgrade, a removal. In a cluster one is under way at a time.
// Nothing is remembered between steps: each is decided anew from what is observed,
// so that any of them can be the first one that an operator decides.
type Operation interface {
	// Decide picks the next step, from the view alone; nil means that there is nothing to do.
	Decide(c *view.Cluster) *Step
	// Act carries a step out. What the step destroys, it looks at afresh first; it
	// may find that nothing is to be done any more, which is no error.
	Act(ctx context.Context, c *view.Cluster, s *Step) error
}

// Step is one step of an operation, or what its next step waits for.
type Step struct {
	// Type is the operation, a reason of the API's list.
	Type string
	// Target is the pod it is done to; "" for a component as a whole.
	Target string
	// Do is what is to be done now; "" if the step waits.
	Do Verb
	// Message says what is done, or what is awaited, and how far the operation is.
	Message string
}

// Verb is what a step does. Each operation has its own.
type Verb string

// Operation is the step for the status.
func (s *Step) Operation() *v1alpha1.Operation {
	return &v1alpha1.Operation{Type: s.Type, Target: s.Target, Step: string(s.Do), Message: s.Message}
}

// waitingStep is after how long a step that waits looks again. What it waits
// for may be no more than a newer look at PD, of which nothing else tells.
const waitingStep = time.Second

// actingStep is after how long a step that acts is looked at again, in case that it found, by a fresh
// look, that its moment has not come, and nothing tells of that moment.
const actingStep = 5 * time.Second

// Advance takes the first operation that has something to do, and lets it act.
// Operations are in the order in which they go before each other.
func Advance(ctx context.Context, c *view.Cluster, operations []Operation, r *Result) error {
	for _, o := range operations {
		step := o.Decide(c)
		if step == nil {
			continue
		}
		r.Operation = step.Operation()
		r.Wait(step.Type, "%s", step.Message)
		if step.Do == "" {
			r.LookAgain(waitingStep)
			return nil
		}
		r.LookAgain(actingStep)
		return o.Act(ctx, c, step)
	}
	return nil
}
