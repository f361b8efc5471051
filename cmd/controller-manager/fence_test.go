// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/metrics"
)

type sent struct{ n int }

func (s *sent) RoundTrip(*http.Request) (*http.Response, error) {
	s.n++
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestFence(t *testing.T) {
	expired := errors.New("failed election to renew leadership")
	tests := map[string]struct {
		check        func() error
		method, path string
		sent         bool
	}{
		"no lease is used":      {nil, http.MethodDelete, "/api/v1/namespaces/cell/pods/demo-store-1", true},
		"the lease holds":       {func() error { return nil }, http.MethodDelete, "/api/v1/namespaces/cell/pods/demo-store-1", true},
		"a write after it":      {func() error { return expired }, http.MethodDelete, "/api/v1/namespaces/cell/pods/demo-store-1", false},
		"a call of PD after it": {func() error { return expired }, http.MethodDelete, "/pd/api/v1/stores/4", false},
		"a read after it":       {func() error { return expired }, http.MethodGet, "/api/v1/pods", true},
		"the lease itself":      {func() error { return expired }, http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/cell-admin/leases/cell-operator", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, s := &fence{}, &sent{}
			if test.check != nil {
				f.guard(test.check)
			}
			r, err := http.NewRequestWithContext(t.Context(), test.method, "http://server"+test.path, http.NoBody)
			require.NoError(t, err)
			answer, err := f.Wrap(s).RoundTrip(r)
			if test.sent {
				require.NoError(t, err)
				require.NoError(t, answer.Body.Close())
				assert.Equal(t, 1, s.n)
				return
			}
			require.ErrorIs(t, err, expired)
			assert.Zero(t, s.n)
		})
	}
}

// What PD is told goes through the fence, and so do changes of its membership, which are no HTTP requests.
func TestFenceOfPD(t *testing.T) {
	expired := errors.New("failed election to renew leadership")
	var f fence
	f.guard(func() error { return expired })
	client := pdFactory(metrics.New(prometheus.NewRegistry()), &f)([]string{"http://127.0.0.1:1"})
	defer client.Close()
	require.ErrorContains(t, client.DownStore(t.Context(), 4), "is not sent, since the lease has run out")
	require.ErrorIs(t, client.RemoveMember(t.Context(), 1), expired)
}
