// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// hashes are the restart hashes of a cluster's pods.
func hashes(t *testing.T, c *v1alpha1.CellCluster) map[naming.Component]string {
	t.Helper()
	out := map[naming.Component]string{}
	for component, template := range templates(t, c) {
		out[component] = RestartHash(template.Annotations)
		require.NotEmpty(t, out[component])
	}
	return out
}

// What restarts pods, and whose; everything that is not listed restarts nobody.
func TestWhatRestarts(t *testing.T) {
	storage := func(size string) *v1alpha1.ResourceRequirement {
		return &v1alpha1.ResourceRequirement{Storage: new(resource.MustParse(size))}
	}
	all := []naming.Component{naming.PD, naming.Store, naming.Proxy}
	pd, store, proxy := all[:1], all[1:2], all[2:]
	tests := map[string]struct {
		change   func(*v1alpha1.CellCluster)
		restarts []naming.Component
	}{
		"image of PD":         {func(c *v1alpha1.CellCluster) { c.Spec.PD.Image = "pd:2" }, pd},
		"image of the stores": {func(c *v1alpha1.CellCluster) { c.Spec.Store.Image = "store:2" }, store},
		"image of the proxy":  {func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Image = "proxy:2" }, proxy},
		"pull policy":         {func(c *v1alpha1.CellCluster) { c.Spec.Store.ImagePullPolicy = corev1.PullAlways }, store},
		"cpu": {func(c *v1alpha1.CellCluster) {
			c.Spec.Store.Requests = &v1alpha1.ResourceRequirement{CPU: new(resource.MustParse("1"))}
		}, store},
		"node selector": {func(c *v1alpha1.CellCluster) { c.Spec.PD.NodeSelector = map[string]string{"a": "b"} }, pd},
		"tolerations":   {func(c *v1alpha1.CellCluster) { c.Spec.PD.Tolerations = []corev1.Toleration{{Key: "x"}} }, pd},
		"environment":   {func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Env = []corev1.EnvVar{{Name: "X", Value: "y"}} }, proxy},
		"labels":        {func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Labels = map[string]string{"x": "y"} }, proxy},
		"annotations":   {func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Annotations = map[string]string{"x": "y"} }, proxy},
		"a flag":        {func(c *v1alpha1.CellCluster) { c.Spec.PD.Config.LogLevel = "debug" }, pd},
		"grace period":  {func(c *v1alpha1.CellCluster) { c.Spec.Store.TerminationGracePeriodSeconds = new(int64(99)) }, store},
		"time zone":     {func(c *v1alpha1.CellCluster) { c.Spec.Timezone = "Asia/Shanghai" }, all},
		"scheduler":     {func(c *v1alpha1.CellCluster) { c.Spec.SchedulerName = "cell-scheduler" }, all},

		"replicas": {func(c *v1alpha1.CellCluster) {
			c.Spec.PD.Replicas, c.Spec.Store.Replicas, c.Spec.Proxy.Replicas = 5, 9, 1
		}, nil},
		"storage": {func(c *v1alpha1.CellCluster) {
			c.Spec.PD.Requests, c.Spec.Store.Requests = storage("2Gi"), storage("3Gi")
		}, nil},
		"storage class": {func(c *v1alpha1.CellCluster) {
			c.Spec.PD.StorageClassName, c.Spec.Store.StorageClassName, c.Spec.Proxy.StorageClassName = new("a"), new("b"), new("c")
		}, nil},
		"services": {func(c *v1alpha1.CellCluster) {
			c.Spec.Services = []v1alpha1.Service{{Name: "proxy", Type: "NodePort"}}
			c.Spec.PD.Service = &v1alpha1.ServiceSpec{Type: "LoadBalancer"}
		}, nil},
		"failover": {func(c *v1alpha1.CellCluster) {
			c.Spec.PD.Failover.Enabled, c.Spec.Store.Failover.MaxFailoverCount = new(false), new(int32(9))
		}, nil},
		"what the operator itself goes by": {func(c *v1alpha1.CellCluster) {
			c.Spec.PVReclaimPolicy, c.Spec.EnablePVReclaim, c.Spec.Paused = corev1.PersistentVolumeReclaimDelete, true, true
			c.Spec.Store.EvictLeaderTimeout = duration(1)
			c.Spec.Store.LocationLabels.Zone = "other"
		}, nil},
		"autoscaling":   {func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 9} }, nil},
		"metadata":      {func(c *v1alpha1.CellCluster) { c.UID, c.Labels, c.Generation = "other", map[string]string{"a": "b"}, 7 }, nil},
		"status":        {func(c *v1alpha1.CellCluster) { c.Status.Bootstrapped, c.Status.ClusterID = true, "x" }, nil},
		"initial cells": {func(c *v1alpha1.CellCluster) { c.Spec.Store.InitialCells.Count = 64 }, nil},
	}
	before := hashes(t, small(t))
	assert.Len(t, map[string]bool{before[naming.PD]: true, before[naming.Store]: true, before[naming.Proxy]: true}, 3)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := small(t)
			test.change(c)
			after := hashes(t, c)
			var restarts []naming.Component
			for _, component := range all {
				if after[component] != before[component] {
					restarts = append(restarts, component)
				}
			}
			assert.ElementsMatch(t, test.restarts, restarts)
		})
	}
}

