// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package programs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

func tools() fstest.MapFS {
	return fstest.MapFS{
		"kubernetes/go.mod": {Data: []byte("module x\n\nrequire k8s.io/kubernetes v1.36.3\n")},
		"kubernetes/go.sum": {Data: []byte("sums\n")},
		"coredns/main.go":   {Data: []byte("package main\n")},
	}
}

func TestVersionKey(t *testing.T) {
	key, err := versionKey(tools())
	require.NoError(t, err)
	assert.Regexp(t, `^v1\.36\.3-[0-9a-f]{12}$`, key)

	again, err := versionKey(tools())
	require.NoError(t, err)
	assert.Equal(t, key, again)

	for name, data := range map[string]string{ // each as long as before
		"kubernetes/go.mod": "module y\n\nrequire k8s.io/kubernetes v1.36.3\n",
		"kubernetes/go.sum": "more\n",
		"coredns/main.go":   "package mair\n",
	} {
		changed := tools()
		require.Len(t, changed[name].Data, len(data))
		changed[name] = &fstest.MapFile{Data: []byte(data)}
		other, err := versionKey(changed)
		require.NoError(t, err)
		assert.NotEqual(t, key, other, "%s goes into the programs", name)
	}

	_, err = versionKey(fstest.MapFS{"kubernetes/go.mod": {Data: []byte("module x\n")}})
	assert.ErrorContains(t, err, "does not require k8s.io/kubernetes")
	_, err = versionKey(fstest.MapFS{})
	assert.ErrorContains(t, err, "Kubernetes' version")
}

func TestLinkerFlagsTellKubernetesItsVersion(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), tools()["kubernetes/go.mod"].Data, 0o600))
	flags, err := linkerFlags(dir, kubernetesModule)
	require.NoError(t, err)
	for _, want := range []string{"version.gitVersion=v1.36.3", "version.gitMajor=1", "version.gitMinor=36"} {
		assert.Contains(t, flags, want)
	}
	flags, err = linkerFlags(dir, "etcd")
	require.NoError(t, err)
	assert.NotContains(t, flags, "-X")
}

func TestWhatIsBuilt(t *testing.T) {
	assert.NotContains(t, ForCluster(false), render.Kwok)
	assert.Contains(t, ForCluster(true), render.Kwok)
	assert.Contains(t, ForCluster(false), Kubectl)
	assert.Equal(t, []string{render.Etcd, render.APIServer, render.Scheduler}, ForAPIServer([]string{render.Scheduler}))
	for _, name := range append(ForAPIServer(nil), ForCluster(true)...) {
		assert.Contains(t, All(), name)
	}
}

func TestFindTools(t *testing.T) {
	found, err := FindTools() // the test runs below tests/cluster
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(found, "tools"), found)

	t.Setenv(ToolsVariable, t.TempDir())
	_, err = FindTools()
	assert.ErrorContains(t, err, ToolsVariable)
}

// TestBuild builds the smallest program, and finds it built the second time.
func TestBuild(t *testing.T) {
	dir, err := FindTools()
	require.NoError(t, err)
	cache, err := Open(dir, t.TempDir())
	require.NoError(t, err)
	assert.Equal(t, []string{Pause}, cache.Missing([]string{Pause}))

	var progress bytes.Buffer
	require.NoError(t, cache.Build(t.Context(), []string{Pause}, &progress))
	assert.Contains(t, progress.String(), "built pause")
	assert.Empty(t, cache.Missing([]string{Pause}))
	left, err := filepath.Glob(filepath.Join(cache.Dir, "building-*"))
	require.NoError(t, err)
	assert.Empty(t, left)

	progress.Reset()
	require.NoError(t, cache.Build(t.Context(), []string{Pause}, &progress))
	assert.Empty(t, progress.String())
}
