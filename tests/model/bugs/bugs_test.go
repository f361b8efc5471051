// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package bugs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// Every bug can still be planted.
func TestBugsCanBePlanted(t *testing.T) {
	assert.GreaterOrEqual(t, len(Planted), 20)
	record, err := os.ReadFile(filepath.Join(absolute(t), "docs", "track-record.md"))
	require.NoError(t, err)
	for _, b := range Found {
		assert.Contains(t, string(record), testName(b), "docs/track-record.md does not tell about %q", b.Name)
	}
	names := map[string]bool{}
	for _, b := range All() {
		_, err := b.Overlay(absolute(t), t.TempDir())
		assert.NoError(t, err, b.Name)
		assert.False(t, names[b.Name], "two bugs %q", b.Name)
		names[b.Name] = true
	}
}

// Every bug is caught. Each needs a build of its own, so it is part of the whole.
func TestBugsAreCaught(t *testing.T) {
	if os.Getenv("CELL_MODEL") != "all" {
		t.Skip("needs CELL_MODEL=all: each bug is built")
	}
	for _, b := range All() {
		t.Run(testName(b), func(t *testing.T) { catch(t, b) })
	}
}

// testName is a bug's name in -run.
func testName(b Bug) string { return strings.ReplaceAll(b.Name, " ", "-") }

// catch plants a bug and requires that a test fails because of it.
func catch(t *testing.T, b Bug) {
	overlay, err := b.Overlay(absolute(t), t.TempDir())
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "model.test")
	in, dir := filepath.Join(absolute(t), "tests"), "model"
	if b.Unit != "" {
		in, dir = absolute(t), b.Unit
	}
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay="+overlay, "-o", program, "./"+dir)
	build.Dir = in
	out, err := build.CombinedOutput()
	require.NoError(t, err, "the bug does not compile:\n%s", out)
	run := exec.CommandContext(t.Context(), program, "-test.run", "^"+strings.ReplaceAll(b.Caught, "/", "$/^")+"", "-test.timeout", "10m", "-test.failfast")
	run.Dir = filepath.Join(in, dir)
	run.Env = append(os.Environ(), "CELL_MODEL=all", "CELL_MODEL_ONLY="+b.Only)
	out, err = run.CombinedOutput()
	require.Error(t, err, "%s does not catch it:\n%s", b.Caught, out)
	assert.Contains(t, string(out), "--- FAIL: ", "%s", out)
	t.Logf("%s says: %s", b.Caught, first(string(out)))
}

// first is the line of a test's output that says what was wrong.
func first(out string) string {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "second ") || strings.Contains(line, "undisturbed") || strings.Contains(line, "it does not come") || strings.Contains(line, "written") {
			return line
		}
	}
	return ""
}

func absolute(t *testing.T) string {
	path, err := filepath.Abs(root)
	require.NoError(t, err)
	return path
}
