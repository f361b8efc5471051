// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

var _ view.Source = (*sources)(nil)

// found turns a lister's answer into an object or nil; listers fail only with NotFound.
func found[T any](o *T, err error) *T {
	if err != nil {
		return nil
	}
	return o
}

// Cluster is the CellCluster of a key, or nil.
func (s *sources) Cluster(key types.NamespacedName) *v1alpha1.CellCluster {
	return found(s.scope(key.Namespace).cells.Deepfabric().V1alpha1().CellClusters().Lister().CellClusters(key.Namespace).Get(key.Name))
}

// StatefulSet implements view.Source.
func (s *sources) StatefulSet(namespace, name string) *appsv1.StatefulSet {
	return found(s.scope(namespace).kube.Apps().V1().StatefulSets().Lister().StatefulSets(namespace).Get(name))
}

// Deployment implements view.Source.
func (s *sources) Deployment(namespace, name string) *appsv1.Deployment {
	return found(s.scope(namespace).kube.Apps().V1().Deployments().Lister().Deployments(namespace).Get(name))
}

// Autoscaler implements view.Source.
func (s *sources) Autoscaler(namespace, name string) *autoscalingv2.HorizontalPodAutoscaler {
	return found(s.scope(namespace).kube.Autoscaling().V2().HorizontalPodAutoscalers().Lister().HorizontalPodAutoscalers(namespace).Get(name))
}

// Service implements view.Source.
func (s *sources) Service(namespace, name string) *corev1.Service {
	return found(s.scope(namespace).kube.Core().V1().Services().Lister().Services(namespace).Get(name))
}

// ConfigMap implements view.Source.
func (s *sources) ConfigMap(namespace, name string) *corev1.ConfigMap {
	return found(s.scope(namespace).kube.Core().V1().ConfigMaps().Lister().ConfigMaps(namespace).Get(name))
}

// Budget implements view.Source.
func (s *sources) Budget(namespace, name string) *policyv1.PodDisruptionBudget {
	return found(s.scope(namespace).kube.Policy().V1().PodDisruptionBudgets().Lister().PodDisruptionBudgets(namespace).Get(name))
}

// Pods implements view.Source.
func (s *sources) Pods(namespace, cluster string) []*corev1.Pod {
	return indexed[*corev1.Pod](s.scope(namespace).kube.Core().V1().Pods().Informer(), namespace, cluster)
}

// Claims implements view.Source.
func (s *sources) Claims(namespace, cluster string) []*corev1.PersistentVolumeClaim {
	return indexed[*corev1.PersistentVolumeClaim](s.scope(namespace).kube.Core().V1().PersistentVolumeClaims().Informer(), namespace, cluster)
}

func indexed[T any](informer cache.SharedIndexInformer, namespace, cluster string) []T {
	objects, err := informer.GetIndexer().ByIndex(byCluster, namespace+"/"+cluster)
	if err != nil {
		return nil // only if the index did not exist, which newSources rules out
	}
	out := make([]T, 0, len(objects))
	for _, o := range objects {
		if t, ok := o.(T); ok {
			out = append(out, t)
		}
	}
	return out
}

// Node implements view.Source.
func (s *sources) Node(name string) *corev1.Node {
	if s.shared == nil {
		return nil
	}
	return found(s.shared.Core().V1().Nodes().Lister().Get(name))
}

// Volume implements view.Source.
func (s *sources) Volume(name string) *corev1.PersistentVolume {
	if s.shared == nil || name == "" {
		return nil
	}
	return found(s.shared.Core().V1().PersistentVolumes().Lister().Get(name))
}

// Class implements view.Source.
func (s *sources) Class(name string) *storagev1.StorageClass {
	if s.shared == nil {
		return nil
	}
	return found(s.shared.Storage().V1().StorageClasses().Lister().Get(name))
}

// ClassMissing implements view.Source.
func (s *sources) ClassMissing(name string) bool {
	if s.shared == nil {
		return false
	}
	_, err := s.shared.Storage().V1().StorageClasses().Lister().Get(name)
	return apierrors.IsNotFound(err)
}

// lookup finds an object that a control wrote, in the cache.
func (s *sources) lookup(key types.NamespacedName) control.Lookup {
	return func(ref control.Ref) metav1.Object {
		switch ref.Kind {
		case v1alpha1.Kind:
			return orNil(s.Cluster(key))
		case "StatefulSet":
			return orNil(s.StatefulSet(key.Namespace, ref.Name))
		case "Deployment":
			return orNil(s.Deployment(key.Namespace, ref.Name))
		case "HorizontalPodAutoscaler":
			return orNil(s.Autoscaler(key.Namespace, ref.Name))
		case "Service":
			return orNil(s.Service(key.Namespace, ref.Name))
		case "ConfigMap":
			return orNil(s.ConfigMap(key.Namespace, ref.Name))
		case "PodDisruptionBudget":
			return orNil(s.Budget(key.Namespace, ref.Name))
		case "Pod":
			return orNil(found(s.scope(key.Namespace).kube.Core().V1().Pods().Lister().Pods(key.Namespace).Get(ref.Name)))
		case "PersistentVolumeClaim":
			return orNil(found(s.scope(key.Namespace).kube.Core().V1().PersistentVolumeClaims().Lister().PersistentVolumeClaims(key.Namespace).Get(ref.Name)))
		}
		return nil
	}
}

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil[T any, P interface {
	*T
	metav1.Object
}](o P) metav1.Object {
	if o == nil {
		return nil
	}
	return o
}

// Clusters are all CellClusters in the caches; they must not be modified.
func (c *Controller) Clusters() []*v1alpha1.CellCluster {
	var out []*v1alpha1.CellCluster
	for _, x := range c.sources.scopes {
		for _, o := range x.cells.Deepfabric().V1alpha1().CellClusters().Informer().GetStore().List() {
			if cluster, ok := o.(*v1alpha1.CellCluster); ok {
				out = append(out, cluster)
			}
		}
	}
	return out
}
