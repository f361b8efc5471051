// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// defaultStorage is the size of a volume whose size nobody named.
const defaultStorage = "1Gi"

// revisionHistory is how many old templates Kubernetes keeps; the operator never goes back to one by itself.
const revisionHistory = 3

// statefulSet is the set of a component with volumes. Its pods start in
// parallel, and only the operator restarts them: OnDelete lets it choose any
// pod, the PD leader last and a broken one first, which a partition cannot.
func statefulSet(c *v1alpha1.CellCluster, x component, replicas int32, launcherImage string) *appsv1.StatefulSet {
	history := int32(revisionHistory)
	return &appsv1.StatefulSet{
		ObjectMeta: meta(c, naming.Member(c.Name, x.name), x.name),
		Spec: appsv1.StatefulSetSpec{
			Replicas:             &replicas,
			ServiceName:          naming.PeerService(c.Name, x.name),
			Selector:             selector(c, x.name),
			Template:             template(c, x, launcherImage),
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{claim(c, x)},
			PodManagementPolicy:  appsv1.ParallelPodManagement,
			UpdateStrategy:       appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType},
			RevisionHistoryLimit: &history,
			PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
				WhenDeleted: appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
				WhenScaled:  appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
			},
		},
	}
}

func claim(c *v1alpha1.CellCluster, x component) corev1.PersistentVolumeClaim {
	return corev1.PersistentVolumeClaim{
		// The kind stands here since Kubernetes fills it in, and server-side
		// apply would otherwise take it for a difference.
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{
			Name:   naming.DataVolume,
			Labels: naming.Labels(c.Name, x.name),
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: x.storageClass,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: Storage(x.spec)},
			},
		},
	}
}

// Storage is the size of a component's volumes.
func Storage(s *v1alpha1.ComponentSpec) resource.Quantity {
	if s.Requests != nil && s.Requests.Storage != nil {
		return *s.Requests.Storage
	}
	return resource.MustParse(defaultStorage)
}

func dataMount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: naming.DataVolume, MountPath: naming.StateDir}
}
