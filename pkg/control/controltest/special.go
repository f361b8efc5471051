// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"context"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
)

var (
	_ control.ReplicasKeeper = fakeReplicas{}
	_ control.SetDeleter     = fakeOrphans{}
	_ control.ClaimWriter    = (*FakeClaims)(nil)
	_ control.VolumeWriter   = (*FakeVolumes)(nil)
	_ control.StatusWriter   = (*FakeClusters)(nil)
	_ control.Live           = fakeLive{}
)

// fakeReplicas notes of which Deployments the replicas are kept; its calls are those of Fakes.Deployments.
type fakeReplicas struct{ *Fake[*appsv1.Deployment] }

// KeepReplicas implements control.ReplicasKeeper.
func (f fakeReplicas) KeepReplicas(_ context.Context, seen *appsv1.Deployment, _ int32) error {
	if err := f.called(KeepReplicas); err != nil {
		return err
	}
	f.wrote(KeepReplicas, seen.Name)
	return nil
}

// fakeOrphans deletes StatefulSets without their pods; its calls are those of Fakes.StatefulSets.
type fakeOrphans struct{ *Fake[*appsv1.StatefulSet] }

// DeleteAlone implements control.SetDeleter.
func (f fakeOrphans) DeleteAlone(_ context.Context, seen *appsv1.StatefulSet) error {
	if err := f.called(DeleteAlone); err != nil {
		return err
	}
	live, err := f.seen(seen)
	if err != nil {
		return err
	}
	f.Remove(live)
	f.wrote(DeleteAlone, seen.Name)
	return nil
}

// FakeClaims is the fake control of volume claims.
type FakeClaims struct {
	*Fake[*corev1.PersistentVolumeClaim]
}

// Resize implements control.ClaimWriter.
func (f *FakeClaims) Resize(_ context.Context, seen *corev1.PersistentVolumeClaim, size resource.Quantity) error {
	if err := f.called(Resize); err != nil {
		return err
	}
	live, err := f.seen(seen)
	if err != nil {
		return err
	}
	next := live.DeepCopy()
	if next.Spec.Resources.Requests == nil {
		next.Spec.Resources.Requests = corev1.ResourceList{}
	}
	next.Spec.Resources.Requests[corev1.ResourceStorage] = size
	f.Add(next)
	f.wrote(Resize, seen.Name)
	return nil
}

// FakeVolumes is the fake control of volumes.
type FakeVolumes struct {
	*Fake[*corev1.PersistentVolume]
}

// SetReclaimPolicy implements control.VolumeWriter.
func (f *FakeVolumes) SetReclaimPolicy(_ context.Context, seen *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) error {
	if err := f.called(SetReclaimPolicy); err != nil {
		return err
	}
	live, err := f.seen(seen)
	if err != nil {
		return err
	}
	next := live.DeepCopy()
	next.Spec.PersistentVolumeReclaimPolicy = policy
	f.Add(next)
	f.wrote(SetReclaimPolicy, seen.Name)
	return nil
}

// FakeClusters is the fake writer of statuses.
type FakeClusters struct {
	calls
	mu      sync.Mutex
	written map[string]v1alpha1.CellClusterStatus
}

// UpdateStatus implements control.StatusWriter.
func (f *FakeClusters) UpdateStatus(_ context.Context, c *v1alpha1.CellCluster) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(UpdateStatus); err != nil {
		return err
	}
	f.written[c.Namespace+"/"+c.Name] = *c.Status.DeepCopy()
	f.wrote(UpdateStatus, c.Name)
	return nil
}

// Status is what was written last of a cluster.
func (f *FakeClusters) Status(c *v1alpha1.CellCluster) v1alpha1.CellClusterStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written[c.Namespace+"/"+c.Name]
}

// fakeLive reads the caches: a test that wants them to differ from what is live gives the manager an older view.
type fakeLive struct{ f *Fakes }

// Pod implements control.Live.
func (l fakeLive) Pod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	return l.f.Pods.Get(namespace, name), nil
}

// Claim implements control.Live.
func (l fakeLive) Claim(_ context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	return l.f.Claims.Get(namespace, name), nil
}

// StatefulSet implements control.Live.
func (l fakeLive) StatefulSet(_ context.Context, namespace, name string) (*appsv1.StatefulSet, error) {
	return l.f.StatefulSets.Get(namespace, name), nil
}
