// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	cellsfake "github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned/fake"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// BenchmarkFilter answers about 5,000 nodes, without the network: where all may be chosen from, and where all are refused.
func BenchmarkFilter(b *testing.B) {
	const count = 5000
	objects, names, taken := []runtime.Object{}, []string{}, []string{}
	for i := range count {
		n := node(fmt.Sprintf("node-%d", i), fmt.Sprintf("z%d", i%3))
		objects, names = append(objects, n), append(names, n.Name)
		if i%3 < 2 {
			taken = append(taken, n.Name)
		}
	}
	objects = append(objects, pod("demo", naming.Store, 0, "node-0"), pod("demo", naming.Store, 1, "node-1"))
	s, err := New(kubefake.NewClientset(objects...), cellsfake.NewSimpleClientset(cluster("demo")), prometheus.NewRegistry())
	require.NoError(b, err)
	require.NoError(b, s.cache.Start(b.Context()))
	s.started.Store(true)
	handler := s.Handler()
	for name, nodes := range map[string][]string{"allowed": names, "refused": taken} {
		body, err := json.Marshal(&extenderv1.ExtenderArgs{Pod: pod("demo", naming.Store, 2, ""), NodeNames: &nodes})
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, PathFilter, bytes.NewReader(body)))
				require.Equal(b, http.StatusOK, w.Code)
			}
		})
	}
}
