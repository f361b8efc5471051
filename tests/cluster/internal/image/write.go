// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package image makes, reads and names the archives in which images travel: `docker save`'s and OCI's.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
)

// Write writes a docker archive of an image that holds a single static program.
func Write(w io.Writer, ref, program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("make image %s: %w", ref, err)
	}
	name := path.Base(program)
	layer, err := tarOf(file{name: name, mode: 0o755, data: binary})
	if err != nil {
		return fmt.Errorf("make image %s: %w", ref, err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/" + name}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return fmt.Errorf("make image %s: %w", ref, err)
	}
	configFile := digest(config) + ".json"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configFile, "RepoTags": []string{ref}, "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return fmt.Errorf("make image %s: %w", ref, err)
	}
	archive, err := tarOf(
		file{name: "layer.tar", mode: 0o644, data: layer},
		file{name: configFile, mode: 0o644, data: config},
		file{name: "manifest.json", mode: 0o644, data: manifest},
	)
	if err != nil {
		return fmt.Errorf("make image %s: %w", ref, err)
	}
	if _, err := w.Write(archive); err != nil {
		return fmt.Errorf("write image %s: %w", ref, err)
	}
	return nil
}

type file struct {
	name string
	mode int64
	data []byte
}

func tarOf(files ...file) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		header := &tar.Header{Name: strings.TrimPrefix(f.name, "/"), Mode: f.mode, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
