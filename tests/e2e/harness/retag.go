// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Retag copies a docker archive of one image and gives the copy another name.
func Retag(from, to, name string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	if err := errors.Join(retag(in, out, name), out.Close()); err != nil {
		return fmt.Errorf("give image %s the name %s: %w", from, name, err)
	}
	return nil
}

func retag(in io.Reader, out io.Writer, name string) error {
	const manifest = "manifest.json"
	r, w := tar.NewReader(in), tar.NewWriter(out)
	found := false
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		// Other lists of names in the archive would bring the old one back.
		if header.Name == "repositories" || header.Name == "index.json" {
			continue
		}
		var content io.Reader = r
		if header.Name == manifest {
			renamed, err := rename(r, name)
			if err != nil {
				return err
			}
			header.Size, content, found = int64(len(renamed)), bytes.NewReader(renamed), true
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(w, content); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("it is no docker archive: it has no manifest.json")
	}
	return w.Close()
}

func rename(manifest io.Reader, name string) ([]byte, error) {
	var images []map[string]json.RawMessage
	if err := json.NewDecoder(manifest).Decode(&images); err != nil {
		return nil, fmt.Errorf("read manifest.json: %w", err)
	}
	if len(images) != 1 {
		return nil, fmt.Errorf("the archive holds %d images, not one", len(images))
	}
	names, err := json.Marshal([]string{name})
	if err != nil {
		return nil, err
	}
	images[0]["RepoTags"] = names
	return json.Marshal(images)
}
