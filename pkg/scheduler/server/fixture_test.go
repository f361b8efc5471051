// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kubefake "k8s.io/client-go/kubernetes/fake"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	cellsfake "github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned/fake"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// world is an extender over fake clients, asked over HTTP as kube-scheduler asks it.
type world struct {
	t      *testing.T
	kube   *kubefake.Clientset
	cells  *cellsfake.Clientset
	server *Server
	http   *httptest.Server
}

func newWorld(t *testing.T, objects ...runtime.Object) *world {
	t.Helper()
	w := &world{t: t}
	var kube, cells []runtime.Object
	for _, o := range objects {
		if _, ok := o.(*v1alpha1.CellCluster); ok {
			cells = append(cells, o)
		} else {
			kube = append(kube, o)
		}
	}
	w.kube, w.cells = kubefake.NewClientset(kube...), cellsfake.NewSimpleClientset(cells...)
	var err error
	w.server, err = New(w.kube, w.cells, prometheus.NewRegistry())
	require.NoError(t, err)
	require.NoError(t, w.server.cache.Start(t.Context()))
	w.server.started.Store(true)
	w.http = httptest.NewServer(w.server.Handler())
	t.Cleanup(w.http.Close)
	return w
}

func (w *world) post(path string, body, into any) {
	w.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(w.t, err)
	response, err := http.Post(w.http.URL+path, "application/json", bytes.NewReader(text))
	require.NoError(w.t, err)
	defer response.Body.Close()
	require.Equal(w.t, http.StatusOK, response.StatusCode)
	require.NoError(w.t, json.NewDecoder(response.Body).Decode(into))
}

func (w *world) filter(pod *corev1.Pod, nodes ...string) *extenderv1.ExtenderFilterResult {
	w.t.Helper()
	result := &extenderv1.ExtenderFilterResult{}
	w.post(PathFilter, &extenderv1.ExtenderArgs{Pod: pod, NodeNames: &nodes}, result)
	return result
}

// left are the nodes that a pod may have, of all.
func (w *world) left(pod *corev1.Pod, nodes ...string) []string {
	w.t.Helper()
	result := w.filter(pod, nodes...)
	require.Empty(w.t, result.Error)
	require.NotNil(w.t, result.NodeNames)
	slices.Sort(*result.NodeNames)
	return *result.NodeNames
}

// put writes a pod, as kubelets, users and kube-scheduler do.
func (w *world) put(pod *corev1.Pod) {
	w.t.Helper()
	pods := w.kube.CoreV1().Pods(pod.Namespace)
	_, err := pods.Update(w.t.Context(), pod, metav1.UpdateOptions{})
	require.NoError(w.t, err)
}

func node(name, zone string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
	if zone != "" {
		n.Labels[corev1.LabelTopologyZone] = zone
	}
	return n
}

func cluster(name string) *v1alpha1.CellCluster {
	return &v1alpha1.CellCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name},
		Spec:       v1alpha1.CellClusterSpec{PD: v1alpha1.PDSpec{Replicas: 3}, Store: v1alpha1.StoreSpec{Replicas: 3}},
	}
}

// pod of an ordinal, on a node if one is named, as kube-scheduler sends it.
func pod(cluster string, c naming.Component, ordinal int32, on string) *corev1.Pod {
	name := naming.Pod(cluster, c, ordinal)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: name, UID: types.UID(fmt.Sprintf("uid-%s", name)), Labels: naming.Labels(cluster, c),
			CreationTimestamp: metav1.NewTime(time.Now()),
		},
		Spec: corev1.PodSpec{NodeName: on, SchedulerName: "cell-scheduler"},
	}
}

func claim(cluster string, c naming.Component, ordinal int32, volume string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: naming.Claim(cluster, c, ordinal), Labels: naming.Labels(cluster, c), Annotations: map[string]string{}},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: volume},
	}
}

// volume that can be used where a node label has a value.
func volume(name, key, value string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}},
			}}},
		}}},
	}
}
