// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// drifts are what people do to objects that are not theirs, by kind, as merge
// patches, or as JSON patches where they begin with a bracket.
var drifts = map[string][]string{
	"StatefulSet": {
		`{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1}}}}`,
		`{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":1}}}}`,
	},
	"Deployment": {
		`{"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"other"}]}}}}`,
	},
	"Service":                 {`{"spec":{"selector":{"app.kubernetes.io/instance":"other"}}}`, `[{"op":"replace","path":"/spec/ports/0/targetPort","value":1}]`},
	"ConfigMap":               {`{"data":{"pd":"nonsense"}}`, `{"data":null}`},
	"PodDisruptionBudget":     {`{"spec":{"maxUnavailable":"100%","minAvailable":null}}`, `{"spec":{"minAvailable":1,"maxUnavailable":null}}`},
	"HorizontalPodAutoscaler": {`{"spec":{"maxReplicas":50}}`},
}

// always are done to objects of every kind.
var always = []string{
	`{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`,
	`{"metadata":{"labels":{"app.kubernetes.io/component":"other"}}}`,
	`{"metadata":{"ownerReferences":null}}`,
	`{"metadata":{"annotations":{"cell.deepfabric.com/applied-hash":null}}}`,
}

// What people change or delete of a cluster's objects is put right again.
func TestDrift(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	create(t, ns, smallest, set("spec.proxy.autoscaling", "{minReplicas: 2, maxReplicas: 4}"))
	awaitReady(t, ns, "demo")
	o.quiet(t)
	objects := owned(t, ns, "demo")
	found := map[string]bool{}
	for _, x := range objects {
		found[x.kind] = true
	}
	require.Len(t, found, len(kinds), "kinds of objects of a cluster: %v", found)
	for _, x := range objects {
		patches := slices.Concat(drifts[x.kind], always)
		if x.kind == "ConfigMap" { // it belongs to no component
			patches = slices.DeleteFunc(patches, func(p string) bool { return strings.Contains(p, "component") })
		}
		for _, patch := range patches {
			patched, err := resource(x.kind, ns).Patch(t.Context(), x.GetName(), patchType(patch), []byte(patch), metav1.PatchOptions{FieldManager: "somebody"})
			require.NoError(t, err, "%s %s: %s", x.kind, x.GetName(), patch)
			require.NotEqual(t, essence(&x.Unstructured, false), essence(patched, false), "%s %s: %s changes nothing", x.kind, x.GetName(), patch)
			restored(t, x, false, "after "+patch)
		}
	}
	awaitReady(t, ns, "demo")
	for _, x := range objects {
		require.NoError(t, resource(x.kind, ns).Delete(t.Context(), x.GetName(), metav1.DeleteOptions{}))
		restored(t, x, true, "after it was deleted")
	}
	awaitReady(t, ns, "demo")
}

func patchType(patch string) types.PatchType {
	if strings.HasPrefix(patch, "[") {
		return types.JSONPatchType
	}
	return types.MergePatchType
}

// restored waits until an object is as it was.
func restored(t *testing.T, x object, deleted bool, when string) {
	t.Helper()
	var now *unstructured.Unstructured
	until(t, func() bool {
		var err error
		now, err = resource(x.kind, x.GetNamespace()).Get(context.Background(), x.GetName(), metav1.GetOptions{})
		return err == nil && (!deleted || now.GetUID() != x.GetUID()) &&
			assert.ObjectsAreEqual(essence(&x.Unstructured, deleted), essence(now, deleted))
	}, func() string { return fmt.Sprintf("%s %s is as before, %s; it is %v", x.kind, x.GetName(), when, now) })
}

// essence is what of an object the operator answers for. Kubernetes gives a new
// object new addresses and ports.
func essence(o *unstructured.Unstructured, anew bool) map[string]any {
	c := o.DeepCopy()
	if anew {
		for _, field := range []string{"clusterIP", "clusterIPs"} {
			if ip, _, _ := unstructured.NestedString(c.Object, "spec", "clusterIP"); ip != "None" || field != "clusterIP" {
				unstructured.RemoveNestedField(c.Object, "spec", field)
			}
		}
	}
	out := map[string]any{"labels": c.GetLabels(), "owners": c.GetOwnerReferences(), "hash": c.GetAnnotations()["cell.deepfabric.com/applied-hash"]}
	for _, field := range []string{"spec", "data"} {
		out[field] = c.Object[field]
	}
	return out
}

// What others add to an object is theirs, and stays: server-side apply could not
// even take it away, so that trying would never end.
func TestForeignAdditionsStay(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	o := operate(t, ns)
	settled(t, ns, o, 1)
	objects := owned(t, ns, "c0")
	before := o.Counts()
	for _, x := range objects {
		_, err := resource(x.kind, ns).Patch(t.Context(), x.GetName(), types.MergePatchType,
			[]byte(`{"metadata":{"labels":{"team":"data"},"annotations":{"note":"kept"},"finalizers":["example.com/kept"]}}`), metav1.PatchOptions{FieldManager: "somebody"})
		require.NoError(t, err)
		if x.kind == "Service" {
			_, err := resource(x.kind, ns).Patch(t.Context(), x.GetName(), types.JSONPatchType,
				[]byte(`[{"op":"add","path":"/spec/ports/-","value":{"name":"extra","port":7777}}]`), metav1.PatchOptions{FieldManager: "somebody"})
			require.NoError(t, err)
		}
	}
	o.quiet(t)
	touchNodes(t, "by-additions")
	o.quiet(t)
	assert.Empty(t, kube.Print(difference(o.Counts(), before)))
	for _, x := range owned(t, ns, "c0") {
		assert.Equal(t, "data", x.GetLabels()["team"], "%s %s", x.kind, x.GetName())
		assert.Equal(t, "kept", x.GetAnnotations()["note"], "%s %s", x.kind, x.GetName())
		_, err := resource(x.kind, ns).Patch(t.Context(), x.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		require.NoError(t, err)
	}
}
