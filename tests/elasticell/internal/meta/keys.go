// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meta

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math"
)

// Hashed says whether keys are spread by their hash. With one initial cell, or none asked for, cells are ranges of keys.
func (p *InitParams) Hashed() bool { return p != nil && p.InitCellCount > 1 }

// RouteKey returns the place of a key in the cells' key space.
func RouteKey(p *InitParams, key []byte) []byte {
	if !p.Hashed() {
		return key
	}
	h := fnv.New64a()
	_, _ = h.Write(key)
	return binary.BigEndian.AppendUint64(nil, mix(h.Sum64()))
}

// mix spreads the bits of a hash: FNV's high bits barely change among short keys, and cells are ranges of the high bits.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Contains says whether the cell covers the route key.
func (c Cell) Contains(route []byte) bool {
	return bytes.Compare(c.Start, route) <= 0 && (len(c.End) == 0 || bytes.Compare(route, c.End) < 0)
}

// InitialRanges cuts the key space into the cells a first store begins with: [start, end) pairs.
func InitialRanges(p *InitParams) [][2][]byte {
	if !p.Hashed() {
		return [][2][]byte{{{}, {}}}
	}
	n := p.InitCellCount
	width := math.MaxUint64/n + 1
	ranges := make([][2][]byte, 0, n)
	start := []byte{}
	for i := uint64(1); i <= n; i++ {
		end := []byte{}
		if i < n {
			end = binary.BigEndian.AppendUint64(nil, i*width)
		}
		ranges = append(ranges, [2][]byte{start, end})
		start = end
	}
	return ranges
}
