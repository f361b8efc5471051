// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/internal/schedule"
)

// limit of a wait, generous for a busy machine.
const limit = 3 * time.Minute

// start runs a scheduler for the time of a test.
func start(t *testing.T, o schedule.Options) *schedule.Scheduler {
	t.Helper()
	o.Plane, o.Program = env.plane, env.program
	s, err := schedule.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Log())
		}
		require.NoError(t, s.Stop())
	})
	return s
}

// namespace of a test's own, which goes with it.
func namespace(t *testing.T) string {
	t.Helper()
	ns, err := env.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, env.kube.CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{}))
	})
	return ns.Name
}

// cluster of a name and sizes. change may set anything else.
func cluster(ns, name string, pds, stores int32, change func(*v1alpha1.CellClusterSpec)) *v1alpha1.CellCluster {
	class := schedule.Class
	c := &v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	c.Spec.SchedulerName = schedule.Name
	c.Spec.PD = v1alpha1.PDSpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "pd"}, Replicas: pds, StorageClassName: &class}
	c.Spec.Store = v1alpha1.StoreSpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "store"}, Replicas: stores, StorageClassName: &class}
	c.Spec.Proxy = v1alpha1.ProxySpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "proxy"}}
	if change != nil {
		change(&c.Spec)
	}
	return c
}

// create makes a cluster and, in the operator's place, its StatefulSets.
func create(t *testing.T, c *v1alpha1.CellCluster) *v1alpha1.CellCluster {
	t.Helper()
	c, err := tryCreate(t.Context(), c)
	require.NoError(t, err)
	return c
}

func tryCreate(ctx context.Context, c *v1alpha1.CellCluster) (*v1alpha1.CellCluster, error) {
	c, err := env.cells.DeepfabricV1alpha1().CellClusters(c.Namespace).Create(ctx, c, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	full := c.DeepCopy()
	v1alpha1.SetDefaults(full)
	pds, err := desired.PDStatefulSet(full, full.Spec.PD.Replicas, "launcher")
	if err != nil {
		return nil, err
	}
	stores, err := desired.StoreStatefulSet(full, full.Spec.Store.Replicas, "launcher")
	if err != nil {
		return nil, err
	}
	for _, set := range []*appsv1.StatefulSet{pds, stores} {
		set.Spec.Template.Spec.TopologySpreadConstraints = nil
		set.OwnerReferences = nil
		if _, err := env.kube.AppsV1().StatefulSets(c.Namespace).Create(ctx, set, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// pool labels some nodes for a test, changes them, and undoes that at its end.
func pool(t *testing.T, name string, members map[string]map[string]any) {
	t.Helper()
	for node, labels := range members {
		before, err := env.kube.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
		require.NoError(t, err)
		t.Cleanup(func() {
			undo := map[string]any{"pool": nil}
			for key := range labels {
				undo[key] = nil
				if value, had := before.Labels[key]; had {
					undo[key] = value
				}
			}
			label(t, node, undo)
		})
		all := map[string]any{"pool": name}
		maps.Copy(all, labels)
		label(t, node, all)
	}
}

func label(t *testing.T, node string, labels map[string]any) {
	t.Helper()
	var parts []string
	for key, value := range labels {
		text := "null"
		if value != nil {
			text = fmt.Sprintf("%q", value)
		}
		parts = append(parts, fmt.Sprintf("%q:%s", key, text))
	}
	patch(t, node, fmt.Sprintf(`{"metadata":{"labels":{%s}}}`, strings.Join(parts, ",")))
}

func cordon(t *testing.T, node string, on bool) {
	t.Helper()
	patch(t, node, fmt.Sprintf(`{"spec":{"unschedulable":%t}}`, on))
}

func patch(t *testing.T, node, text string) {
	t.Helper()
	_, err := env.kube.CoreV1().Nodes().Patch(context.WithoutCancel(t.Context()), node, types.MergePatchType, []byte(text), metav1.PatchOptions{})
	require.NoError(t, err)
}

// in makes a cluster's pods ask for the nodes of a pool.
func in(name string, also ...func(*v1alpha1.CellClusterSpec)) func(*v1alpha1.CellClusterSpec) {
	return func(s *v1alpha1.CellClusterSpec) {
		for _, c := range []*v1alpha1.ComponentSpec{&s.PD.ComponentSpec, &s.Store.ComponentSpec} {
			c.NodeSelector = map[string]string{"pool": name}
		}
		for _, change := range also {
			change(s)
		}
	}
}

func pods(t *testing.T, c *v1alpha1.CellCluster, component naming.Component) []corev1.Pod {
	t.Helper()
	list, err := env.kube.CoreV1().Pods(c.Namespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: fmt.Sprintf("%s=%s,%s=%s", naming.LabelInstance, c.Name, naming.LabelComponent, component)})
	require.NoError(t, err)
	return list.Items
}

// placed waits until all members of a cluster have a node, and returns those, by component.
func placed(t *testing.T, c *v1alpha1.CellCluster) map[naming.Component][]string {
	t.Helper()
	var out map[naming.Component][]string
	eventually(t, "all members of "+c.Name+" have a node", func() error {
		out = map[naming.Component][]string{}
		for component, want := range map[naming.Component]int32{naming.PD: c.Spec.PD.Replicas, naming.Store: c.Spec.Store.Replicas} {
			for _, p := range pods(t, c, component) {
				if p.Spec.NodeName != "" {
					out[component] = append(out[component], p.Spec.NodeName)
				}
			}
			if n := int32(len(out[component])); n != want {
				return fmt.Errorf("%d of %d %s have", n, want, component)
			}
		}
		return nil
	})
	return out
}

// event waits for what kube-scheduler says of a pod.
func event(t *testing.T, ns, pod string, texts ...string) string {
	t.Helper()
	var seen string
	eventually(t, fmt.Sprintf("an event of %s holds %q", pod, texts), func() error {
		list, err := env.kube.EventsV1().Events(ns).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		var others []string
		for _, e := range list.Items {
			if e.Regarding.Name != pod || e.Reason != "FailedScheduling" {
				continue
			}
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(e.Note, text) }) {
				seen = e.Note
				return nil
			}
			others = append(others, e.Note)
		}
		return fmt.Errorf("there are %q", others)
	})
	return seen
}

// eventually waits until a condition gives no error.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = condition(); last == nil {
			return
		}
	}
	require.NoError(t, last, "%s: not within %v", what, limit)
}

// stays checks that something holds for a while.
func stays(t *testing.T, what string, condition func() bool) {
	t.Helper()
	assert.Never(t, func() bool { return !condition() }, 3*time.Second, 100*time.Millisecond, what)
}

func zoneOf(t *testing.T) map[string]string {
	t.Helper()
	list, err := env.kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	out := map[string]string{}
	for _, n := range list.Items {
		out[n.Name] = n.Labels[corev1.LabelTopologyZone]
	}
	return out
}

func count(names []string) map[string]int {
	out := map[string]int{}
	for _, n := range names {
		out[n]++
	}
	return out
}

func most(counts map[string]int) int {
	return slices.Max(slices.Collect(maps.Values(counts)))
}
