// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// A release's fixtures are written once, when it is made:
//
//	go test ./pkg/desired -run TestReleases -release v0.2.0
//
// and never again: they are what its pods carry.
var release = flag.String("release", "", "write the fixtures of this release")

// An upgrade of the operator restarts no pod of a cluster, so every later
// release computes for every cluster the restart hash that each earlier one
// computed. Whoever must change a template that exists keeps the old form for the
// old hash, or says in the release's notes that all pods are restarted, and why.
func TestReleases(t *testing.T) {
	root := filepath.Join("testdata", "releases")
	if *release != "" {
		writeRelease(t, filepath.Join(root, *release))
	}
	dirs, err := filepath.Glob(filepath.Join(root, "*", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		name, err := filepath.Rel(root, dir)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			now := templates(t, readCluster(t, filepath.Join(dir, "cluster.yaml")))
			for component, template := range now {
				released := readTemplate(t, filepath.Join(dir, string(component)+".yaml"))
				hash := RestartHash(released.Annotations)
				require.NotEmpty(t, hash)

				again := released.DeepCopy()
				delete(again.Annotations, naming.AnnotationRestartHash)
				setRestartHash(again)
				assert.Equal(t, hash, RestartHash(again.Annotations), "the hash of the template that this release wrote for %s", component)
				if !assert.Equal(t, hash, RestartHash(template.Annotations), "an upgrade from this release would restart every %s", component) {
					assert.Equal(t, released, template)
				}
			}
		})
	}
}

func writeRelease(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"small", "full"} {
		from, to := filepath.Join("testdata", "golden", name, "cluster.yaml"), filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(to, 0o755))
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, "cluster.yaml"), text, 0o644))
		for component, template := range templates(t, readCluster(t, from)) {
			text, err := yaml.Marshal(template)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(to, string(component)+".yaml"), text, 0o644))
		}
	}
}

func readTemplate(t *testing.T, path string) *corev1.PodTemplateSpec {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	template := &corev1.PodTemplateSpec{}
	require.NoError(t, yaml.UnmarshalStrict(text, template))
	return template
}
