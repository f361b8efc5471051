// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// TestDemo is what a newcomer sees after the two helm commands.
func TestDemo(t *testing.T) {
	w, demo := needDemo(t)

	t.Run("everything runs and nothing was restarted", func(t *testing.T) {
		for component, want := range map[naming.Component]int{naming.PD: 3, naming.Store: 3, naming.Proxy: 2} {
			pods := demo.Pods(t, component)
			assert.Len(t, pods, want, component)
			for _, p := range pods {
				assert.Equal(t, corev1.PodRunning, p.Status.Phase, p.Name)
				assert.True(t, harness.PodReady(&p), p.Name)
			}
		}
		for pod, life := range demo.Lives(t, naming.Components()...) {
			assert.True(t, strings.HasSuffix(life, ", 0 restarts"), "pod %s: %s", pod, life)
		}
	})
	t.Run("kubectl shows it", func(t *testing.T) {
		all := w.Kubectl(t, "--namespace=cell", "get", "all")
		for _, text := range []string{"cellcluster.deepfabric.com/demo", "pod/demo-pd-0", "statefulset.apps/demo-store", "deployment.apps/demo-proxy", "service/demo-proxy"} {
			assert.Contains(t, all, text)
		}
		line := w.Kubectl(t, "--namespace=cell", "get", "cc", "demo", "--no-headers")
		assert.Equal(t, []string{"demo", "True", "3/3", "3/3", "2/2", "Normal"}, strings.Fields(line)[:6])
	})
	t.Run("the Service of the proxies serves", func(t *testing.T) {
		demo.Write(t, "greeting")
		demo.Read(t, "greeting")
	})
	t.Run("stores stand where their nodes do", func(t *testing.T) { checkLocations(t, w, demo) })
	t.Run("the operator complains of nothing", func(t *testing.T) {
		events, err := w.Kube.CoreV1().Events("cell").List(t.Context(), metav1.ListOptions{FieldSelector: "type=Warning"})
		require.NoError(t, err)
		for _, e := range events.Items {
			assert.NotEqual(t, naming.FieldManager, e.Source.Component, "%s: %s", e.Reason, e.Message)
		}
	})
}

// checkLocations compares what PD knows of each store with the labels of its node.
func checkLocations(t *testing.T, w *harness.World, c *harness.Cells) {
	nodeOf := map[string]string{}
	for _, p := range c.Pods(t, naming.Store) {
		nodeOf[p.Name] = p.Spec.NodeName
	}
	var stores []pdapi.Store
	harness.Eventually(t, "PD tells its stores", func() error {
		var err error
		if stores, err = c.PD(t).Stores(t.Context()); err == nil && len(stores) != len(nodeOf) {
			err = fmt.Errorf("it knows %d", len(stores))
		}
		return err
	})
	zones := map[string]bool{}
	for _, s := range stores {
		pod := naming.PodOfHost(s.Address)
		require.Contains(t, nodeOf, pod)
		node, err := w.Kube.CoreV1().Nodes().Get(t.Context(), nodeOf[pod], metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, node.Labels[corev1.LabelTopologyZone], s.Labels["zone"], pod)
		assert.Equal(t, node.Name, s.Labels["rack"], pod)
		zones[s.Labels["zone"]] = true
	}
	assert.Len(t, zones, 3, "one store in each zone")
}

// TestNeighbours has a second cluster in the namespace, and a third of the same
// name in another.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	w, demo := needDemo(t)
	before := demo.Objects(t)
	second := w.CellsNamed("cell", "cell-second", "second")
	w.OwnNamespace(t, "elsewhere", "baseline")
	third := w.CellsNamed("elsewhere", "cell", "demo")
	second.Install(t, "--set=pd.replicas=1,proxy.replicas=1")
	t.Cleanup(func() {
		w.Kubectl(t, "--namespace=cell", "delete", "pvc", "--selector="+naming.LabelInstance+"=second")
	})
	third.Install(t, "--set=pd.replicas=1,proxy.replicas=1")
	second.AwaitReady(t)
	third.AwaitReady(t)

	second.Write(t, "second")
	third.Write(t, "third")
	demo.Lacks(t, "second")
	demo.Lacks(t, "third")
	second.Lacks(t, "demo")
	second.Lacks(t, "third")
	third.Lacks(t, "demo")
	third.Lacks(t, "second")
	second.Read(t, "second")
	third.Read(t, "third")

	claims := second.Claims(t)
	second.Uninstall(t)
	assert.Equal(t, claims, second.Claims(t), "the volumes stay")
	assert.Equal(t, before, demo.Objects(t), "the neighbour's objects are the same as before")
	demo.Read(t, "demo")
	demo.AwaitReady(t)
	third.AwaitReady(t)
	third.Read(t, "third")
	assert.Equal(t, map[string]uint64{"demo-store-0": 0, "demo-store-1": 0, "demo-store-2": 0}, zeroed(third.Stores(t)), "each PD knows its own stores only")
	assert.Len(t, demo.Stores(t), 3)
}

func zeroed(m map[string]uint64) map[string]uint64 {
	for k := range m {
		m[k] = 0
	}
	return m
}
