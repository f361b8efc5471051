// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"

	. "github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
)

func TestScheme(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, AddToScheme(scheme))
	for _, o := range []runtime.Object{&CellCluster{}, &CellClusterList{}} {
		kinds, _, err := scheme.ObjectKinds(o)
		require.NoError(t, err)
		assert.Equal(t, SchemeGroupVersion, kinds[0].GroupVersion())
	}
	assert.Equal(t, schema.GroupVersionKind{Group: "deepfabric.com", Version: "v1alpha1", Kind: "CellCluster"}, GVK())
	assert.Equal(t, schema.GroupResource{Group: "deepfabric.com", Resource: "cellclusters"}, Resource("cellclusters"))
}

// What is written in JSON comes back the same, and a deep copy shares nothing.
func FuzzRoundTrip(f *testing.F) {
	for seed := range int64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed int64) {
		c := randomCluster(seed)
		text, err := json.Marshal(c)
		require.NoError(t, err)
		back := &CellCluster{}
		require.NoError(t, yaml.UnmarshalStrict(text, back))
		require.True(t, equality.Semantic.DeepEqual(c, back), "after a round trip:\n%s", text)

		SetDefaults(c.DeepCopy())
		again, err := json.Marshal(c)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again), "SetDefaults of a copy must not reach the original")
	})
}

// The manifest of the original operator is understood to the last field.
func TestOriginalManifest(t *testing.T) {
	text, err := os.ReadFile("../../../../tests/fixtures/original-cellcluster.yaml")
	require.NoError(t, err)
	scheme := runtime.NewScheme()
	require.NoError(t, AddToScheme(scheme))
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	object, kind, err := decoder.Decode(text, nil, nil)
	require.NoError(t, err)
	require.Equal(t, GVK(), *kind)
	s := object.(*CellCluster).Spec

	assert.Equal(t, "cell-scheduler", s.SchedulerName)
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, s.PVReclaimPolicy)
	assert.Equal(t, []Service{{Name: "pd", Type: "ClusterIP"}, {Name: "proxy", Type: "NodePort"}}, s.Services)
	assert.EqualValues(t, 3, s.PD.Replicas)
	assert.Equal(t, "deepfabric/pd:v1.0", s.PD.Image)
	assert.Equal(t, "local-storage", *s.PD.StorageClassName)
	assert.True(t, resource.MustParse("1Gi").Equal(*s.PD.Requests.Storage))
	assert.True(t, resource.MustParse("128Mi").Equal(*s.PD.Requests.Memory))
	assert.True(t, resource.MustParse("1").Equal(*s.PD.Limits.CPU))
	assert.Equal(t, "cn-bj1-01,cn-bj1-02", s.PD.NodeSelector["zone"])
	assert.Equal(t, corev1.Toleration{Key: "node-role", Operator: "Equal", Value: "cell", Effect: "NoSchedule"}, s.PD.Tolerations[0])
	assert.EqualValues(t, 3, s.Store.Replicas)
	assert.True(t, resource.MustParse("10Gi").Equal(*s.Store.Requests.Storage))
	assert.EqualValues(t, 2, s.Proxy.Replicas)
	assert.Equal(t, corev1.PullAlways, s.Proxy.ImagePullPolicy)
	assert.False(t, *s.Proxy.NodeSelectorRequired)
}
