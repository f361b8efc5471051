// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// statusPause is the least time between two writes of a status that differ only in
// what people read. What the operator itself must remember is written at once.
const (
	statusPause = time.Second
	// creatingPause is statusPause while a cluster comes to be and pods become ready one by one.
	// What is wrong with one makes it another phase, and is told sooner.
	creatingPause = 10 * time.Second
)

// statusWriter writes statuses that differ, and not too often.
type statusWriter struct {
	control control.StatusWriter
	now     func() time.Time

	mu   sync.Mutex
	last map[types.NamespacedName]time.Time
}

func newStatusWriter(w control.StatusWriter, now func() time.Time) *statusWriter {
	return &statusWriter{control: w, now: now, last: map[types.NamespacedName]time.Time{}}
}

// write computes the status from a view and writes it if it differs from the
// object's. It returns after how long to look again, if it was too early.
func (w *statusWriter) write(ctx context.Context, v *view.Cluster, r manager.Result, object *v1alpha1.CellCluster) (time.Duration, error) {
	want := ComputeStatus(v, r, object.Status)
	if equality.Semantic.DeepEqual(want, object.Status) {
		return 0, nil
	}
	k := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	if wait := w.pause(k, want.Phase); wait > 0 && !urgent(&want, &object.Status) {
		return wait, nil
	}
	next := object.DeepCopy()
	next.Status = want
	if err := w.control.UpdateStatus(ctx, next); err != nil {
		if apierrors.IsNotFound(err) {
			return 0, nil // deleted meanwhile
		}
		return 0, err
	}
	w.mu.Lock()
	w.last[k] = w.now()
	w.mu.Unlock()
	if want.Bootstrapped != object.Status.Bootstrapped {
		return time.Millisecond, nil // the managers wait for this to be recorded
	}
	return 0, nil
}

func (w *statusWriter) pause(k types.NamespacedName, phase v1alpha1.Phase) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, ok := w.last[k]
	if !ok {
		return 0
	}
	pause := statusPause
	if phase == v1alpha1.PhaseCreating {
		pause = creatingPause
	}
	return pause - w.now().Sub(last)
}

func (w *statusWriter) forget(k types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, k)
}

// urgent tells whether a status holds something new that the operator must
// remember, or that users wait for.
func urgent(want, have *v1alpha1.CellClusterStatus) bool {
	return want.Bootstrapped != have.Bootstrapped || want.ClusterID != have.ClusterID ||
		meta.IsStatusConditionTrue(want.Conditions, v1alpha1.ConditionReady) != meta.IsStatusConditionTrue(have.Conditions, v1alpha1.ConditionReady)
}

// failuresBorne is how many syncs in a row may fail before the status says so;
// one that fails is as good as always followed by one that does not.
const failuresBorne = 2

// noteFailure says in the status that writes fail, unless a better explanation is there already.
func noteFailure(r *manager.Result, err error, failures int) {
	if err == nil || onlyConflicts(err) || len(r.Problems) > 0 || failures < failuresBorne {
		return
	}
	r.Problem(v1alpha1.ReasonWriteFailed, "%v", err)
}

func decimal(id uint64) string { return strconv.FormatUint(id, 10) }

func hexadecimal(id uint64) string { return strconv.FormatUint(id, 16) }
