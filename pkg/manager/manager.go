// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manager defines what the managers of PD, stores and proxies have in
// common. A manager decides first, by pure functions of the view, and then acts
// through the controls.
package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Manager brings one part of a cluster closer to what its spec asks for.
type Manager interface {
	// Sync decides from the view and acts. What it waits for and what is wrong
	// stand in the result; an error is only for a write or read that failed, and
	// does not keep other managers from working.
	Sync(ctx context.Context, c *view.Cluster) (Result, error)
	// Problems are what is wrong, of a cluster to which nothing is to be done, as it is paused.
	Problems(c *view.Cluster) Result
}

// Broken is a result without what is awaited, of which nothing comes while a cluster is paused.
func Broken(r Result) Result { return Result{Problems: r.Problems, Again: r.Again} }

// Result is what a manager has to say to the user.
type Result struct {
	// Waits are what is awaited, the most important first. A cluster with none is settled.
	Waits []Note
	// Again is after how long to look again even if nothing changes; 0 for not at all.
	Again time.Duration
	// Operation is the one that is under way; nil if none is.
	Operation *v1alpha1.Operation
	// Problems are what is wrong and will not pass by itself.
	Problems []Note
}

// Note is a reason of the API's list and a sentence.
type Note struct{ Reason, Message string }

// Wait adds something that is awaited.
func (r *Result) Wait(reason, format string, args ...any) {
	r.Waits = append(r.Waits, Note{reason, fmt.Sprintf(format, args...)})
}

// LookAgain asks for another look after a while, or sooner if that was asked for already.
func (r *Result) LookAgain(after time.Duration) {
	if after > 0 && (r.Again == 0 || after < r.Again) {
		r.Again = after
	}
}

// Problem adds something that is wrong.
func (r *Result) Problem(reason, format string, args ...any) {
	r.Problems = append(r.Problems, Note{reason, fmt.Sprintf(format, args...)})
}

// Merge appends what another result says.
func (r *Result) Merge(other Result) {
	r.Waits = append(r.Waits, other.Waits...)
	r.Problems = append(r.Problems, other.Problems...)
	r.LookAgain(other.Again)
	if r.Operation == nil {
		r.Operation = other.Operation
	}
}
