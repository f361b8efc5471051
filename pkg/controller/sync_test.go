// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// From creation to Ready: what exists, and what it cost.
func TestCreation(t *testing.T) {
	play(t, func(s *stage) {
		s.create("demo")
		s.until(time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
		requests := s.Requests()
		assert.LessOrEqual(t, len(requests), 35, "%q", requests)
		for _, r := range requests {
			assert.NotRegexp(t, "^get ", r, "nothing is read but by the informers")
		}
		status := s.cluster("demo").Status
		assert.True(t, status.Bootstrapped)
		assert.Equal(t, "c1", status.ClusterID)
		assert.EqualValues(t, "Normal", status.Phase)
		assert.Empty(t, status.Message)
		assert.Equal(t, []string{"3/3", "3/3", "2/2"}, []string{status.PD.Summary, status.Store.Summary, status.Proxy.Summary})
		assert.Len(t, status.PD.Members, 3)
		assert.Len(t, status.Store.Stores, 3)
		assert.True(t, s.is("demo", v1alpha1.ConditionAvailable))

		// By then PDs without a disk join what exists, and form nothing new.
		s.run(10 * time.Second)
		start, err := s.OtherKube.CoreV1().ConfigMaps(ct.Namespace).Get(t.Context(), "demo-start", metav1.GetOptions{})
		require.NoError(t, err)
		join, err := launch.DecodeJoin([]byte(start.Data[launch.JoinKey]))
		require.NoError(t, err)
		assert.Equal(t, launch.JoinExisting, join.State)
		assert.Len(t, join.Members, 3)
	})
}

// The order of a creation: stores one by one behind PD, proxies behind stores.
func TestCreationOrder(t *testing.T) {
	play(t, func(s *stage) {
		s.create("demo")
		most := map[string]int{}
		seen := func() (pds, stores, proxies int) {
			for _, p := range s.kubernetes.pods(nil, nil) {
				switch p.Labels["app.kubernetes.io/component"] {
				case "pd":
					pds++
				case "store":
					stores++
				case "proxy":
					proxies++
				}
			}
			return
		}
		s.until(time.Minute, "demo is Ready", func() bool {
			pds, stores, proxies := seen()
			e := s.kubernetes.elasticell["demo"]
			if stores > 0 {
				assert.NotNil(t, e.pd, "no store before PD has a leader")
			}
			if stores > 1 {
				assert.True(t, s.cluster("demo").Status.Bootstrapped, "one store alone until its bootstrap is recorded")
			}
			if proxies > 0 {
				assert.GreaterOrEqual(t, len(e.stores), 3, "no proxy before all cells can have their replicas")
			}
			most["pd"] = max(most["pd"], pds)
			return s.is("demo", v1alpha1.ConditionReady)
		})
		assert.Equal(t, 3, most["pd"], "all PDs start at once")
	})
}

// At rest a cluster costs nothing: no request, be it by time passing or by a hundred syncs.
func TestSettledClusterCostsNothing(t *testing.T) {
	play(t, func(s *stage) {
		s.settled("demo")
		events := len(s.events.All())
		pd := s.kubernetes.elasticell["demo"].pd
		pd.ResetCalls()
		s.rest(2 * time.Minute)
		assert.Empty(t, s.AllRequests())
		assert.Len(t, s.events.All(), events)
		assert.LessOrEqual(t, pd.CallCount(), 2*8, "calls of PD in two minutes")

		pd.ResetCalls()
		for range 100 {
			again, err := s.controller.sync(t.Context(), types.NamespacedName{Namespace: ct.Namespace, Name: "demo"})
			require.NoError(t, err)
			assert.Zero(t, again)
		}
		assert.Empty(t, s.AllRequests())
		assert.Zero(t, pd.CallCount(), "no sync asks PD")
	})
}

// A restart of the operator reads, and writes nothing.
func TestRestartOfTheOperator(t *testing.T) {
	play(t, func(s *stage) {
		s.settled("demo")
		s.stop()
		s.start()
		s.rest(time.Minute)
		assert.Empty(t, s.writes())
		assert.True(t, s.is("demo", v1alpha1.ConditionReady))
	})
}

// Stopped at any moment of a creation and started again, it ends in the same state.
func TestRestartsDuringCreation(t *testing.T) {
	play(t, func(s *stage) {
		s.create("demo")
		for range 15 {
			s.run(700 * time.Millisecond)
			s.stop()
			s.start()
		}
		s.until(time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
		assert.Len(t, s.kubernetes.elasticell["demo"].stores, 3)
	})
}

func TestTwoClustersInOneNamespace(t *testing.T) {
	play(t, func(s *stage) {
		s.settled("demo")
		s.settled("demo2")
		s.edit("demo2", func(c *v1alpha1.CellClusterSpec) { c.Timezone = "Asia/Shanghai" })
		s.run(20 * time.Second)
		for _, w := range s.writes() {
			assert.Contains(t, w, "demo2", "nothing of the other cluster is touched")
		}
		assert.True(t, s.is("demo", v1alpha1.ConditionReady))
	})
}

func TestPaused(t *testing.T) {
	play(t, func(s *stage) {
		s.settled("demo")
		s.edit("demo", func(c *v1alpha1.CellClusterSpec) { c.Paused = true; c.Proxy.Replicas = 5 })
		require.NoError(t, s.OtherKube.CoreV1().Services(ct.Namespace).Delete(t.Context(), "demo-proxy", metav1.DeleteOptions{}))
		s.run(10 * time.Second)
		for _, w := range s.writes() {
			assert.Equal(t, "update cellclusters/status demo", w, "nothing but the status")
		}
		assert.True(t, s.is("demo", v1alpha1.ConditionPaused))
		assert.EqualValues(t, "Paused", s.cluster("demo").Status.Phase)
		assert.False(t, meta.IsStatusConditionTrue(s.cluster("demo").Status.Conditions, v1alpha1.ConditionDegraded))
		s.pd().SetModes(pdtest.Panicking)
		s.until(5*time.Minute, "demo is Degraded although it is paused", func() bool {
			return meta.IsStatusConditionTrue(s.cluster("demo").Status.Conditions, v1alpha1.ConditionDegraded)
		})
		s.pd().SetModes(pdtest.Well)

		s.edit("demo", func(c *v1alpha1.CellClusterSpec) { c.Paused = false })
		s.until(time.Minute, "five proxies", func() bool { return s.cluster("demo").Status.Proxy.Summary == "5/5" })
		s.until(time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
		_, err := s.OtherKube.CoreV1().Services(ct.Namespace).Get(t.Context(), "demo-proxy", metav1.GetOptions{})
		assert.NoError(t, err)
	})
}

// A cluster that is being deleted is left to the garbage collector.
func TestDeletion(t *testing.T) {
	play(t, func(s *stage) {
		s.settled("demo", func(c *v1alpha1.CellCluster) { c.Finalizers = []string{metav1.FinalizerDeleteDependents} })
		cells := s.OtherCells.DeepfabricV1alpha1().CellClusters(ct.Namespace)
		require.NoError(t, cells.Delete(t.Context(), "demo", metav1.DeleteOptions{}))
		require.NoError(t, s.OtherKube.CoreV1().Services(ct.Namespace).Delete(t.Context(), "demo-proxy", metav1.DeleteOptions{}))
		pd := s.kubernetes.elasticell["demo"].pd
		s.run(5 * time.Second)
		for _, w := range s.writes() {
			assert.Equal(t, "update cellclusters/status demo", w, "nothing is created again")
		}
		assert.EqualValues(t, "Deleting", s.cluster("demo").Status.Phase)

		c := s.cluster("demo")
		c.Finalizers = nil
		_, _ = cells.Update(t.Context(), c, metav1.UpdateOptions{})
		pd.ResetCalls()
		s.rest(2 * time.Minute)
		assert.Empty(t, s.writes())
		assert.Zero(t, pd.CallCount(), "nobody asks its PD any more")
	})
}

// Whatever somebody deletes by hand comes back, and nothing else is written.
func TestDeletedByHand(t *testing.T) {
	play(t, func(s *stage) {
		s.settled("demo")
		ctx, kube := t.Context(), s.OtherKube
		tests := map[string]func() error{
			"patch services demo-pd": func() error {
				return kube.CoreV1().Services(ct.Namespace).Delete(ctx, "demo-pd", metav1.DeleteOptions{})
			},
			"patch configmaps demo-start": func() error {
				return kube.CoreV1().ConfigMaps(ct.Namespace).Delete(ctx, "demo-start", metav1.DeleteOptions{})
			},
			"patch poddisruptionbudgets demo-store": func() error {
				return kube.PolicyV1().PodDisruptionBudgets(ct.Namespace).Delete(ctx, "demo-store", metav1.DeleteOptions{})
			},
			"patch statefulsets demo-store": func() error {
				return kube.AppsV1().StatefulSets(ct.Namespace).Delete(ctx, "demo-store", metav1.DeleteOptions{})
			},
			"patch deployments demo-proxy": func() error {
				return kube.AppsV1().Deployments(ct.Namespace).Delete(ctx, "demo-proxy", metav1.DeleteOptions{})
			},
		}
		for want, do := range tests {
			require.NoError(t, do())
			s.run(time.Second)
			var writes []string
			for _, w := range s.writes() {
				if w != "update cellclusters/status demo" {
					writes = append(writes, w)
				}
			}
			assert.Equal(t, []string{want}, writes)
		}
	})
}
