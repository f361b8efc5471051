// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
)

var cellclusters = schema.GroupResource{Group: "deepfabric.com", Resource: "cellclusters"}

// desk is a status writer with a cluster that it writes for.
type desk struct {
	*statusWriter
	*ct.Fakes
	clock  *clocktesting.FakePassiveClock
	object *v1alpha1.CellCluster
}

func newDesk(c *v1alpha1.CellCluster) *desk {
	clock := clocktesting.NewFakePassiveClock(ct.Now())
	f := ct.Settled(c)
	return &desk{statusWriter: newStatusWriter(f.Clusters, clock.Now), Fakes: f, clock: clock, object: c}
}

// write writes the status of a cluster with one wait, and has the cache show it.
func (d *desk) write(t *testing.T, message string) (time.Duration, bool) {
	t.Helper()
	before := d.Clusters.Count(ct.UpdateStatus)
	v := d.View(d.object, ct.PDState(d.object, ct.Stores(3)))
	var r manager.Result
	if message != "" {
		r.Wait(v1alpha1.ReasonWaitingForPods, "%s", message)
	}
	again, err := d.statusWriter.write(t.Context(), v, r, d.object)
	require.NoError(t, err)
	wrote := d.Clusters.Count(ct.UpdateStatus) > before
	if wrote {
		d.object = d.object.DeepCopy()
		d.object.Status = d.Clusters.Status(d.object)
	}
	return again, wrote
}

func (d *desk) pass(by time.Duration) { d.clock.SetTime(d.clock.Now().Add(by)) }

// What only people read is written at most once in a pause, and never lost.
func TestStatusPauses(t *testing.T) {
	d := newDesk(ct.Cluster("demo", ct.Bootstrapped))
	_, wrote := d.write(t, "1 of 3")
	assert.True(t, wrote, "the first at once")
	again, wrote := d.write(t, "1 of 3")
	assert.False(t, wrote, "nothing new")
	assert.Zero(t, again)

	d.pass(400 * time.Millisecond)
	again, wrote = d.write(t, "2 of 3")
	assert.False(t, wrote)
	assert.Positive(t, again, "later")
	d.pass(again)
	_, wrote = d.write(t, "2 of 3")
	assert.True(t, wrote)
	assert.Equal(t, "2 of 3", d.object.Status.Message)
}

// What users wait for and what must be remembered does not wait.
func TestUrgentStatus(t *testing.T) {
	d := newDesk(ct.Cluster("demo", ct.Bootstrapped))
	_, _ = d.write(t, "waiting")
	_, wrote := d.write(t, "")
	assert.True(t, wrote, "ready")
	_, wrote = d.write(t, "waiting")
	assert.True(t, wrote, "not ready any more")

	d = newDesk(ct.Cluster("demo"))
	again, wrote := d.write(t, "waiting")
	assert.True(t, wrote)
	assert.True(t, d.object.Status.Bootstrapped)
	assert.Equal(t, ct.ClusterID, d.object.Status.ClusterID)
	assert.Positive(t, again, "the managers wait for this to be recorded")

	for name, test := range map[string]struct {
		change func(*v1alpha1.CellClusterStatus)
		urgent bool
	}{
		"nothing":          {func(*v1alpha1.CellClusterStatus) {}, false},
		"bootstrapped":     {func(s *v1alpha1.CellClusterStatus) { s.Bootstrapped = false }, true},
		"cluster id":       {func(s *v1alpha1.CellClusterStatus) { s.ClusterID = "x" }, true},
		"message":          {func(s *v1alpha1.CellClusterStatus) { s.Message = "x" }, false},
		"phase":            {func(s *v1alpha1.CellClusterStatus) { s.Phase = "x" }, false},
		"ready":            {func(s *v1alpha1.CellClusterStatus) { s.Conditions = nil }, false},
		"number of stores": {func(s *v1alpha1.CellClusterStatus) { s.Store.ReadyReplicas++ }, false},
	} {
		other := d.object.Status.DeepCopy()
		test.change(other)
		assert.Equal(t, test.urgent, urgent(&d.object.Status, other), name)
	}
}

// Another cluster's pause is its own, and ends with it.
func TestPausesAreApart(t *testing.T) {
	d := newDesk(ct.Cluster("demo", ct.Bootstrapped))
	_, _ = d.write(t, "1 of 3")
	k := types.NamespacedName{Namespace: ct.Namespace, Name: "demo"}
	assert.Positive(t, d.pause(k, v1alpha1.PhaseNormal))
	assert.Zero(t, d.pause(types.NamespacedName{Namespace: ct.Namespace, Name: "other"}, v1alpha1.PhaseNormal))
	d.forget(k)
	assert.Zero(t, d.pause(k, v1alpha1.PhaseNormal))
}

func TestStatusFailures(t *testing.T) {
	tests := map[string]struct {
		err  error
		told bool
	}{
		"a conflict":           {apierrors.NewConflict(cellclusters, "demo", errors.New("x")), true},
		"another error":        {errors.New("etcd is gone"), true},
		"the cluster has gone": {apierrors.NewNotFound(cellclusters, "demo"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(ct.Cluster("demo", ct.Bootstrapped))
			d.Clusters.SetError(ct.UpdateStatus, test.err)
			v := d.View(d.object, ct.PDState(d.object, ct.Stores(3)))
			_, err := d.statusWriter.write(t.Context(), v, manager.Result{}, d.object)
			if test.told {
				assert.ErrorIs(t, err, test.err)
			} else {
				assert.NoError(t, err)
			}
			d.Clusters.SetError(ct.UpdateStatus, nil)
			_, wrote := d.write(t, "")
			assert.True(t, wrote, "a write that failed begins no pause")
		})
	}
}

// The object in the cache is not touched, and of the written one only the status differs.
func TestStatusIsACopy(t *testing.T) {
	d := newDesk(ct.Cluster("demo", ct.Bootstrapped))
	before := d.object.DeepCopy()
	cached := d.object
	_, _ = d.write(t, "x")
	assert.Equal(t, before, cached)
}

func TestNoteFailure(t *testing.T) {
	failure := errors.New("apply Service demo-pd: forbidden")
	conflict := fmt.Errorf("x: %w", apierrors.NewConflict(cellclusters, "demo", errors.New("y")))
	explained := manager.Result{Problems: []manager.Note{{Reason: "NameConflict", Message: "z"}}}
	tests := map[string]struct {
		result   manager.Result
		err      error
		failures int
		want     []manager.Note
	}{
		"no failure":        {manager.Result{}, nil, 9, nil},
		"the first":         {manager.Result{}, failure, 0, nil},
		"again and again":   {manager.Result{}, failure, failuresBorne, []manager.Note{{Reason: v1alpha1.ReasonWriteFailed, Message: "apply Service demo-pd: forbidden"}}},
		"a conflict":        {manager.Result{}, conflict, 9, nil},
		"explained already": {explained, failure, 9, explained.Problems},
	}
	for name, test := range tests {
		r := test.result
		noteFailure(&r, test.err, test.failures)
		assert.Equal(t, test.want, r.Problems, name)
	}
}

func TestIDs(t *testing.T) {
	assert.Equal(t, "a8d", hexadecimal(0xa8d))
	assert.Equal(t, "1001", decimal(1001))
	assert.Equal(t, "18446744073709551615", decimal(^uint64(0)))
}
