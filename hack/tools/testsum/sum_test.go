// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The packages are real ones, so that the events are those of this Go.
func TestRun(t *testing.T) {
	const (
		passing = "import \"testing\"\nfunc TestA(t *testing.T) { t.Run(\"x\", func(*testing.T) {}); t.Log(\"silent\") }\n"
		failing = "import \"testing\"\nfunc TestB(t *testing.T) { t.Run(\"y\", func(t *testing.T) { t.Error(\"loud\") }) }\n"
	)
	tests := []struct {
		name, source string
		args         []string
		ok           bool
		total        string
		says, silent string
	}{
		{name: "all pass", source: passing, ok: true, total: "2 passed, 0 failed", says: "ok  \tp", silent: "silent"},
		{name: "a subtest fails with its parent", source: failing, total: "0 passed, 2 failed", says: "loud"},
		{name: "it panics", source: "import \"testing\"\nfunc TestC(t *testing.T) { panic(\"alas\") }\n", total: "0 passed, 1 failed", says: "alas"},
		{name: "it exits", source: "import (\"os\"; \"testing\")\nfunc TestD(t *testing.T) { os.Exit(3) }\n", total: "0 passed, 1 failed", says: "FAILED p TestD"},
		{name: "it takes too long", source: "import \"testing\"\nfunc TestE(t *testing.T) { select {} }\nfunc TestF(t *testing.T) {}\n",
			args: []string{"-timeout=1s"}, total: "0 passed, 1 failed", says: "test timed out"},
		{name: "main fails before all tests", source: "import (\"os\"; \"testing\")\nfunc TestMain(*testing.M) { os.Exit(4) }\nfunc TestG(*testing.T) {}\n",
			total: "0 passed, 1 failed", says: "FAILED p"},
		{name: "it does not compile", source: "func f() { return 1 }\n", total: "0 passed, 1 failed", says: "too many return values"},
		{name: "one is skipped", source: passing + "func TestH(t *testing.T) { t.Skip() }\n", ok: true, total: "2 passed, 0 failed", says: "1 skipped\n"},
		{name: "no test at all", source: "", total: "0 passed, 0 failed"},
		{name: "go itself fails", args: []string{"-mod=nonsense"}, source: passing, total: "0 passed, 1 failed", says: "FAILED go test of p"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			events := `{"Action":"suite","Package":"p"}` + "\n" + goTest(t, tt.source, tt.args...)
			var out strings.Builder
			ok, err := run(strings.NewReader(events), &out)
			require.NoError(t, err)
			assert.Equal(t, tt.ok, ok, "%s", &out)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			assert.Equal(t, tt.total, lines[len(lines)-1], "%s", &out)
			assert.Contains(t, out.String(), tt.says)
			if tt.silent != "" {
				assert.NotContains(t, out.String(), tt.silent)
			}
		})
	}
}

// goTest runs a package of one test file and returns its events.
func goTest(t *testing.T, source string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module p\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p_test.go"), []byte("package p\n\n"+source), 0o600))
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		return string(out) + `{"Action":"suite-fail","Package":"p"}` + "\n"
	}
	return string(out)
}

func TestKilledRunFails(t *testing.T) {
	var out strings.Builder
	ok, err := run(strings.NewReader(`{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"half a line"}`), &out)
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Contains(t, out.String(), "half a line")
	assert.Contains(t, out.String(), "0 passed, 1 failed\n")
}
