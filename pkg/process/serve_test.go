// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

func TestHealth(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	ready := false
	handler := Health(func() bool { return ready }, registry)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	code, body := get("/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, body, "caches are not filled")
	code, _ = get("/healthz")
	assert.Equal(t, http.StatusOK, code, "a restart would not fill the caches sooner")
	ready = true
	code, _ = get("/readyz")
	assert.Equal(t, http.StatusOK, code)
	_, body = get("/metrics")
	assert.Contains(t, body, "go_goroutines")
}

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	assert.ErrorContains(t, Serve(t.Context(), addr, http.NotFoundHandler()), "serve on "+addr, "the address is taken")
	require.NoError(t, l.Close())

	asked, answer, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		ended <- Serve(ctx, addr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(asked)
			<-answer
			_, _ = io.WriteString(w, "done")
		}))
	}()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 5*time.Second, time.Millisecond)
	body := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + addr)
		if err != nil {
			body <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		body <- string(text)
	}()
	<-asked
	cancel()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	}, 2*time.Second, time.Millisecond, "no new requests")
	assert.Empty(t, ended, "one is not answered yet")
	close(answer)
	assert.Equal(t, "done", <-body)
	assert.NoError(t, <-ended)
}

func TestRESTConfig(t *testing.T) {
	_, err := RESTConfig(filepath.Join(t.TempDir(), "none"), "x")
	assert.ErrorContains(t, err, "set --kubeconfig")
	config := &rest.Config{Host: "h"}
	assert.Equal(t, "application/vnd.kubernetes.protobuf", Protobuf(config).ContentType)
	assert.Empty(t, config.ContentType, "CellClusters have no such encoding")
}
