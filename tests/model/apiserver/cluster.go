// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// Three has three of each, the least that bears a loss.
const Three = `
apiVersion: deepfabric.com/v1alpha1
kind: CellCluster
metadata: {name: demo}
spec:
  pd: {image: "pd:1", replicas: 3}
  store: {image: "store:1", replicas: 3}
  proxy: {image: "proxy:1", replicas: 2}
`

// One has one of each: its restarts are quick.
const One = `
apiVersion: deepfabric.com/v1alpha1
kind: CellCluster
metadata: {name: demo}
spec:
  pd: {image: "pd:1", replicas: 1, config: {maxReplicas: 1}}
  store: {image: "store:1", replicas: 1}
  proxy: {image: "proxy:1", replicas: 1}
`

// Parse reads a manifest.
func Parse(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	return &unstructured.Unstructured{Object: Value(t, text).(map[string]any)}
}

// Value reads YAML as Kubernetes does, integers as integers.
func Value(t testing.TB, text string) any {
	t.Helper()
	body, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err, text)
	var v any
	require.NoError(t, utiljson.Unmarshal(body, &v), text)
	return v
}

// Edit changes an object.
type Edit func(t testing.TB, o *unstructured.Unstructured)

// Set puts a value, in YAML, at a path such as spec.pd.replicas.
func Set(path, yaml string) Edit {
	return func(t testing.TB, o *unstructured.Unstructured) {
		t.Helper()
		require.NoError(t, unstructured.SetNestedField(o.Object, Value(t, yaml), strings.Split(path, ".")...), path)
	}
}

// Drop removes the field at a path, and what is empty without it.
func Drop(path string) Edit {
	return func(_ testing.TB, o *unstructured.Unstructured) {
		fields := strings.Split(path, ".")
		unstructured.RemoveNestedField(o.Object, fields...)
		for i := len(fields) - 1; i > 2; i-- {
			if m, found, err := unstructured.NestedMap(o.Object, fields[:i]...); !found || err != nil || len(m) > 0 {
				return
			}
			unstructured.RemoveNestedField(o.Object, fields[:i]...)
		}
	}
}

// All makes several edits.
func All(edits ...Edit) Edit {
	return func(t testing.TB, o *unstructured.Unstructured) {
		t.Helper()
		for _, e := range edits {
			e(t, o)
		}
	}
}

// Clusters are the CellClusters of the lab's namespace.
func (l *Lab) Clusters() dynamic.ResourceInterface {
	return l.Dynamic.Resource(kube.CellClusters).Namespace(l.Namespace)
}

