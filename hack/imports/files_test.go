// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package imports

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	header = "// Copyright 2026 The Cell Operator Authors.\n// SPDX-License-Identifier: Apache-2.0\n"
	// longest is the greatest number of lines of a file that is written by hand.
	longest = 500
)

// generated is how programs that write Go mark what they write.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// Every Go file of every module here carries the licence, and none that is written by hand is too long to be read.
func TestFiles(t *testing.T) {
	files := 0
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "_out" || entry.Name() == ".git" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if generated.Match(text) {
			assert.Contains(t, string(text), header, "%s lacks the licence's two lines", path)
			return nil
		}
		assert.True(t, bytes.HasPrefix(text, []byte(header)), "%s does not begin with the licence's two lines", path)
		if lines := bytes.Count(text, []byte("\n")); lines > longest {
			assert.Fail(t, "too long", "%s has %d lines; split it by what its parts are about", path, lines)
		}
		return nil
	}))
	assert.Greater(t, files, 100, "the files are elsewhere")
}

// clocks are calls that read the time or wait for it.
var clocks = regexp.MustCompile(`\btime\.(Now|Since|Until|Sleep|After|AfterFunc|Tick|NewTimer|NewTicker)\(`)

// Whoever decides gets the time with what it decides about.
func TestClocks(t *testing.T) {
	for _, dir := range []string{"apis", "naming", "placement", "desired", "view", "manager", "launch", "scheduler/predicates"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", "..", "pkg", dir), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && filepath.Base(filepath.Dir(path)) == "launch":
				return filepath.SkipDir // below it stands what acts on plans
			case entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			assert.NotRegexp(t, clocks, string(text), "%s: time comes in with the view", path)
			return nil
		}))
	}
}
