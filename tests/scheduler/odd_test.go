// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/internal/schedule"
)

// Nodes 1 to 3, 4 to 6 and so on are in three zones each.
const (
	hostname = corev1.LabelHostname
	zone     = corev1.LabelTopologyZone
)

// noZone takes a node's zone away.
var noZone = map[string]any{zone: nil}

// TestSameInstant creates three stores at once for three nodes, again and again: two of
// them would often meet if each were judged by what is bound already.
func TestSameInstant(t *testing.T) {
	start(t, schedule.Options{})
	pool(t, "instant", map[string]map[string]any{"kwok-1": noZone, "kwok-2": noZone, "kwok-3": noZone})
	ns := namespace(t)
	for i := range 20 {
		c := create(t, cluster(ns, fmt.Sprintf("c%d", i), 3, 3, in("instant")))
		for component, on := range placed(t, c) {
			require.Len(t, count(on), 3, "%s of %s: %v", component, c.Name, on)
		}
	}
}

// TestFullZone: while the third zone has no room pods wait, and their event says for what.
func TestFullZone(t *testing.T) {
	start(t, schedule.Options{})
	pool(t, "full", map[string]map[string]any{"kwok-4": nil, "kwok-5": nil, "kwok-6": nil, "kwok-7": nil, "kwok-8": nil})
	cordon(t, "kwok-6", true)
	t.Cleanup(func() { cordon(t, "kwok-6", false) })
	c := create(t, cluster(namespace(t), "full", 3, 3, in("full")))
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		var waiting []string
		eventually(t, "two of three have a node", func() error {
			waiting = nil
			all := pods(t, c, component)
			for _, p := range all {
				if p.Spec.NodeName == "" {
					waiting = append(waiting, p.Name)
				}
			}
			if len(all) != 3 || len(waiting) != 1 {
				return fmt.Errorf("of %d without are %v", len(all), waiting)
			}
			return nil
		})
		note := event(t, c.Namespace, waiting[0], "zone=zone-1 holds 1 of the 3", "make room on a node with topology.kubernetes.io/zone=zone-3")
		assert.Less(t, len(note), 1024, "events are cut there")
		t.Log(note)
	}
	cordon(t, "kwok-6", false)
	assert.Contains(t, placed(t, c)[naming.Store], "kwok-6")
}

// TestLittleToSpreadOver: one node, one zone, no zone, a key that no node has.
func TestLittleToSpreadOver(t *testing.T) {
	start(t, schedule.Options{})
	pool(t, "one", map[string]map[string]any{"kwok-10": nil})
	pool(t, "same", map[string]map[string]any{"kwok-11": {zone: "here"}, "kwok-12": {zone: "here"}, "kwok-13": {zone: "here"}})
	pool(t, "none", map[string]map[string]any{"kwok-14": noZone, "kwok-15": noZone})
	ns := namespace(t)
	one := create(t, cluster(ns, "one", 3, 3, in("one")))
	same := create(t, cluster(ns, "same", 3, 3, in("same")))
	none := create(t, cluster(ns, "none", 3, 3, in("none")))
	key := create(t, cluster(ns, "key", 3, 3, func(s *v1alpha1.CellClusterSpec) {
		s.PD.TopologyKeys, s.Store.TopologyKeys = []string{"example.com/no-such"}, []string{"example.com/no-such", hostname}
	}))
	assert.Len(t, count(placed(t, one)[naming.Store]), 1)
	for component, on := range placed(t, same) {
		assert.Len(t, count(on), 3, "%s by node", component)
	}
	for component, on := range placed(t, none) {
		assert.Equal(t, 2, most(count(on)), "%s: two and one, not three on a node", component)
	}
	assert.Len(t, count(placed(t, key)[naming.Store]), 3, "by the other key")
}

// TestReturnsToItsVolume: a pod comes back where its data is, though its node lost its zone meanwhile.
func TestReturnsToItsVolume(t *testing.T) {
	start(t, schedule.Options{})
	pool(t, "back", map[string]map[string]any{"kwok-16": nil, "kwok-17": nil, "kwok-18": nil})
	c := create(t, cluster(namespace(t), "back", 3, 3, in("back")))
	before := map[string]string{}
	placed(t, c)
	for _, p := range pods(t, c, naming.Store) {
		before[p.Name] = p.Spec.NodeName
	}
	label(t, "kwok-17", map[string]any{zone: "zone-1"})
	t.Cleanup(func() { label(t, "kwok-17", map[string]any{zone: "zone-2"}) })
	for name := range before {
		require.NoError(t, env.kube.CoreV1().Pods(c.Namespace).Delete(t.Context(), name, metav1.DeleteOptions{}))
	}
	eventually(t, "all are back", func() error {
		now := pods(t, c, naming.Store)
		if len(now) != 3 {
			return fmt.Errorf("there are %d", len(now))
		}
		for _, p := range now {
			if p.DeletionTimestamp != nil || p.Spec.NodeName != before[p.Name] {
				return fmt.Errorf("%s is on %q and was on %q", p.Name, p.Spec.NodeName, before[p.Name])
			}
		}
		return nil
	})
}

