// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// owned are the kinds that the operator writes for a cluster.
var owned = map[string]schema.GroupVersionResource{
	"StatefulSet":             {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"Deployment":              {Group: "apps", Version: "v1", Resource: "deployments"},
	"Service":                 {Version: "v1", Resource: "services"},
	"ConfigMap":               {Version: "v1", Resource: "configmaps"},
	"PodDisruptionBudget":     {Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	"HorizontalPodAutoscaler": {Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
}

// State is what of a cluster's objects the operator answers for, by "Kind/name".
// Of what Kubernetes gives each object anew, and of the namespace, nothing is in it, so that two clusters can be compared.
type State map[string]map[string]any

// Selector selects what belongs to the cluster.
func (l *Lab) Selector() string {
	return naming.LabelManagedBy + "=" + naming.ManagedBy + "," + naming.LabelInstance + "=" + l.Name
}

// State reads all objects of the cluster.
func (l *Lab) State() State {
	l.T.Helper()
	out := State{}
	for kind, resource := range owned {
		list, err := l.Dynamic.Resource(resource).Namespace(l.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: l.Selector()})
		require.NoError(l.T, err)
		for i := range list.Items {
			out[kind+"/"+list.Items[i].GetName()] = l.essence(&list.Items[i])
		}
	}
	return out
}

func (l *Lab) essence(o *unstructured.Unstructured) map[string]any {
	var labels, owners []string
	for k, v := range o.GetLabels() {
		labels = append(labels, k+"="+v)
	}
	for _, r := range o.GetOwnerReferences() {
		owners = append(owners, r.Kind+"/"+r.Name)
	}
	annotations := o.GetAnnotations()
	for k := range annotations {
		if k == naming.AnnotationAppliedHash || strings.HasPrefix(k, "deployment.kubernetes.io/") {
			delete(annotations, k)
		}
	}
	for _, fields := range [][]string{
		{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"spec", "healthCheckNodePort"},
		{"spec", "template", "metadata", "annotations", naming.AnnotationRestartHash}, // it covers the namespace
	} {
		unstructured.RemoveNestedField(o.Object, fields...)
	}
	givePorts(o)
	if annotations[naming.AnnotationAutoscaled] != "" {
		unstructured.RemoveNestedField(o.Object, "spec", "replicas")
	}
	out := map[string]any{"labels": sorted(labels), "owners": sorted(owners)}
	if len(annotations) > 0 {
		out["annotations"] = annotations
	}
	for _, field := range []string{"spec", "data"} {
		if o.Object[field] != nil {
			out[field] = o.Object[field]
		}
	}
	return l.nameless(out)
}

// Ports that tests ask for begin and end with these: Kubernetes gives them to nobody as long as others are free.
const (
	FirstPort = 30000
	LastPort  = 30085
)

// givePorts keeps of a port that Kubernetes gave no more than that there is one.
func givePorts(o *unstructured.Unstructured) {
	ports, _, _ := unstructured.NestedSlice(o.Object, "spec", "ports")
	for _, p := range ports {
		if p, ok := p.(map[string]any); ok {
			if n, ok := p["nodePort"].(int64); ok && (n < FirstPort || n > LastPort) {
				p["nodePort"] = "given"
			}
		}
	}
	if len(ports) > 0 {
		_ = unstructured.SetNestedSlice(o.Object, ports, "spec", "ports") // what was read can be written
	}
}

// Same checks that two states are the same, and tells the paths at which they differ.
func Same(t testing.TB, want, have State, msg string) {
	t.Helper()
	var all []string
	for object := range want {
		differences(object, want[object], any(have[object]), &all)
	}
	for object := range have {
		if want[object] == nil {
			all = append(all, object+" is more than expected")
		}
	}
	assert.Empty(t, sorted(all), msg)
}

func differences(path string, want, have any, out *[]string) {
	w, okW := want.(map[string]any)
	h, okH := have.(map[string]any)
	if !okW || !okH {
		if !assert.ObjectsAreEqual(want, have) {
			*out = append(*out, fmt.Sprintf("%s: want %v, have %v", path, want, have))
		}
		return
	}
	for k := range w {
		differences(path+"."+k, w[k], h[k], out)
	}
	for k := range h {
		if _, ok := w[k]; !ok {
			differences(path+"."+k, nil, h[k], out)
		}
	}
}

// nameless is a value without the namespace's name, which stands in addresses.
func (l *Lab) nameless(v map[string]any) map[string]any {
	text, err := json.Marshal(v)
	require.NoError(l.T, err)
	var out map[string]any
	require.NoError(l.T, json.Unmarshal([]byte(strings.ReplaceAll(string(text), l.Namespace, "NAMESPACE")), &out))
	return out
}
