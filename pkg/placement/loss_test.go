// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLosses(t *testing.T) {
	tests := map[string]struct {
		nodes, there string
		rule         Rule
		zone, host   Loss
	}{
		"PDs apart": {
			"z1:a z2:b z3:c", "a b c", PDs(3),
			Loss{zone, "z1", 1, 1}, Loss{host, "a", 1, 1},
		},
		"two PDs in a zone": {
			"z1:a z2:b,c z3:d", "a b c", PDs(3),
			Loss{zone, "z2", 2, 2}, Loss{host, "a", 1, 1},
		},
		"six stores in three zones hold each cell three times": {
			"z1:a,b z2:c,d z3:e,f", "a b c d e f", Stores(6, 3),
			Loss{zone, "z1", 2, 1}, Loss{host, "a", 1, 1},
		},
		"an uneven zone is harmless as long as there are three": {
			"z1:a,b z2:c z3:e", "a b a c e", Stores(5, 3),
			Loss{zone, "z1", 3, 1}, Loss{host, "a", 2, 1},
		},
		"two zones": {
			"z1:a,b z2:c,d", "a b c d", Stores(4, 3),
			Loss{zone, "z1", 2, 2}, Loss{host, "a", 1, 1},
		},
		"a zone with one store takes one replica, the other the rest": {
			"z1:a,b,c z2:d", "a b c d", Stores(4, 3),
			Loss{zone, "z1", 3, 2}, Loss{host, "a", 1, 1},
		},
		"a node with two stores of three": {
			"z1:a z1:b", "a b b", Stores(3, 3),
			Loss{zone, "z1", 3, 3}, Loss{host, "b", 2, 2},
		},
		"five replicas": {
			"z1:a,b z2:c,d z3:e", "a b c d e", Stores(5, 5),
			Loss{zone, "z1", 2, 2}, Loss{host, "a", 1, 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			top := tree(test.nodes)
			assert.Equal(t, []Loss{test.zone, test.host}, top.Losses(test.rule, at(top, test.there)))
		})
	}
}

func TestRules(t *testing.T) {
	for n, want := range map[int]Rule{0: {1, 1, 0}, 1: {1, 1, 0}, 2: {2, 2, 0}, 3: {3, 3, 1}, 4: {4, 4, 1}, 5: {5, 5, 2}, 7: {7, 7, 3}} {
		assert.Equal(t, want, PDs(n), n)
	}
	assert.Equal(t, Rule{3, 3, 1}, Stores(3, 3))
	assert.Equal(t, Rule{6, 3, 1}, Stores(6, 3))
	assert.Equal(t, Rule{2, 2, 1}, Stores(2, 3))
	assert.Equal(t, 1, Stores(3, 3).Bearable())
	assert.Equal(t, 2, PDs(5).Bearable())
	assert.Equal(t, 3, PDs(5).Needed())
	assert.Equal(t, 4, PDs(4).Needed())
	assert.Equal(t, 3, Stores(9, 3).Needed())
}
