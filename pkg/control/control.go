// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
)

// Object is a pointer to a Kubernetes object.
type Object interface {
	comparable
	metav1.Object
	runtime.Object
}

// Applier writes objects that the operator owns as a whole.
type Applier[T Object] interface {
	// Apply makes the object in Kubernetes like want, by server-side apply, and
	// only if what was applied last differs or somebody changed it. live is the
	// cached object, or nil where none is known. It tells whether it wrote.
	// An object of another owner is left alone: the error is then a *ConflictError.
	Apply(ctx context.Context, want, live T) (changed bool, err error)
	// Delete deletes exactly the object that was seen: its UID and
	// resourceVersion are preconditions. A missing object is no error.
	Delete(ctx context.Context, seen T) error
}

// Patcher writes metadata of objects that others own, and deletes them.
type Patcher[T Object] interface {
	// PatchMetadata merges labels, annotations and owner references into an
	// object, if it is still the one that was seen, by UID, and by resourceVersion if m asks for that.
	PatchMetadata(ctx context.Context, seen T, m Metadata) error
	// Delete is as in Applier.
	Delete(ctx context.Context, seen T) error
}

// Metadata is what PatchMetadata writes. Nil fields are left as they are; a
// nil value in a map removes the key.
type Metadata struct {
	Labels          map[string]*string
	Annotations     map[string]*string
	OwnerReferences []metav1.OwnerReference
	// Unchanged lets the patch meet only the version that was seen: for marks from which something destructive follows.
	Unchanged bool
}

// StatusWriter writes the status of CellClusters.
type StatusWriter interface {
	// UpdateStatus writes the whole status of c, if c's resourceVersion is still the newest.
	UpdateStatus(ctx context.Context, c *v1alpha1.CellCluster) error
}

// ReplicasKeeper hands the number of replicas of a Deployment over.
type ReplicasKeeper interface {
	// KeepReplicas sets the number to what is given, and lets it stay when the operator no longer asks for one.
	KeepReplicas(ctx context.Context, seen *appsv1.Deployment, replicas int32) error
}

// ClaimWriter writes volume claims, which StatefulSets make and the operator keeps.
type ClaimWriter interface {
	Patcher[*corev1.PersistentVolumeClaim]
	// Resize asks for a greater volume, for exactly the claim that was seen, by UID.
	Resize(ctx context.Context, seen *corev1.PersistentVolumeClaim, size resource.Quantity) error
}

// SetDeleter deletes StatefulSets without their pods.
type SetDeleter interface {
	// DeleteAlone deletes exactly the StatefulSet that was seen, and leaves its pods running.
	DeleteAlone(ctx context.Context, seen *appsv1.StatefulSet) error
}

// VolumeWriter writes what the operator decides about volumes.
type VolumeWriter interface {
	// PatchMetadata is as in Patcher.
	PatchMetadata(ctx context.Context, seen *corev1.PersistentVolume, m Metadata) error
	// SetReclaimPolicy sets what becomes of a volume when its claim is deleted, if it is still the one that was seen, by UID.
	SetReclaimPolicy(ctx context.Context, seen *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) error
}

// Controls are all writers. Managers get them, and nothing else that writes.
type Controls struct {
	Services     Applier[*corev1.Service]
	ConfigMaps   Applier[*corev1.ConfigMap]
	StatefulSets Applier[*appsv1.StatefulSet]
	Deployments  Applier[*appsv1.Deployment]
	Budgets      Applier[*policyv1.PodDisruptionBudget]
	Replicas     ReplicasKeeper
	Autoscalers  Applier[*autoscalingv2.HorizontalPodAutoscaler]
	Pods         Patcher[*corev1.Pod]
	Claims       ClaimWriter
	Orphans      SetDeleter
	Volumes      VolumeWriter
	Clusters     StatusWriter
	Events       record.EventRecorder
	// Live reads what is about to be destroyed.
	Live Live
}