// Create stores a manifest.
func (l *Lab) Create(text string, edits ...Edit) *unstructured.Unstructured {
	l.T.Helper()
	o := Parse(l.T, text)
	All(edits...)(l.T, o)
	live, err := l.Clusters().Create(context.Background(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	require.NoError(l.T, err)
	return live
}

// Change edits the cluster, again if the operator was faster.
func (l *Lab) Change(edits ...Edit) {
	l.T.Helper()
	for {
		o, err := l.Clusters().Get(context.Background(), l.Name, metav1.GetOptions{})
		require.NoError(l.T, err)
		All(edits...)(l.T, o)
		_, err = l.Clusters().Update(context.Background(), o, metav1.UpdateOptions{})
		if err == nil {
			return
		}
		require.ErrorContains(l.T, err, "the object has been modified")
	}
}

// Get reads the cluster.
func (l *Lab) Get() *v1alpha1.CellCluster {
	l.T.Helper()
	c, err := l.Cells.DeepfabricV1alpha1().CellClusters(l.Namespace).Get(context.Background(), l.Name, metav1.GetOptions{})
	require.NoError(l.T, err)
	return c
}

// Until waits until something is so. In vain, it ends the test with what it waited for.
func (l *Lab) Until(is func() bool, what func() string) {
	l.T.Helper()
	for began := time.Now(); !is(); time.Sleep(lookAgain) {
		if time.Since(began) > patience {
			require.FailNow(l.T, "waited in vain until "+what())
		}
	}
}

// Await waits until the cluster is as it should be, and returns it.
func (l *Lab) Await(what string, is func(*v1alpha1.CellCluster) bool) *v1alpha1.CellCluster {
	l.T.Helper()
	var c *v1alpha1.CellCluster
	l.Until(func() bool {
		c = l.Get()
		return is(c)
	}, func() string {
		status, _ := json.Marshal(c.Status) // it came as JSON
		return "the cluster " + what + "; its status: " + string(status)
	})
	return c
}

// IsReady tells that a cluster is all that its present spec asks for.
func IsReady(c *v1alpha1.CellCluster) bool {
	return c.Status.ObservedGeneration == c.Generation && meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady)
}

// AwaitReady waits until the cluster is all that its spec asks for.
func (l *Lab) AwaitReady() *v1alpha1.CellCluster {
	l.T.Helper()
	return l.Await("is ready", IsReady)
}

// Condition is a condition of the cluster, with its status and reason as "True/Reason".
func Condition(c *v1alpha1.CellCluster, kind string) (summary, message string) {
	x := meta.FindStatusCondition(c.Status.Conditions, kind)
	if x == nil {
		return "", ""
	}
	return string(x.Status) + "/" + x.Reason, x.Message
}

// AwaitDegraded waits until the cluster says that something is wrong, for a reason and in words.
func (l *Lab) AwaitDegraded(reason, words string) {
	l.T.Helper()
	l.Await("is degraded for "+reason+": "+words, func(c *v1alpha1.CellCluster) bool {
		summary, message := Condition(c, v1alpha1.ConditionDegraded)
		return summary == "True/"+reason && strings.Contains(message, words)
	})
}

// Delete deletes the cluster and waits until nothing is left of it but its claims.
func (l *Lab) Delete() {
	l.T.Helper()
	require.NoError(l.T, l.Clusters().Delete(context.Background(), l.Name, metav1.DeleteOptions{}))
	l.Until(func() bool {
		pods, err := l.Kube.CoreV1().Pods(l.Namespace).List(context.Background(), metav1.ListOptions{})
		return err == nil && len(pods.Items) == 0 && len(l.State()) == 0
	}, func() string { return "nothing is left of the cluster" })
}

// TryChange edits the cluster for a trial, and returns why the edit is refused. One that is not refused is made.
func (l *Lab) TryChange(edits ...Edit) error {
	l.T.Helper()
	for {
		o, err := l.Clusters().Get(context.Background(), l.Name, metav1.GetOptions{})
		require.NoError(l.T, err)
		All(edits...)(l.T, o)
		_, err = l.Clusters().Update(context.Background(), o, metav1.UpdateOptions{})
		if err == nil || !strings.Contains(err.Error(), "the object has been modified") {
			return err
		}
	}
}

// Key names the cluster.
func (l *Lab) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: l.Namespace, Name: l.Name}
}

// Pods are the UIDs of the cluster's pods, by component.
func (l *Lab) Pods() map[string][]string {
	l.T.Helper()
	pods, err := l.Kube.CoreV1().Pods(l.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: l.Selector()})
	require.NoError(l.T, err)
	out := map[string][]string{}
	for i := range pods.Items {
		p := &pods.Items[i]
		c := p.Labels[naming.LabelComponent]
		out[c] = append(out[c], p.Name+" "+string(p.UID))
	}
	for _, names := range out {
		sorted(names)
	}
	return out
}

// Claim is the claim of a pod; nil if there is none.
func (l *Lab) Claim(pod string) *corev1.PersistentVolumeClaim {
	l.T.Helper()
	claim, err := l.Kube.CoreV1().PersistentVolumeClaims(l.Namespace).Get(context.Background(), naming.DataVolume+"-"+pod, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(l.T, err)
	return claim
}

// Volume is the volume behind the claim of a pod.
func (l *Lab) Volume(pod string) *corev1.PersistentVolume {
	l.T.Helper()
	volume, err := l.Kube.CoreV1().PersistentVolumes().Get(context.Background(), l.Claim(pod).Spec.VolumeName, metav1.GetOptions{})
	require.NoError(l.T, err)
	return volume
}

// AskFor asks for the replacement of the member that runs in a pod, as a user does.
func (l *Lab) AskFor(pod string) {
	l.T.Helper()
	body := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"true"}}}`, naming.AnnotationReplace)
	_, err := l.Kube.CoreV1().PersistentVolumeClaims(l.Namespace).Patch(context.Background(), l.Claim(pod).Name, types.MergePatchType, body, metav1.PatchOptions{})
	require.NoError(l.T, err)
}

// Wipe empties the volume of a pod, whose program then starts again.
func (l *Lab) Wipe(pod string) {
	l.World.Wipe(types.NamespacedName{Namespace: l.Namespace, Name: pod})
}
