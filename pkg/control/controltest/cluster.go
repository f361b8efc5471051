// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
)

const (
	// Namespace is where test clusters are.
	Namespace = "ns"
	// LauncherImage is the launcher's image in views.
	LauncherImage = "cell-operator:1"
)

// Now is the moment of all views.
func Now() time.Time { return time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC) }

// Cluster makes a cluster of 3 PDs, 3 stores and 2 proxies with all defaults
// filled in, and then modifies it.
func Cluster(name string, modify ...func(*v1alpha1.CellCluster)) *v1alpha1.CellCluster {
	c := &v1alpha1.CellCluster{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: v1alpha1.Kind},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: Namespace, Name: name, UID: types.UID("uid-of-" + name), Generation: 1, ResourceVersion: "1",
			CreationTimestamp: metav1.NewTime(Now().Add(-time.Hour)),
		},
	}
	c.Spec.PD.Replicas, c.Spec.PD.Image = 3, "pd:1"
	c.Spec.Store.Replicas, c.Spec.Store.Image = 3, "store:1"
	c.Spec.Proxy.Replicas, c.Spec.Proxy.Image = 2, "proxy:1"
	v1alpha1.SetDefaults(c)
	for _, m := range modify {
		m(c)
	}
	return c
}

// Bootstrapped makes a cluster whose status remembers the bootstrap and PD's cluster id.
func Bootstrapped(c *v1alpha1.CellCluster) {
	c.Status.Bootstrapped, c.Status.ClusterID = true, ClusterID
}

// Paused makes a paused cluster.
func Paused(c *v1alpha1.CellCluster) { c.Spec.Paused = true }

// Deleted makes a cluster that is being deleted.
func Deleted(c *v1alpha1.CellCluster) {
	now := metav1.NewTime(Now())
	c.DeletionTimestamp, c.Finalizers = &now, []string{metav1.FinalizerDeleteDependents}
}

// Node makes a node with labels, given as key, value, key, value, ….
func Node(name string, labels ...string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
	for i := 0; i+1 < len(labels); i += 2 {
		n.Labels[labels[i]] = labels[i+1]
	}
	return n
}

// Class makes a storage class.
func Class(name string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "test"}
}
