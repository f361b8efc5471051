// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/image"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/programs"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

// LoadImages gives image archives to all nodes, and keeps them for nodes that come later or are
// stopped now. It returns the images' names.
func (c *Cluster) LoadImages(ctx context.Context, files []string) ([]string, error) {
	if c.setup().OnHost {
		return nil, errors.New("load images: this is a bare apiserver, which has no nodes")
	}
	var names, kept []string
	for _, file := range files {
		archive, err := image.Open(file)
		if err != nil {
			return nil, err
		}
		copied, err := c.keepImage(archive)
		if err != nil {
			return nil, err
		}
		names, kept = append(names, archive.Names...), append(kept, copied)
	}
	err := c.eachNode(ctx, func(ctx context.Context, n plan.Node) error {
		for _, file := range kept {
			if err := c.importImage(ctx, n, file); err != nil {
				return err
			}
		}
		return nil
	})
	return names, err
}

// keepImage copies an archive into the state folder. A newer one of the same names takes the place
// of the older.
func (c *Cluster) keepImage(archive *image.Archive) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(archive.Names, "\n")))
	file := filepath.Join(c.dirs.Images(), hex.EncodeToString(sum[:8])+".tar")
	f, err := os.CreateTemp(c.dirs.Images(), "loading-*")
	if err != nil {
		return "", fmt.Errorf("keep image: %w", err)
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	_, err = archive.WriteTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("keep image: %w", err)
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return "", fmt.Errorf("keep image: %w", err)
	}
	return file, nil
}

// importImage gives a kept archive to a node's containerd.
func (c *Cluster) importImage(ctx context.Context, n plan.Node, file string) error {
	err := host.Run(ctx, "ctr", "--address="+c.dirs.ContainerdSocket(n), "--namespace=k8s.io", "images", "import",
		"--snapshotter="+c.setup().Snapshotter, file)
	if err != nil {
		return fmt.Errorf("load image on %s: %w", n.Name, err)
	}
	return nil
}

// writePauseImage makes the image of the containers that hold pods' namespaces.
func (c *Cluster) writePauseImage() error {
	f, err := os.Create(filepath.Join(c.dirs.Images(), "pause.tar"))
	if err != nil {
		return fmt.Errorf("make pause image: %w", err)
	}
	err = image.Write(f, render.PauseImage, filepath.Join(c.setup().Bin, programs.Pause))
	return errors.Join(err, f.Close())
}
