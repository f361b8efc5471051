// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// The annotations of an OCI index in which a name may stand. Only the first is taken by containerd as
// it is; to the second, `ctr images import` would prepend a prefix with today's date.
const (
	containerdName = "io.containerd.image.name"
	ociName        = "org.opencontainers.image.ref.name"
)

const indexFile = "index.json"

// Archive is a checked image archive.
type Archive struct {
	File  string
	Names []string // full references, as pods must spell them or a short form of it

	index []byte // an OCI archive's index with containerd's annotations filled in; nil: leave it
}

// Open reads the names in an archive. It refuses one without: no pod could ever use it.
func Open(filename string) (*Archive, error) {
	f, err := os.Open(filename)
	if err != nil {
		return nil, fmt.Errorf("open image archive: %w", err)
	}
	defer f.Close()
	archive := &Archive{File: filename}
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read image archive %s: %w (want an uncompressed tar of `docker save` or in OCI's layout)", filename, err)
		}
		switch path.Clean(header.Name) {
		case "manifest.json":
			err = archive.readDocker(r)
		case indexFile:
			err = archive.readOCI(r)
		}
		if err != nil {
			return nil, fmt.Errorf("read image archive %s: %w", filename, err)
		}
	}
	archive.Names = unique(archive.Names) // newer docker writes both layouts into one archive
	if len(archive.Names) == 0 {
		return nil, fmt.Errorf("image archive %s names no image: save it by name, as in `buildah push IMAGE docker-archive:FILE:docker.io/library/NAME:TAG`", filename)
	}
	return archive, nil
}

func (a *Archive) readDocker(r io.Reader) error {
	var manifest []struct{ RepoTags []string }
	if err := json.NewDecoder(r).Decode(&manifest); err != nil {
		return fmt.Errorf("parse manifest.json: %w", err)
	}
	for _, m := range manifest {
		for _, tag := range m.RepoTags {
			a.Names = append(a.Names, FullName(tag))
		}
	}
	return nil
}

// readOCI notes the names in an OCI index and makes the index with which containerd takes them as
// they are.
func (a *Archive) readOCI(r io.Reader) error {
	var index map[string]any
	if err := json.NewDecoder(r).Decode(&index); err != nil {
		return fmt.Errorf("parse %s: %w", indexFile, err)
	}
	manifests, _ := index["manifests"].([]any)
	for _, m := range manifests {
		manifest, ok := m.(map[string]any)
		if !ok {
			return fmt.Errorf("parse %s: a manifest is no object", indexFile)
		}
		annotations, _ := manifest["annotations"].(map[string]any)
		name, _ := annotations[containerdName].(string)
		if name == "" {
			name, _ = annotations[ociName].(string)
			if !strings.ContainsAny(name, ":/@") {
				continue // a bare tag, or nothing
			}
			name = FullName(name)
			annotations[containerdName] = name
		}
		a.Names = append(a.Names, FullName(name))
	}
	var err error
	if a.index, err = json.Marshal(index); err != nil {
		return fmt.Errorf("write %s: %w", indexFile, err)
	}
	return nil
}

// WriteTo writes the archive with its names spelled in the way that containerd takes as they are.
func (a *Archive) WriteTo(w io.Writer) (int64, error) {
	f, err := os.Open(a.File)
	if err != nil {
		return 0, fmt.Errorf("open image archive: %w", err)
	}
	defer f.Close()
	if a.index == nil {
		return io.Copy(w, f)
	}
	out := &counter{w: w}
	if err := a.rewrite(tar.NewWriter(out), tar.NewReader(f)); err != nil {
		return out.n, fmt.Errorf("rewrite image archive %s: %w", a.File, err)
	}
	return out.n, nil
}

func (a *Archive) rewrite(w *tar.Writer, r *tar.Reader) error {
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return w.Close()
		}
		if err != nil {
			return err
		}
		var content io.Reader = r
		if path.Clean(header.Name) == indexFile {
			header.Size = int64(len(a.index))
			content = strings.NewReader(string(a.index))
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(w, content); err != nil {
			return err
		}
	}
}

// FullName spells an image's name out as containerd and kubelet do: "pd:dev" is
// "docker.io/library/pd:dev".
func FullName(name string) string {
	host, rest, found := strings.Cut(name, "/")
	switch {
	case !found:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		name = "docker.io/" + host + "/" + rest
	}
	if last := name[strings.LastIndex(name, "/"):]; !strings.ContainsAny(last, ":@") {
		name += ":latest"
	}
	return name
}

func unique(names []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
