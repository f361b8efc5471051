// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, Write(path, 0o600, strings.NewReader("a longer old one")))
	require.NoError(t, Write(path, 0o755, strings.NewReader("new")))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode())
}

func TestWriteLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, Write(path, 0o600, strings.NewReader("old")))
	err := Write(path, 0o600, iotest.ErrReader(errors.New("broken pipe")))
	require.ErrorContains(t, err, "write "+path+": broken pipe")

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(content))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file is left")
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	require.ErrorContains(t, Write(filepath.Join(dir, "none", "file"), 0o600, strings.NewReader("")), "write ")
	require.ErrorContains(t, Write(dir, 0o600, strings.NewReader("")), "write "+dir)
}
