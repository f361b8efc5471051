// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Of a paused cluster Ready goes on telling of the spec that was carried out
// last, and says of which generation that was; what waits stands in Progressing and Paused.
func TestStatusOfPaused(t *testing.T) {
	was := ct.Cluster("demo", ct.Bootstrapped)
	was.Generation = 4
	state := ct.PDState(was, ct.Stores(3))
	ready := ComputeStatus(ct.Settled(was).View(was, state), manager.Result{}, was.Status)
	half := ComputeStatus(ct.Settled(was).View(was, state), waiting("RollingUpdate", "store 1/3 upgraded"), was.Status)
	require.True(t, meta.IsStatusConditionTrue(ready.Conditions, v1alpha1.ConditionReady))
	tests := map[string]struct {
		before v1alpha1.CellClusterStatus
		edit   func(*v1alpha1.CellClusterSpec)
		stand  func(*ct.Fakes)
		ready  metav1.ConditionStatus
	}{
		"nothing else is edited":         {ready, func(*v1alpha1.CellClusterSpec) {}, func(*ct.Fakes) {}, metav1.ConditionTrue},
		"a new image":                    {ready, func(s *v1alpha1.CellClusterSpec) { s.Store.Image = "new" }, func(*ct.Fakes) {}, metav1.ConditionTrue},
		"more stores":                    {ready, func(s *v1alpha1.CellClusterSpec) { s.Store.Replicas = 5 }, func(*ct.Fakes) {}, metav1.ConditionTrue},
		"fewer PDs":                      {ready, func(s *v1alpha1.CellClusterSpec) { s.PD.Replicas = 1 }, func(*ct.Fakes) {}, metav1.ConditionTrue},
		"more proxies":                   {ready, func(s *v1alpha1.CellClusterSpec) { s.Proxy.Replicas = 5 }, func(*ct.Fakes) {}, metav1.ConditionTrue},
		"a pod fails":                    {ready, func(*v1alpha1.CellClusterSpec) {}, func(f *ct.Fakes) { f.Add(ct.Pod(was, naming.PD, 0, ct.Running)) }, metav1.ConditionFalse},
		"a StatefulSet is gone":          {ready, func(*v1alpha1.CellClusterSpec) {}, func(f *ct.Fakes) { f.StatefulSets.Remove(f.StatefulSets.Get("ns", "demo-pd")) }, metav1.ConditionTrue},
		"it was not ready, and is again": {half, func(*v1alpha1.CellClusterSpec) {}, func(*ct.Fakes) {}, metav1.ConditionTrue},
		"it was not ready, and is not":   {half, func(s *v1alpha1.CellClusterSpec) { s.Store.Replicas = 4 }, func(*ct.Fakes) {}, metav1.ConditionFalse},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := was.DeepCopy()
			c.Generation, c.Spec.Paused, c.Status = 6, true, test.before
			test.edit(&c.Spec)
			f := ct.Settled(was)
			test.stand(f)
			s := ComputeStatus(f.View(c, state), manager.Result{}, c.Status)
			assert.EqualValues(t, 4, s.ObservedGeneration)
			is := func(kind string) *metav1.Condition { return meta.FindStatusCondition(s.Conditions, kind) }
			assert.Equal(t, test.ready, is("Ready").Status, is("Ready").Message)
			for _, kind := range []string{"Ready", "Available", "Degraded"} {
				assert.EqualValues(t, 4, is(kind).ObservedGeneration, kind)
			}
			for _, kind := range []string{"Progressing", "Paused"} {
				assert.EqualValues(t, 6, is(kind).ObservedGeneration, kind)
				assert.Contains(t, is(kind).Message, "the spec of generation 6 is not carried out", kind)
			}
			c.Spec.Paused, c.Status = false, s
			s = ComputeStatus(f.View(c, state), waiting("Scaling", "adding"), c.Status)
			assert.EqualValues(t, 6, s.ObservedGeneration)
			assert.Equal(t, metav1.ConditionFalse, is("Ready").Status)
		})
	}
}

// One that was created paused has never been ready.
func TestStatusOfCreatedPaused(t *testing.T) {
	c := ct.Cluster("demo", ct.Paused)
	s := ComputeStatus(ct.New().View(c, nil), manager.Result{}, c.Status)
	assert.Zero(t, s.ObservedGeneration)
	assert.False(t, meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReady))
	assert.True(t, meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionPaused))
}