// A new launcher alone restarts nobody, and comes along with the next restart.
func TestKeepLauncher(t *testing.T) {
	set := func(image, launcher string) *corev1.PodTemplateSpec {
		c := small(t)
		c.Spec.Store.Image = image
		made, err := StoreStatefulSet(c, 3, launcher)
		require.NoError(t, err)
		return &made.Spec.Template
	}
	without := set("store:1", "old")
	without.Spec.InitContainers = nil
	unhashed := set("store:1", "old")
	delete(unhashed.Annotations, naming.AnnotationRestartHash)
	tests := map[string]struct {
		live *corev1.PodTemplateSpec
		want string
	}{
		"only the launcher is new":          {set("store:1", "old"), "old"},
		"nothing is new":                    {set("store:1", "new"), "new"},
		"the pods are restarted anyway":     {set("store:0", "old"), "new"},
		"somebody took the launcher out":    {without, "new"},
		"somebody took the hash away":       {unhashed, "new"},
		"a live set that is not ours":       {&corev1.PodTemplateSpec{}, "new"},
		"a template that Kubernetes filled": {filled(set("store:1", "old")), "old"},
	}
	assert.Equal(t, RestartHash(set("store:1", "old").Annotations), RestartHash(set("store:1", "new").Annotations), "the launcher's image is no part of the hash")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := set("store:1", "new")
			before := test.live.DeepCopy()
			KeepLauncher(want, test.live)
			assert.Equal(t, test.want, LauncherImage(want))
			assert.Equal(t, before, test.live, "the live template belongs to a cache")
		})
	}
}

// A launcher that names other resources restarts nobody either, as those of v0.1.0, which named none.
func TestKeepLaunchersResources(t *testing.T) {
	want := templates(t, readCluster(t, filepath.Join("testdata", "golden", "full", "cluster.yaml")))[naming.Store]
	assert.Equal(t, want.Spec.Containers[0].Resources, launcher(want).Resources, "a quota asks for them in every container")
	assert.NotEmpty(t, launcher(want).Resources.Limits)
	live := want.DeepCopy()
	launcher(live).Resources = corev1.ResourceRequirements{}
	KeepLauncher(want, live)
	assert.Equal(t, live, want)
}

// filled has some of what the API server fills in.
func filled(t *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	t.Spec.RestartPolicy, t.Spec.DNSPolicy = corev1.RestartPolicyAlways, corev1.DNSClusterFirst
	t.Spec.Containers[0].TerminationMessagePath = "/dev/termination-log"
	t.ObjectMeta.CreationTimestamp = metav1.Time{}
	return t
}

func TestHash(t *testing.T) {
	assert.Equal(t, Hash(map[string]any{"a": 1, "b": []int{2}}), Hash(map[string]any{"b": []int{2}, "a": 1}))
	assert.NotEqual(t, Hash("1"), Hash(1))
	assert.Len(t, Hash(nil), 20)
	assert.Panics(t, func() { Hash(func() {}) })
}
