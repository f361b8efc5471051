// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlocks(t *testing.T) {
	page := strings.Join([]string{
		"# Title", "```sh", "not marked", "```", "<!-- ci -->", "```sh", "one", "two \\", "  three", "```", "text",
		"1. in a list", "   <!-- ci -->", "   ```sh", "   four", "   ```", "```", "not ours", "```",
	}, "\n")
	blocks, err := Blocks(page)
	require.NoError(t, err)
	assert.Equal(t, []Block{{Line: 7, Commands: "one\ntwo \\\n  three\n"}, {Line: 15, Commands: "four\n"}}, blocks)

	none, err := Blocks("no blocks")
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestBlocksRefusesMarkersOfNothing(t *testing.T) {
	tests := []struct{ name, page, want string }{
		{"end of page", "<!-- ci -->", "line 1"},
		{"blank line between", "text\n<!-- ci -->\n\n```sh\na\n```", "line 2: <!-- ci --> must be followed"},
		{"other language", "<!-- ci -->\n```yaml\na\n```", "must be followed"},
		{"open end", "<!-- ci -->\n```sh\na\n", "does not end"},
		{"empty", "<!-- ci -->\n```sh\n\n```", "is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Blocks(tt.page)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
