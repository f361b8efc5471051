// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// smallest is the least that a user must write.
const smallest = `
apiVersion: deepfabric.com/v1alpha1
kind: CellCluster
metadata: {name: demo}
spec:
  pd: {image: pd, replicas: 3}
  store: {image: store, replicas: 3}
  proxy: {image: proxy, replicas: 2}
`

// typical sets what the rules compare with an older object.
const typical = `
apiVersion: deepfabric.com/v1alpha1
kind: CellCluster
metadata: {name: demo}
spec:
  pd: {image: pd, replicas: 3, storageClassName: fast, requests: {cpu: 100m, storage: 2Gi}}
  store: {image: store, replicas: 3, storageClassName: fast, requests: {cpu: 100m, storage: 10Gi}, initialCells: {count: 4, capacity: 67108864}}
  proxy: {image: proxy, replicas: 2}
`

// parse reads a manifest.
func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	object.Object = value(t, text).(map[string]any)
	return object
}

// value reads YAML as Kubernetes does, integers as integers.
func value(t *testing.T, text string) any {
	t.Helper()
	body, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(body, &v))
	return v
}

// edit changes a field of an object.
type edit func(t *testing.T, o *unstructured.Unstructured)

// set puts a value, in YAML, at a path such as spec.pd.replicas.
func set(path, yaml string) edit {
	return func(t *testing.T, o *unstructured.Unstructured) {
		t.Helper()
		require.NoError(t, unstructured.SetNestedField(o.Object, value(t, yaml), strings.Split(path, ".")...))
	}
}

// drop removes the field at a path.
func drop(path string) edit {
	return func(_ *testing.T, o *unstructured.Unstructured) {
		unstructured.RemoveNestedField(o.Object, strings.Split(path, ".")...)
	}
}

func both(edits ...edit) edit {
	return func(t *testing.T, o *unstructured.Unstructured) {
		t.Helper()
		for _, e := range edits {
			e(t, o)
		}
	}
}

func cellClusters(ns string) dynamic.ResourceInterface {
	return env.dynamic.Resource(kube.CellClusters).Namespace(ns)
}

// create stores a manifest.
func create(t *testing.T, ns, text string, edits ...edit) *unstructured.Unstructured {
	t.Helper()
	o := parse(t, text)
	both(edits...)(t, o)
	live, err := cellClusters(ns).Create(t.Context(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	require.NoError(t, err)
	return live
}

// change edits a stored cluster, again if somebody else was faster.
func change(t *testing.T, ns, name string, edits ...edit) {
	t.Helper()
	for {
		o, err := cellClusters(ns).Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		both(edits...)(t, o)
		_, err = cellClusters(ns).Update(t.Context(), o, metav1.UpdateOptions{})
		if err == nil {
			return
		}
		require.ErrorContains(t, err, "the object has been modified")
	}
}

func fixture(t *testing.T, name string) string {
	t.Helper()
	root, err := kube.Root()
	require.NoError(t, err)
	return filepath.Join(root, "tests", "fixtures", name)
}
