// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func TestSpecChanged(t *testing.T) {
	owner := metav1.OwnerReference{UID: "a", Controller: new(true)}
	base := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			UID: "1", Generation: 3, ResourceVersion: "5",
			Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"}, OwnerReferences: []metav1.OwnerReference{owner},
		}}
		change(p)
		return p
	}
	tests := map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"nothing":                 {func(*corev1.Pod) {}, false},
		"the status alone":        {func(p *corev1.Pod) { p.ResourceVersion = "6"; p.Status.Phase = "Running" }, false},
		"managed fields":          {func(p *corev1.Pod) { p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x"}} }, false},
		"the spec":                {func(p *corev1.Pod) { p.Generation = 4 }, true},
		"another object":          {func(p *corev1.Pod) { p.UID = "2" }, true},
		"it is being deleted":     {func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, true},
		"a label":                 {func(p *corev1.Pod) { p.Labels["a"] = "x" }, true},
		"an annotation":           {func(p *corev1.Pod) { delete(p.Annotations, "c") }, true},
		"its owner is gone":       {func(p *corev1.Pod) { p.OwnerReferences = nil }, true},
		"its owner is none to it": {func(p *corev1.Pod) { p.OwnerReferences[0].Controller = nil }, true},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, specChanged(base(func(*corev1.Pod) {}), base(test.change)), name)
	}
}

func TestNodeChanged(t *testing.T) {
	tests := map[string]struct {
		change func(*corev1.Node)
		want   bool
	}{
		"a heartbeat": {func(n *corev1.Node) {
			n.Status.Conditions = []corev1.NodeCondition{{Type: "Ready", Status: "True", LastHeartbeatTime: metav1.NewTime(ct.Now())}}
		}, false},
		"it does not answer": {func(n *corev1.Node) { n.Status.Conditions = []corev1.NodeCondition{{Type: "Ready", Status: "Unknown"}} }, true},
		"a taint":            {func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: "x"}} }, true},
		"an annotation":      {func(n *corev1.Node) { n.Annotations = map[string]string{"x": "y"} }, false},
		"a label":            {func(n *corev1.Node) { n.Labels["zone"] = "b" }, true},
		"cordoned":           {func(n *corev1.Node) { n.Spec.Unschedulable = true }, true},
	}
	for name, test := range tests {
		before, changed := ct.Node("n", "zone", "a"), ct.Node("n", "zone", "a")
		before.Status.Conditions = []corev1.NodeCondition{{Type: "Ready", Status: "True"}}
		changed.Status.Conditions = before.Status.Conditions
		test.change(changed)
		assert.Equal(t, test.want, nodeChanged(before, changed), name)
	}
	assert.False(t, nodeChanged(&corev1.Pod{}, ct.Node("n")))
}

// queued are the clusters that a handler put into the queue.
func queued(t *testing.T, do func(c *Controller)) []string {
	t.Helper()
	var out []string
	synctest.Test(t, func(t *testing.T) {
		c := bare(t)
		for _, cluster := range []string{"demo", "other"} {
			x := ct.Cluster(cluster)
			must(t, c.sources.scope("").cells.Deepfabric().V1alpha1().CellClusters().Informer().GetStore().Add(x))
			must(t, c.sources.scope("").kube.Core().V1().Pods().Informer().GetStore().Add(ct.Pod(x, naming.Store, 0, ct.On("node-of-"+cluster))))
			must(t, c.sources.scope("").kube.Core().V1().Pods().Informer().GetStore().Add(ct.Pod(x, naming.Store, 1, ct.On("shared"))))
			must(t, c.sources.scope("").kube.Core().V1().PersistentVolumeClaims().Informer().GetStore().Add(ct.Claim(x, naming.Store, 0)))
		}
		do(c)
		time.Sleep(settle)
		synctest.Wait()
		for c.queue.Len() > 0 {
			k, _ := c.queue.Get()
			c.queue.Done(k)
			out = append(out, k.String())
		}
	})
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	require.NoError(t, err)
}

