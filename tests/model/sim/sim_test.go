// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// in plays in a world of some nodes with a StatefulSet of stores, whose programs
// wait for a PD that does not come.
func in(t *testing.T, nodes int, replicas int32, do func(w *World, step func(seconds int))) {
	synctest.Test(t, func(t *testing.T) {
		w := New(ct.NewAPI(), nodes)
		w.Breach = t.Errorf
		labels := naming.Labels(Cluster, naming.Store)
		w.API.Put(&appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "demo-store", Labels: labels},
			Spec: appsv1.StatefulSetSpec{
				Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "store", Image: "store:1"}}}},
				VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data", Labels: labels}}},
			},
		})
		do(w, func(seconds int) {
			for range seconds {
				w.Step()
				time.Sleep(Second)
				synctest.Wait()
			}
		})
	})
}

func claim(w *World, name string) *corev1.PersistentVolumeClaim {
	return ct.Read[corev1.PersistentVolumeClaim](w.API, Namespace, name)
}

// A pod ends in its own time, and comes back on the node that its volume is on.
func TestPodComesBackToItsVolume(t *testing.T) {
	in(t, 3, 2, func(w *World, step func(int)) {
		step(5)
		first := pod(w, "demo-store-1")
		require.Equal(t, corev1.PodRunning, first.Status.Phase)
		w.API.Delete(first, metav1.DeleteOptions{})
		step(1)
		assert.NotNil(t, pod(w, "demo-store-1").DeletionTimestamp, "it is not gone at once")
		step(6)
		second := pod(w, "demo-store-1")
		require.NotNil(t, second)
		assert.NotEqual(t, first.UID, second.UID)
		assert.Equal(t, first.Spec.NodeName, second.Spec.NodeName)
	})
}

// A claim stays while a pod uses it, no pod is made for one that is being deleted, and the next pod gets a new one.
func TestClaimIsProtected(t *testing.T) {
	in(t, 3, 1, func(w *World, step func(int)) {
		step(5)
		old := claim(w, "data-demo-store-0")
		w.API.Delete(old, metav1.DeleteOptions{})
		step(30)
		require.NotNil(t, claim(w, old.Name), "its pod uses it")
		assert.NotNil(t, claim(w, old.Name).DeletionTimestamp)
		w.API.Delete(pod(w, "demo-store-0"), metav1.DeleteOptions{})
		step(8)
		require.NotNil(t, pod(w, "demo-store-0"))
		assert.NotEqual(t, old.UID, claim(w, old.Name).UID)
		assert.Nil(t, ct.Read[corev1.PersistentVolume](w.API, "", old.Spec.VolumeName), "its reclaim policy is Delete")
	})
}

// A pod on a dead node never ends, until somebody says that the node is off; then
// it waits for the node that its volume is on.
func TestDeadNode(t *testing.T) {
	in(t, 3, 1, func(w *World, step func(int)) {
		step(5)
		first := pod(w, "demo-store-0")
		w.KillNode(first.Spec.NodeName)
		step(39)
		assert.Nil(t, pod(w, first.Name).DeletionTimestamp)
		step(310)
		assert.Equal(t, first.UID, pod(w, first.Name).UID)
		assert.NotNil(t, pod(w, first.Name).DeletionTimestamp)
		w.OutOfService(w.Dead())
		step(5)
		second := pod(w, first.Name)
		assert.NotEqual(t, first.UID, second.UID)
		assert.Empty(t, second.Spec.NodeName)
		w.ReviveNode(first.Spec.NodeName)
		step(5)
		assert.Equal(t, first.Spec.NodeName, pod(w, first.Name).Spec.NodeName)
	})
}

// A StatefulSet that is deleted alone leaves its pods, and another one adopts them; else they go with it.
func TestOrphans(t *testing.T) {
	in(t, 3, 2, func(w *World, step func(int)) {
		step(5)
		set := ct.Read[appsv1.StatefulSet](w.API, Namespace, "demo-store")
		first := pod(w, "demo-store-0")
		w.API.Delete(set, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationOrphan)})
		step(10)
		assert.Nil(t, ct.Read[appsv1.StatefulSet](w.API, Namespace, "demo-store"))
		assert.Equal(t, first.UID, pod(w, first.Name).UID)
		again := set.DeepCopy()
		again.UID, again.ResourceVersion, again.DeletionTimestamp = "", "", nil
		w.API.Put(again)
		step(2)
		assert.Equal(t, first.UID, pod(w, first.Name).UID)
		w.API.Delete(ct.Read[appsv1.StatefulSet](w.API, Namespace, "demo-store"), metav1.DeleteOptions{})
		step(10)
		assert.Nil(t, pod(w, first.Name))
	})
}
