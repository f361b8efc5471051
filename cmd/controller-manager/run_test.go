// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// apiServer is an API server that holds nothing but a lease, which can be taken out of reach.
type apiServer struct {
	mu    sync.Mutex
	lease []byte
	kind  string // of its encoding
	lost  bool
}

var lists = map[string]string{
	"cellclusters": "deepfabric.com/v1alpha1 CellClusterList", "services": "v1 ServiceList", "configmaps": "v1 ConfigMapList",
	"pods": "v1 PodList", "persistentvolumeclaims": "v1 PersistentVolumeClaimList", "statefulsets": "apps/v1 StatefulSetList",
	"deployments": "apps/v1 DeploymentList", "poddisruptionbudgets": "policy/v1 PodDisruptionBudgetList",
	"horizontalpodautoscalers": "autoscaling/v2 HorizontalPodAutoscalerList",
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := path.Base(r.URL.Path)
	version, kind, known := strings.Cut(lists[resource], " ")
	query := r.URL.Query()
	switch {
	case strings.Contains(r.URL.Path, "/leases"):
		s.serveLease(w, r)
	case !known:
		http.NotFound(w, r)
	case query.Get("sendInitialEvents") != "":
		http.Error(w, "lists are asked for", http.StatusBadRequest)
	case query.Get("watch") != "":
		<-r.Context().Done()
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"apiVersion":%q,"kind":%q,"metadata":{"resourceVersion":"1"},"items":[]}`, version, kind)
	}
}

func (s *apiServer) serveLease(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lost:
		http.Error(w, "out of reach", http.StatusInternalServerError)
		return
	case r.Method != http.MethodGet:
		s.lease, _ = io.ReadAll(r.Body)
		s.kind = r.Header.Get("Content-Type")
	case s.lease == nil:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", s.kind)
	_, _ = w.Write(s.lease)
}

func (s *apiServer) led() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease != nil
}

// The process must end, or nobody would start it again as a standby.
func TestRunEndsWithoutTheLease(t *testing.T) {
	api := &apiServer{}
	server := httptest.NewServer(api)
	defer server.Close()
	defer server.CloseClientConnections()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(`{apiVersion: v1, kind: Config, current-context: x,
		clusters: [{name: x, cluster: {server: "`+server.URL+`"}}], contexts: [{name: x, context: {cluster: x, user: x}}], users: [{name: x}]}`), 0o600))
	o := electing()
	o.kubeconfig, o.launcherImage, o.clusterResources, o.httpAddr = kubeconfig, "x", false, "127.0.0.1:0"
	o.leaseDuration, o.renewDeadline, o.retryPeriod = 3*time.Second, time.Second, 100*time.Millisecond

	ended := make(chan error, 1)
	go func() { ended <- run(t.Context(), o) }()
	require.Eventually(t, api.led, 20*time.Second, 10*time.Millisecond)
	api.mu.Lock()
	api.lost = true
	api.mu.Unlock()
	select {
	case err := <-ended:
		assert.ErrorContains(t, err, "lost the lease")
	case <-time.After(20 * time.Second):
		require.Fail(t, "the operator goes on without the lease, and leads nothing")
	}
}
