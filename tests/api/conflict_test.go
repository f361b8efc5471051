// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
)

const strangerSet = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: demo-pd, labels: {app: stranger}}
spec:
  replicas: 0
  serviceName: stranger
  selector: {matchLabels: {app: stranger}}
  template:
    metadata: {labels: {app: stranger}}
    spec: {containers: [{name: main, image: stranger}]}
`

const strangerService = `
apiVersion: v1
kind: Service
metadata: {name: demo-proxy, labels: {app: stranger}}
spec: {selector: {app: stranger}, ports: [{name: web, port: 80, protocol: TCP}]}
`

const strangerMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: demo-start}
data: {mine: "yes"}
`

const strangerBudget = `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: demo-store}
spec: {minAvailable: 1, selector: {matchLabels: {app: stranger}}}
`

// An object of somebody else that has a name which the cluster needs is left
// alone, and the cluster says which it is. Once it is gone the cluster goes on.
func TestNameConflict(t *testing.T) {
	tests := []struct {
		name, kind, manifest, object string
		edit                         edit
	}{
		{"StatefulSet", "StatefulSet", strangerSet, "demo-pd", both()},
		{"Service", "Service", strangerService, "demo-proxy", both()},
		{"ConfigMap", "ConfigMap", strangerMap, "demo-start", both()},
		{"PodDisruptionBudget", "PodDisruptionBudget", strangerBudget, "demo-store", both()},
		// This one has our label, so the operator has it in its cache.
		{"Service with our label", "Service", strangerService, "demo-pd",
			both(set("metadata.name", "demo-pd"), set("metadata.labels", "{app.kubernetes.io/managed-by: cell-operator}"))},
		// And this one even says that it is of a cluster of the same name, one that is gone.
		{"ConfigMap of an earlier cluster", "ConfigMap", strangerMap, "demo-start",
			both(set("metadata.labels", "{app.kubernetes.io/managed-by: cell-operator, app.kubernetes.io/instance: demo}"))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ns := namespace(t)
			operate(t, ns)
			stranger := parse(t, test.manifest)
			test.edit(t, stranger)
			stranger, err := resource(test.kind, ns).Create(t.Context(), stranger, metav1.CreateOptions{})
			require.NoError(t, err)
			create(t, ns, smallest)
			c := await(t, ns, "demo", "says that a name is taken", func(c *v1alpha1.CellCluster) bool {
				d := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionDegraded)
				return d != nil && d.Status == metav1.ConditionTrue && d.Reason == v1alpha1.ReasonNameConflict
			})
			assert.Contains(t, c.Status.Message, test.kind+" "+test.object+" exists and is not this cluster's")
			assert.Contains(t, c.Status.Message, "delete it or give the CellCluster another name")
			assert.False(t, isReady(c))

			after, err := resource(test.kind, ns).Get(t.Context(), test.object, metav1.GetOptions{})
			require.NoError(t, err)
			assert.Equal(t, stranger.Object["spec"], after.Object["spec"])
			assert.Equal(t, stranger.Object["data"], after.Object["data"])
			assert.Equal(t, stranger.GetLabels(), after.GetLabels())
			assert.Equal(t, stranger.GetAnnotations(), after.GetAnnotations())
			assert.Empty(t, after.GetOwnerReferences())
			assert.Equal(t, stranger.GetGeneration(), after.GetGeneration())

			require.NoError(t, resource(test.kind, ns).Delete(t.Context(), test.object, metav1.DeleteOptions{}))
			awaitReady(t, ns, "demo")
		})
	}
}