// New makes the controls that write to a real API server. Each write is noted
// in pending, so that a sync can wait until the caches have seen it.
func New(kube kubernetes.Interface, cells versioned.Interface, events record.EventRecorder, pending *Pending) *Controls {
	return &Controls{
		Services:     newWriter(pending, kind("v1", "Service"), func(ns string) client[*corev1.Service] { return kube.CoreV1().Services(ns) }),
		ConfigMaps:   strictly(newWriter(pending, kind("v1", "ConfigMap"), func(ns string) client[*corev1.ConfigMap] { return kube.CoreV1().ConfigMaps(ns) })),
		StatefulSets: newSetWriter(kube, pending),
		Deployments:  newWriter(pending, kind("apps/v1", "Deployment"), func(ns string) client[*appsv1.Deployment] { return kube.AppsV1().Deployments(ns) }),
		Budgets:      newBudgetWriter(kube, pending),
		Autoscalers: newWriter(pending, kind("autoscaling/v2", "HorizontalPodAutoscaler"), func(ns string) client[*autoscalingv2.HorizontalPodAutoscaler] {
			return kube.AutoscalingV2().HorizontalPodAutoscalers(ns)
		}),
		Pods: newWriter(pending, kind("v1", "Pod"), func(ns string) client[*corev1.Pod] { return kube.CoreV1().Pods(ns) }),
		Claims: &claimWriter{newWriter(pending, kind("v1", "PersistentVolumeClaim"), func(ns string) client[*corev1.PersistentVolumeClaim] {
			return kube.CoreV1().PersistentVolumeClaims(ns)
		})},
		Orphans: &setDeleter{kube: kube, pending: pending},
		Volumes: &volumeWriter{newWriter(pending, kind("v1", "PersistentVolume"), func(string) client[*corev1.PersistentVolume] {
			return kube.CoreV1().PersistentVolumes()
		})},
		Replicas: &replicasKeeper{kube: kube},
		Clusters: &statusWriter{cells: cells, pending: pending},
		Events:   events,
		Live:     live{kube},
	}
}

func kind(apiVersion, name string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: name}
}

// client is what each generated client of one kind can do, as far as a writer needs it.
type client[T Object] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	Patch(ctx context.Context, name string, pt types.PatchType, data []byte, opts metav1.PatchOptions, subresources ...string) (T, error)
	Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error
}

// strictly makes a writer meet only the version that was seen.
func strictly[T Object](w *writer[T]) *writer[T] {
	w.strict = true
	return w
}

// newSetWriter takes back an update strategy that somebody else has set:
// Kubernetes adds a partition to it, which is invalid with ours.
func newSetWriter(kube kubernetes.Interface, pending *Pending) *writer[*appsv1.StatefulSet] {
	w := newWriter(pending, kind("apps/v1", "StatefulSet"), func(ns string) client[*appsv1.StatefulSet] { return kube.AppsV1().StatefulSets(ns) })
	w.strict = true
	w.keep = func(want, live *appsv1.StatefulSet) *appsv1.StatefulSet {
		kept := want.DeepCopy()
		kept.Spec.Replicas = live.Spec.Replicas
		return kept
	}
	w.mend = map[string]any{"updateStrategy": map[string]any{"type": appsv1.OnDeleteStatefulSetStrategyType, "rollingUpdate": nil}}
	return w
}

// newBudgetWriter takes back the other one of minAvailable and maxUnavailable,
// since a budget may have only one of them.
func newBudgetWriter(kube kubernetes.Interface, pending *Pending) *writer[*policyv1.PodDisruptionBudget] {
	w := newWriter(pending, kind("policy/v1", "PodDisruptionBudget"), func(ns string) client[*policyv1.PodDisruptionBudget] {
		return kube.PolicyV1().PodDisruptionBudgets(ns)
	})
	w.mend = map[string]any{"minAvailable": nil, "maxUnavailable": nil}
	return w
}