// TestExtenderDown: without the extender pods wait and say so, until it is back; or they are placed if it may be ignored.
func TestExtenderDown(t *testing.T) {
	ns := namespace(t)
	t.Run("they wait", func(t *testing.T) {
		s := start(t, schedule.Options{})
		s.StopExtender()
		c := create(t, cluster(ns, "waits", 3, 3, nil))
		note := event(t, ns, "waits-store-0", s.URL+"/filter", "cell-scheduler-extender", "connection refused")
		t.Log(note)
		require.NoError(t, s.StartExtender(t.Context()))
		checkRules(t, c, placed(t, c), zoneOf(t))
	})
	t.Run("they do not", func(t *testing.T) {
		s := start(t, schedule.Options{Ignorable: true})
		s.StopExtender()
		placed(t, create(t, cluster(ns, "ignores", 3, 3, nil)))
	})
}

// TestDeletedWhilePending: pods of a cluster that is gone get no node, say why, and hold nobody up.
func TestDeletedWhilePending(t *testing.T) {
	s := start(t, schedule.Options{})
	s.StopKubeScheduler()
	ns := namespace(t)
	gone := create(t, cluster(ns, "gone", 3, 3, nil))
	eventually(t, "its pods are there", func() error {
		if n := len(pods(t, gone, naming.Store)); n != 3 {
			return fmt.Errorf("there are %d", n)
		}
		return nil
	})
	require.NoError(t, env.cells.DeepfabricV1alpha1().CellClusters(ns).Delete(t.Context(), "gone", metav1.DeleteOptions{}))
	require.NoError(t, s.StartKubeScheduler(t.Context()))
	event(t, ns, "gone-store-0", "there is no CellCluster "+ns+"/gone")
	stays(t, "its pods have no node", func() bool {
		for _, p := range pods(t, gone, naming.Store) {
			if p.Spec.NodeName != "" {
				return false
			}
		}
		return true
	})
	placed(t, create(t, cluster(ns, "next", 3, 3, nil)))
}

// TestOthersPass: a pod that is none of ours may use the scheduler, too.
func TestOthersPass(t *testing.T) {
	start(t, schedule.Options{})
	ns := namespace(t)
	filler(t, ns, "other", "kwok-19", "1", "")
	eventually(t, "it has a node", func() error {
		p, err := env.kube.CoreV1().Pods(ns).Get(t.Context(), "other", metav1.GetOptions{})
		if err == nil && p.Spec.NodeName != "kwok-19" {
			err = fmt.Errorf("it is on %q", p.Spec.NodeName)
		}
		return err
	})
}

// filler takes CPUs of a node.
func filler(t *testing.T, ns, name, node, cpus, class string) {
	t.Helper()
	_, err := env.kube.CoreV1().Pods(ns).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			SchedulerName: schedule.Name, NodeSelector: map[string]string{hostname: node}, PriorityClassName: class,
			Containers: []corev1.Container{{Name: "x", Image: "x", Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpus)}}}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// TestPreemption: a store that may evict others does so where it could stand afterwards, and nowhere else.
func TestPreemption(t *testing.T) {
	start(t, schedule.Options{})
	_, err := env.kube.SchedulingV1().PriorityClasses().Create(t.Context(), &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "stores"}, Value: 1000}, metav1.CreateOptions{})
	require.NoError(t, err)
	// Two nodes of a zone, and one of another.
	pool(t, "evict", map[string]map[string]any{"kwok-22": nil, "kwok-25": nil, "kwok-23": nil})
	ns := namespace(t)
	for _, node := range []string{"kwok-25", "kwok-23"} {
		filler(t, ns, "on-"+node, node, "30", "")
	}
	running := func(name string) bool {
		p, err := env.kube.CoreV1().Pods(ns).Get(t.Context(), name, metav1.GetOptions{})
		return err == nil && p.Spec.NodeName != "" && p.DeletionTimestamp == nil
	}
	eventually(t, "the fillers run", func() error {
		if !running("on-kwok-25") || !running("on-kwok-23") {
			return fmt.Errorf("they do not")
		}
		return nil
	})
	c := cluster(ns, "evict", 1, 2, in("evict", func(s *v1alpha1.CellClusterSpec) {
		s.PD.Config = &v1alpha1.PDConfig{MaxReplicas: new(int32(2))}
		s.PD.NodeSelector = map[string]string{hostname: "kwok-26"}
		s.Store.Requests = &v1alpha1.ResourceRequirement{CPU: new(resource.MustParse("4"))}
		s.Store.PriorityClassName = "stores"
	}))
	on := placed(t, create(t, c))[naming.Store]
	assert.ElementsMatch(t, []string{"kwok-22", "kwok-23"}, on)
	assert.True(t, running("on-kwok-25"), "it was in nobody's way")
	assert.False(t, running("on-kwok-23"))
}
