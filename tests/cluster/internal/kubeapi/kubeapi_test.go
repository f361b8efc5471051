// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve is a client of a server that answers with one status and body, and what it was asked last.
func serve(t *testing.T, code int, body string) (*Client, *http.Request, *strings.Builder) {
	t.Helper()
	asked, content := new(http.Request), new(strings.Builder)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = *r
		_, _ = io.Copy(content, r.Body)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return &Client{server: server.URL, http: server.Client()}, asked, content
}

func TestApply(t *testing.T) {
	client, asked, content := serve(t, http.StatusCreated, "{}")
	placed := StorageClass()
	require.NoError(t, client.Apply(t.Context(), placed.Path, placed.Body))
	assert.Equal(t, http.MethodPatch, asked.Method)
	assert.Equal(t, "application/apply-patch+yaml", asked.Header.Get("Content-Type"))
	assert.Equal(t, "/apis/storage.k8s.io/v1/storageclasses/local-storage?fieldManager=cell-cluster&force=true", asked.URL.String())
	assert.Contains(t, content.String(), "WaitForFirstConsumer")
}

func TestErrorsCarryTheServersSentence(t *testing.T) {
	client, _, _ := serve(t, http.StatusForbidden, `{"kind":"Status","message":"you may not"}`)
	err := client.Get(t.Context(), "/x", nil)
	assert.EqualError(t, err, "get /x: apiserver answered 403: you may not")
	assert.False(t, IsNotFound(err))

	client, _, _ = serve(t, http.StatusInternalServerError, "[-]etcd failed\n")
	assert.ErrorContains(t, client.Healthy(t.Context()), "500: [-]etcd failed")

	client, _, _ = serve(t, http.StatusNotFound, "")
	assert.True(t, IsNotFound(client.Get(t.Context(), "/x", nil)))
	assert.NoError(t, client.Delete(t.Context(), "/x"), "what is gone need not be deleted")

	client, _, _ = serve(t, http.StatusOK, "no JSON")
	assert.ErrorContains(t, client.Get(t.Context(), "/x", &Object{}), "parse answer")
}

func TestVolume(t *testing.T) {
	placed := Volume("node-1-volume-2", "node-1", "/state/volumes/node-1/node-1-volume-2")
	assert.Equal(t, "/api/v1/persistentvolumes/node-1-volume-2", placed.Path)
	data, err := json.Marshal(placed.Body["spec"])
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
		"storageClassName": "local-storage", "persistentVolumeReclaimPolicy": "Retain",
		"local": {"path": "/state/volumes/node-1/node-1-volume-2"},
		"nodeAffinity": {"required": {"nodeSelectorTerms": [
			{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1"]}]}]}}
	}`, string(data))
}

func TestFakeNodeIsTaintedBesideRealOnes(t *testing.T) {
	alone := FakeNode(4, 3, false, "kwok", "fake").Body
	assert.Empty(t, alone["spec"])
	assert.Equal(t, "zone-1", alone["metadata"].(Object)["labels"].(Object)["topology.kubernetes.io/zone"])
	beside := FakeNode(4, 3, true, "kwok", "fake").Body
	assert.Equal(t, []Object{{"key": "kwok", "value": "fake", "effect": "NoSchedule"}}, beside["spec"].(Object)["taints"])
}
