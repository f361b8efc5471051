// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, harness.Options{Name: "cell-docs", VolumesPerNode: 10}))
}

// blockLimit is how long one block may take.
const blockLimit = 5 * time.Minute

// TestDocumentedCommands runs README.md's blocks and then those of the pages in
// docs, all on one Kubernetes. The first that fails ends it.
func TestDocumentedCommands(t *testing.T) {
	w := harness.Get(t)
	w.ExplainFailure(t, "cell")
	for _, page := range pages(t, w.Root) {
		text, err := os.ReadFile(filepath.Join(w.Root, page))
		require.NoError(t, err)
		blocks, err := Blocks(string(text))
		require.NoError(t, err, page)
		if page == "README.md" {
			require.NotEmpty(t, blocks, "README.md must hold the commands to begin with, after lines %s", marker)
		}
		for _, b := range blocks {
			place := fmt.Sprintf("%s:%d", page, b.Line)
			if !t.Run(place, func(t *testing.T) { run(t, w, place, b) }) {
				return
			}
		}
	}
}

func run(t *testing.T, w *harness.World, place string, b Block) {
	ctx, cancel := context.WithTimeout(t.Context(), blockLimit)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euxo", "pipefail", "-c", b.Commands)
	shell.Dir, shell.Env = w.Root, w.Env()
	// What a block leaves running in the background must not hold the test.
	shell.WaitDelay = time.Second
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	begin := time.Now()
	err := shell.Run()
	t.Logf("%s, %.1f s:\n%s", place, time.Since(begin).Seconds(), &out)
	require.NoError(t, err, place)
}

// pages are the documents in the order in which their commands run.
func pages(t *testing.T, root string) []string {
	t.Helper()
	found := []string{}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".md") {
			relative, errRel := filepath.Rel(root, path)
			found, err = append(found, relative), errRel
		}
		return err
	})
	require.NoError(t, err)
	slices.Sort(found)
	return append([]string{"README.md"}, found...)
}