func TestEnqueue(t *testing.T) {
	pod := ct.Pod(ct.Cluster("demo"), naming.PD, 0)
	boundTo := func(namespace, claim string) *corev1.PersistentVolume {
		return &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: namespace, Name: claim}}}
	}
	tests := map[string]struct {
		do   func(c *Controller)
		want []string
	}{
		"a cluster":              {func(c *Controller) { c.enqueueCluster(ct.Cluster("demo")) }, []string{"ns/demo"}},
		"an object of a cluster": {func(c *Controller) { c.enqueueOwner(pod) }, []string{"ns/demo"}},
		"many events are one": {func(c *Controller) {
			for range 10 {
				c.enqueueOwner(pod)
			}
		}, []string{"ns/demo"}},
		"an object of nobody": {func(c *Controller) { c.enqueueOwner(&corev1.Pod{}) }, nil},
		"a tombstone": {func(c *Controller) {
			withObject(cache.DeletedFinalStateUnknown{Key: "ns/demo-pd-0", Obj: pod}, c.enqueueOwner)
		}, []string{"ns/demo"}},
		"a tombstone of nothing":          {func(c *Controller) { withObject(cache.DeletedFinalStateUnknown{Key: "x"}, c.enqueueOwner) }, nil},
		"something that is no object":     {func(c *Controller) { withObject("x", c.enqueueOwner) }, nil},
		"a node":                          {func(c *Controller) { c.enqueueNode(ct.Node("node-of-demo")) }, []string{"ns/demo"}},
		"a node of two":                   {func(c *Controller) { c.enqueueNode(ct.Node("shared")) }, []string{"ns/demo", "ns/other"}},
		"a node of none":                  {func(c *Controller) { c.enqueueNode(ct.Node("x")) }, nil},
		"a volume":                        {func(c *Controller) { c.enqueueVolume(boundTo("ns", "data-demo-store-0")) }, []string{"ns/demo"}},
		"a volume of another's claim":     {func(c *Controller) { c.enqueueVolume(boundTo("ns", "theirs")) }, nil},
		"a volume that is not bound":      {func(c *Controller) { c.enqueueVolume(&corev1.PersistentVolume{}) }, nil},
		"a volume of a namespace unknown": {func(c *Controller) { c.enqueueVolume(boundTo("elsewhere", "data-demo-store-0")) }, nil},
		"all":                             {func(c *Controller) { c.enqueueAll(nil) }, []string{"ns/demo", "ns/other"}},
		"news of PD":                      {func(c *Controller) { c.notify("ns/demo") }, []string{"ns/demo"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.ElementsMatch(t, test.want, queued(t, test.do)) })
	}
}

// A sync finds each kind of object that a control may have written.
func TestLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bare(t)
		k := types.NamespacedName{Namespace: "ns", Name: "demo"}
		kube := c.sources.scope("").kube
		meta := metav1.ObjectMeta{Namespace: "ns", Name: "x"}
		cluster := ct.Cluster("demo")
		must(t, c.sources.scope("").cells.Deepfabric().V1alpha1().CellClusters().Informer().GetStore().Add(cluster))
		must(t, kube.Core().V1().Services().Informer().GetStore().Add(&corev1.Service{ObjectMeta: meta}))
		must(t, kube.Core().V1().ConfigMaps().Informer().GetStore().Add(&corev1.ConfigMap{ObjectMeta: meta}))
		must(t, kube.Core().V1().Pods().Informer().GetStore().Add(&corev1.Pod{ObjectMeta: meta}))
		must(t, kube.Core().V1().PersistentVolumeClaims().Informer().GetStore().Add(&corev1.PersistentVolumeClaim{ObjectMeta: meta}))
		find := c.sources.lookup(k)
		assert.Equal(t, cluster, find(refOf("CellCluster", "demo")))
		for _, kind := range []string{"Service", "ConfigMap", "Pod", "PersistentVolumeClaim"} {
			assert.NotNil(t, find(refOf(kind, "x")), kind)
		}
		for _, kind := range []string{"Service", "ConfigMap", "Pod", "PersistentVolumeClaim", "StatefulSet", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Unknown"} {
			// A nil pointer inside of an interface would pass for an object.
			assert.True(t, find(refOf(kind, "absent")) == nil, kind)
		}
	})
}

func refOf(kind, name string) control.Ref { return control.Ref{Kind: kind, Name: name} }
