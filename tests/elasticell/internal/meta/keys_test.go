// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meta

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInitialRangesCoverEveryKeyOnce(t *testing.T) {
	for _, params := range []*InitParams{nil, {InitCellCount: 0}, {InitCellCount: 1}, {InitCellCount: 2}, {InitCellCount: 3}, {InitCellCount: 8}, {InitCellCount: 100}} {
		ranges := InitialRanges(params)
		hits := make([]int, len(ranges))
		for i := range 2000 {
			route := RouteKey(params, fmt.Appendf(nil, "key%d", i))
			found := 0
			for n, r := range ranges {
				if (Cell{Start: r[0], End: r[1]}).Contains(route) {
					hits[n]++
					found++
				}
			}
			require.Equal(t, 1, found)
		}
		for n := range hits {
			assert.Positive(t, hits[n], "cell %d of %d gets keys", n, len(ranges))
		}
	}
}

func TestOneCellIsByKeyAndSeveralByHash(t *testing.T) {
	key := []byte("some key")
	assert.Equal(t, key, RouteKey(nil, key))
	assert.Equal(t, key, RouteKey(&InitParams{InitCellCount: 1}, key))
	assert.Len(t, RouteKey(&InitParams{InitCellCount: 2}, key), 8)
}
