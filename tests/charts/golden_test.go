// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compares whole renders, so that each change of the charts shows in
// review. After an intended one: go test -run TestGolden -update.
func TestGolden(t *testing.T) {
	for _, chart := range []string{operatorChart, clusterChart} {
		for _, values := range []string{"default", "full"} {
			t.Run(chart+"/"+values, func(t *testing.T) {
				var user string
				if values != "default" {
					user = readTestdata(t, chart+"."+values+".yaml")
				}
				compareGolden(t, chart+"."+values+".golden.yaml", joined(render(t, chart, user)))
			})
		}
	}
}

// joined is the objects as one text. The CRD is left out: it is generated, and
// TestCRDIsPassedOnUnchanged looks at it.
func joined(objects []object) string {
	var texts []string
	for _, o := range objects {
		if o.Kind != "CustomResourceDefinition" {
			texts = append(texts, o.text)
		}
	}
	return strings.Join(texts, "---\n")
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join("testdata", name), []byte(got), 0o644))
	}
	assert.Equal(t, readTestdata(t, name), got, "run go test -run TestGolden -update if the change is intended")
}

func readTestdata(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(text)
}
