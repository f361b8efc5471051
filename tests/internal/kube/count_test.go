// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	tests := []struct{ method, url, want string }{
		{"GET", "/api/v1/pods?watch=true&timeoutSeconds=400", "watch pods"},
		{"GET", "/api/v1/namespaces/ns/pods?limit=500", "list pods"},
		{"GET", "/api/v1/namespaces/ns/pods/demo-pd-0", "get pods"},
		{"GET", "/api/v1/namespaces/ns", "get namespaces"},
		{"POST", "/api/v1/namespaces/ns/events", "create events"},
		{"PATCH", "/apis/apps/v1/namespaces/ns/statefulsets/demo-pd?force=true", "patch statefulsets"},
		{"PUT", "/apis/deepfabric.com/v1alpha1/namespaces/ns/cellclusters/demo/status", "update cellclusters/status"},
		{"DELETE", "/api/v1/namespaces/ns/pods/demo-pd-0", "delete pods"},
		{"GET", "/apis/storage.k8s.io/v1/storageclasses", "list storageclasses"},
		{"GET", "/version", "get /version"},
	}
	for _, test := range tests {
		r, err := http.NewRequest(test.method, "https://127.0.0.1"+test.url, nil)
		require.NoError(t, err)
		assert.Equal(t, test.want, Classify(r).String(), test.url)
	}
}

func TestCounter(t *testing.T) {
	var c Counter
	transport := c.Wrap(counting(func(*http.Request) (*http.Response, error) { return nil, nil }))
	for range 3 {
		r, err := http.NewRequest("GET", "https://127.0.0.1/api/v1/pods", nil)
		require.NoError(t, err)
		_, _ = transport.RoundTrip(r)
	}
	assert.Equal(t, map[Request]int{{"list", "pods"}: 3}, c.Counts())
	assert.Equal(t, 3, Sum(c.Counts(), nil))
	assert.Zero(t, Sum(c.Counts(), func(r Request) bool { return r.Verb == "get" }))
	assert.Equal(t, "3 list pods", Print(c.Counts()))
	c.Reset()
	assert.Empty(t, c.Counts())
}
