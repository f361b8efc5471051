// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// A cluster whose claims go with it is deleted and made again at once: what is left of the first
// says nothing about the second, which begins when it is gone.
func TestMadeAgainAtOnce(t *testing.T) {
	play(t, func(s *stage) {
		whole := func(c *v1alpha1.CellCluster) {
			c.Spec.PersistentVolumeClaimRetentionPolicy = &v1alpha1.ClaimRetentionPolicy{WhenDeleted: v1alpha1.DeleteClaims}
		}
		s.settled("demo", whole)
		require.NoError(t, s.OtherCells.DeepfabricV1alpha1().CellClusters(ct.Namespace).Delete(t.Context(), "demo", metav1.DeleteOptions{}))
		s.create("demo", whole, func(c *v1alpha1.CellCluster) { c.UID = "the-second" })
		s.writes()
		s.move(5 * time.Second)
		c := s.cluster("demo")
		assert.False(t, c.Status.Bootstrapped)
		assert.Empty(t, c.Status.ClusterID)
		assert.Contains(t, c.Status.Message, "waiting until StatefulSet demo-pd of the CellCluster that had this name before is gone")
		s.onlyStatus(5)

		s.collect()
		s.until(2*time.Minute, "the second is ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
		c = s.cluster("demo")
		assert.EqualValues(t, "the-second", c.UID)
		assert.True(t, c.Status.Bootstrapped)
	})
}

// collect is what the garbage collector does for a CellCluster that is gone. The pods here have no owner, so they go first.
func (s *stage) collect() {
	s.t.Helper()
	ctx, now := s.t.Context(), metav1.DeleteOptions{GracePeriodSeconds: new(int64)}
	core, apps, policy := s.OtherKube.CoreV1(), s.OtherKube.AppsV1(), s.OtherKube.PolicyV1()
	all := metav1.ListOptions{}
	require.NoError(s.t, apps.Deployments(ct.Namespace).Delete(ctx, naming.Member("demo", naming.Proxy), now))
	require.NoError(s.t, core.ConfigMaps(ct.Namespace).Delete(ctx, naming.StartConfigMap("demo"), now))
	services, err := core.Services(ct.Namespace).List(ctx, all)
	require.NoError(s.t, err)
	for i := range services.Items {
		require.NoError(s.t, core.Services(ct.Namespace).Delete(ctx, services.Items[i].Name, now))
	}
	budgets, err := policy.PodDisruptionBudgets(ct.Namespace).List(ctx, all)
	require.NoError(s.t, err)
	for i := range budgets.Items {
		require.NoError(s.t, policy.PodDisruptionBudgets(ct.Namespace).Delete(ctx, budgets.Items[i].Name, now))
	}
	pods, err := core.Pods(ct.Namespace).List(ctx, all)
	require.NoError(s.t, err)
	for i := range pods.Items {
		require.NoError(s.t, core.Pods(ct.Namespace).Delete(ctx, pods.Items[i].Name, now))
	}
	claims, err := core.PersistentVolumeClaims(ct.Namespace).List(ctx, all)
	require.NoError(s.t, err)
	for i := range claims.Items {
		require.NoError(s.t, core.PersistentVolumeClaims(ct.Namespace).Delete(ctx, claims.Items[i].Name, now))
	}
	for i := range int32(3) {
		s.pd().StopMember(naming.Pod("demo", naming.PD, i))
	}
	delete(s.kubernetes.elasticell, "demo")
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		require.NoError(s.t, apps.StatefulSets(ct.Namespace).Delete(ctx, naming.Member("demo", component), now))
	}
}
