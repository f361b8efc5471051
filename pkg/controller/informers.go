// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/client/informers/externalversions"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// byCluster is the index of pods and claims by namespace/cluster.
const byCluster = "cluster"

// scope holds the informers of one namespace, or of all.
type scope struct {
	cells externalversions.SharedInformerFactory
	kube  informers.SharedInformerFactory
}

// sources are all informers of the operator. Those of namespaced objects see only what
// the operator manages, and none keeps managed fields.
type sources struct {
	scopes map[string]*scope // by namespace; "" for all
	shared informers.SharedInformerFactory
	// domains are counted from shared's nodes.
	domains domains
}

// newSources makes informers for some namespaces, or for all if there are
// none. Without clusterResources nodes and storage classes are not read.
func newSources(kube kubernetes.Interface, cells versioned.Interface, namespaces []string, clusterResources bool) (*sources, error) {
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	s := &sources{scopes: map[string]*scope{}}
	managed := labels.SelectorFromSet(labels.Set{naming.LabelManagedBy: naming.ManagedBy}).String()
	for _, ns := range namespaces {
		x := &scope{
			cells: externalversions.NewSharedInformerFactoryWithOptions(cells, 0,
				externalversions.WithNamespace(ns), externalversions.WithTransform(view.Strip)),
			kube: informers.NewSharedInformerFactoryWithOptions(kube, 0,
				informers.WithNamespace(ns), informers.WithTransform(view.Strip),
				informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = managed })),
		}
		for _, informer := range []cache.SharedIndexInformer{x.kube.Core().V1().Pods().Informer(), x.kube.Core().V1().PersistentVolumeClaims().Informer()} {
			if err := informer.AddIndexers(cache.Indexers{byCluster: clusterOf}); err != nil {
				return nil, fmt.Errorf("index by cluster: %w", err)
			}
		}
		s.scopes[ns] = x
	}
	if clusterResources {
		s.shared = informers.NewSharedInformerFactoryWithOptions(kube, 0, informers.WithTransform(view.Strip))
	}
	return s, nil
}

func (s *sources) scope(namespace string) *scope {
	if x := s.scopes[namespace]; x != nil {
		return x
	}
	return s.scopes[metav1.NamespaceAll]
}

// clusterOf is the key of the cluster that an object belongs to.
func clusterOf(o any) ([]string, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return nil, err
	}
	if name := m.GetLabels()[naming.LabelInstance]; name != "" {
		return []string{m.GetNamespace() + "/" + name}, nil
	}
	return nil, nil
}
