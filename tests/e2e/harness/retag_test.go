// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetag(t *testing.T) {
	in := archive(t, "layer.tar", "content", "manifest.json", `[{"Config":"c.json","RepoTags":["old:1"],"Layers":["layer.tar"]}]`, "repositories", `{"old":{}}`)
	var out bytes.Buffer
	require.NoError(t, retag(in, &out, "new:2"))
	files := unpack(t, &out)
	assert.JSONEq(t, `[{"Config":"c.json","RepoTags":["new:2"],"Layers":["layer.tar"]}]`, files["manifest.json"])
	assert.Equal(t, "content", files["layer.tar"])
	assert.NotContains(t, files, "repositories")
}

func TestRetagRefusals(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"no docker archive", []string{"index.json", "{}"}, "no docker archive"},
		{"two images", []string{"manifest.json", "[{},{}]"}, "holds 2 images"},
		{"no JSON", []string{"manifest.json", "x"}, "read manifest.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorContains(t, retag(archive(t, tt.files...), io.Discard, "new:2"), tt.want)
		})
	}
}

// archive makes a tar of names and contents in turn.
func archive(t *testing.T, files ...string) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}))
		_, err := io.WriteString(w, files[i+1])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &out
}

func unpack(t *testing.T, in io.Reader) map[string]string {
	t.Helper()
	files := map[string]string{}
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		files[header.Name] = string(content)
	}
}
