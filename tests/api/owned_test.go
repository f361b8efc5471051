// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// kinds are all that the operator writes for a cluster.
var kinds = map[string]schema.GroupVersionResource{
	"StatefulSet":             {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"Deployment":              {Group: "apps", Version: "v1", Resource: "deployments"},
	"Service":                 {Version: "v1", Resource: "services"},
	"ConfigMap":               {Version: "v1", Resource: "configmaps"},
	"PodDisruptionBudget":     {Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	"HorizontalPodAutoscaler": {Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
}

// object is an object and its kind.
type object struct {
	unstructured.Unstructured
	kind string
}

func resource(kind, ns string) dynamic.ResourceInterface {
	return env.dynamic.Resource(kinds[kind]).Namespace(ns)
}

// owned are all objects that the operator made for a cluster.
func owned(t *testing.T, ns, cluster string) []object {
	t.Helper()
	var out []object
	for kind := range kinds {
		list, err := resource(kind, ns).List(context.Background(), metav1.ListOptions{
			LabelSelector: naming.LabelManagedBy + "=" + naming.ManagedBy + "," + naming.LabelInstance + "=" + cluster})
		require.NoError(t, err)
		for _, o := range list.Items {
			out = append(out, object{o, kind})
		}
	}
	return out
}
