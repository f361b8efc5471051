// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the API server stores the operator must be able to read: an object that
// does not decode would keep it from seeing all the others too.
func TestWhatIsStoredDecodes(t *testing.T) {
	ns := namespace(t)
	tests := []struct{ name, path, value string }{
		{"duration that is none", "spec.store.config", "{peerDownTime: soon}"},
		{"duration without a unit", "spec.store.config", `{peerDownTime: "30"}`},
		{"duration in days", "spec.pd.failover", "{period: 1d}"},
		{"duration out of range", "spec.pd.config", "{maxStoreDownTime: 9999999999h}"},
		{"odd exponent", "spec.pd.requests", `{cpu: "1e1.5"}`},
		{"huge exponent", "spec.pd.requests", `{memory: "1e9999999999999"}`},
		{"odd exponent of a metric", "spec.proxy.autoscaling", `{maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {type: Value, value: "1e1.5"}}}]}`},
		{"odd exponent of a divisor", "spec.pd.env", `[{name: a, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: "1e1.5"}}}]`},
		{"integer beyond 64 bits", "spec.store.initialCells", "{capacity: 1e30}"},
		{"integer beyond 32 bits", "spec.pd.config", "{limits: {leader: 99999999999}}"},
		{"seconds beyond 64 bits", "spec.pd.tolerations", "[{operator: Exists, tolerationSeconds: 1e30}]"},
		{"skew beyond 32 bits", "spec.pd.topologySpreadConstraints", "[{maxSkew: 99999999999, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]"},
		{"user beyond 64 bits", "spec.pd.podSecurityContext", "{runAsUser: 1e30}"},
		{"fraction as an integer", "spec.pd.tolerations", "[{operator: Exists, tolerationSeconds: 1.5}]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := parse(t, smallest)
			set(test.path, test.value)(t, o)
			_, err := cellClusters(ns).Create(t.Context(), o, metav1.CreateOptions{})
			if err != nil {
				assert.True(t, apierrors.IsInvalid(err), "%v", err)
				return
			}
			_, err = env.cells.DeepfabricV1alpha1().CellClusters(ns).List(t.Context(), metav1.ListOptions{})
			assert.NoError(t, err)
			require.NoError(t, cellClusters(ns).Delete(t.Context(), "demo", metav1.DeleteOptions{}))
		})
	}
}
