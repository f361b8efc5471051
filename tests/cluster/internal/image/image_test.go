// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFullName(t *testing.T) {
	tests := map[string]string{
		"pd":                             "docker.io/library/pd:latest",
		"pd:dev":                         "docker.io/library/pd:dev",
		"deepfabric/pd:dev":              "docker.io/deepfabric/pd:dev",
		"localhost/pd:dev":               "localhost/pd:dev",
		"localhost:5000/pd":              "localhost:5000/pd:latest",
		"registry.example.com/a/b:1":     "registry.example.com/a/b:1",
		"docker.io/library/pd:dev":       "docker.io/library/pd:dev",
		"example.com/pd@sha256:00112233": "example.com/pd@sha256:00112233",
	}
	for name, want := range tests {
		assert.Equal(t, want, FullName(name), name)
	}
}

func TestWrittenImageCanBeOpened(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "pause")
	require.NoError(t, os.WriteFile(program, []byte("binary"), 0o600))
	file := filepath.Join(dir, "pause.tar")
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, Write(f, "example.com/pause:1", program))
	require.NoError(t, f.Close())

	archive, err := Open(file)
	require.NoError(t, err)
	assert.Equal(t, []string{"example.com/pause:1"}, archive.Names)

	files := untar(t, file)
	var manifest []struct {
		Config string
		Layers []string
	}
	require.NoError(t, json.Unmarshal(files["manifest.json"], &manifest))
	var config struct {
		Config struct{ Entrypoint []string }
		Rootfs struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	require.NoError(t, json.Unmarshal(files[manifest[0].Config], &config))
	assert.Equal(t, []string{"/pause"}, config.Config.Entrypoint)
	assert.Equal(t, []string{"sha256:" + digest(files[manifest[0].Layers[0]])}, config.Rootfs.DiffIDs)
	layer, err := tar.NewReader(bytes.NewReader(files["layer.tar"])).Next()
	require.NoError(t, err)
	assert.Equal(t, int64(0o755), layer.Mode)

	assert.ErrorContains(t, Write(io.Discard, "x", filepath.Join(dir, "none")), "make image x")
}

func TestOpen(t *testing.T) {
	tests := []struct {
		name    string
		files   []file
		want    []string
		wantErr string
	}{
		{"docker", []file{{name: "manifest.json", data: []byte(`[{"RepoTags":["pd:dev","store:dev"]}]`)}},
			[]string{"docker.io/library/pd:dev", "docker.io/library/store:dev"}, ""},
		{"oci", []file{{name: "index.json", data: []byte(`{"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"localhost/pd:dev"}}]}`)}},
			[]string{"localhost/pd:dev"}, ""},
		{"oci in containerd's spelling", []file{{name: "./index.json", data: []byte(`{"manifests":[{"annotations":{"io.containerd.image.name":"docker.io/library/pd:dev","org.opencontainers.image.ref.name":"dev"}}]}`)}},
			[]string{"docker.io/library/pd:dev"}, ""},
		{"both layouts", []file{
			{name: "manifest.json", data: []byte(`[{"RepoTags":["pd:dev"]}]`)},
			{name: "index.json", data: []byte(`{"manifests":[{"annotations":{"io.containerd.image.name":"docker.io/library/pd:dev"}}]}`)},
		}, []string{"docker.io/library/pd:dev"}, ""},
		{"oci with a bare tag", []file{{name: "index.json", data: []byte(`{"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"dev"}}]}`)}}, nil, "names no image"},
		{"oci without annotations", []file{{name: "index.json", data: []byte(`{"manifests":[{}]}`)}}, nil, "names no image"},
		{"docker without a name", []file{{name: "manifest.json", data: []byte(`[{"RepoTags":null}]`)}}, nil, "names no image"},
		{"something else", []file{{name: "README", data: []byte("hello")}}, nil, "names no image"},
		{"broken manifest", []file{{name: "manifest.json", data: []byte(`{`)}}, nil, "parse manifest.json"},
		{"broken index", []file{{name: "index.json", data: []byte(`{"manifests":[1]}`)}}, nil, "a manifest is no object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			archive, err := Open(archiveOf(t, tt.files...))
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, archive.Names)
		})
	}
}

func TestOpenWhatIsNoArchive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.tar.gz")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte{0x1f, 0x8b, 8, 0}, 512), 0o600))
	_, err := Open(file)
	assert.ErrorContains(t, err, "uncompressed tar")
	_, err = Open(file + "none")
	assert.ErrorContains(t, err, "no such file")
}

func TestWriteToSpellsNamesOut(t *testing.T) {
	blob := file{name: "blobs/sha256/00", mode: 0o644, data: []byte("content")}
	index := []byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:00","annotations":{"org.opencontainers.image.ref.name":"pd:dev"}}]}`)
	archive, err := Open(archiveOf(t, blob, file{name: "index.json", data: index}))
	require.NoError(t, err)

	out := filepath.Join(t.TempDir(), "out.tar")
	f, err := os.Create(out)
	require.NoError(t, err)
	n, err := archive.WriteTo(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	info, err := os.Stat(out)
	require.NoError(t, err)
	assert.Equal(t, info.Size(), n)

	files := untar(t, out)
	assert.Equal(t, "content", string(files["blobs/sha256/00"]))
	assert.JSONEq(t, `{"schemaVersion":2,"manifests":[{"digest":"sha256:00","annotations":{
		"org.opencontainers.image.ref.name":"pd:dev","io.containerd.image.name":"docker.io/library/pd:dev"}}]}`, string(files["index.json"]))
}

func archiveOf(t *testing.T, files ...file) string {
	t.Helper()
	data, err := tarOf(files...)
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "image.tar")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	return name
}

func untar(t *testing.T, name string) map[string][]byte {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files
		}
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		files[header.Name] = data
	}
}
