// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	zone = "topology.kubernetes.io/zone"
	host = "kubernetes.io/hostname"
)

// tree makes a topology from "zone:node,node zone:node"; a zone "-" is none, and a node with "!" is closed.
func tree(text string) *Topology {
	var nodes []Node
	for part := range strings.FieldsSeq(text) {
		z, list, _ := strings.Cut(part, ":")
		for name := range strings.SplitSeq(list, ",") {
			name, closed := strings.CutSuffix(name, "!")
			n := Node{Name: name, Labels: map[string]string{host: name}, Open: !closed}
			if z != "-" {
				n.Labels[zone] = z
			}
			nodes = append(nodes, n)
		}
	}
	return New([]string{zone, host}, slices.Values(nodes))
}

func at(t *Topology, names string) []Place {
	var out []Place
	for name := range strings.FieldsSeq(names) {
		if z, pinned := strings.CutPrefix(name, "zone="); pinned {
			p, _ := t.First(z)
			out = append(out, p)
			continue
		}
		p, _ := t.Of(name)
		out = append(out, p)
	}
	return out
}

func allowed(t *Topology, rule Rule, places []Place, pinned int) string {
	j := t.Judge(rule, places)
	var out []string
	for name := range t.leaf {
		p, _ := t.Of(name)
		if _, ok := j.Allows(p, pinned); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestAllows(t *testing.T) {
	three := "z1:a,b z2:c,d z3:e,f"
	tests := map[string]struct {
		nodes string
		rule  Rule
		there string
		want  string
	}{
		"the first PD may stand anywhere":                  {three, PDs(3), "", "a b c d e f"},
		"no second PD in a zone of three":                  {three, PDs(3), "a", "c d e f"},
		"nor a third":                                      {three, PDs(3), "a c", "e f"},
		"two of five PDs may share a zone":                 {three, PDs(5), "a c", "a b c d e f"},
		"but not three":                                    {three, PDs(5), "a b c", "c d e f"},
		"three zones are too few for four PDs, nodes not":  {three, PDs(4), "a c e", "b d f"},
		"with four zones they stand apart":                 {three + " z4:g", PDs(4), "a c e", "g"},
		"two zones: as even as it goes":                    {"z1:a,b z2:c,d", PDs(3), "a b", "c d"},
		"two zones: but never two on a node where it goes": {"z1:a,b z2:c,d", PDs(3), "a c", "b d"},
		"no zones: by node":                                {"-:a,b,c", PDs(3), "a", "b c"},
		"nodes without a zone are a zone of their own":     {"z1:a z2:b -:c,d", PDs(3), "c", "a b"},
		"one node":                        {"-:a", PDs(3), "a a", "a"},
		"two nodes: two and one":          {"-:a,b", PDs(3), "a a", "b"},
		"one zone is no reason to refuse": {"z1:a,b,c", PDs(3), "a b", "c"},
		"a lopsided zone does not keep the last one waiting": {"z1:a z2:b,c,d,e,f", PDs(4), "a b c", "d e f"},
		"one PD":                                          {three, PDs(1), "", "a b c d e f"},
		"stores stand apart by zone":                      {three, Stores(3, 3), "a", "c d e f"},
		"one more than replicas may share":                {three, Stores(4, 3), "a", "a b c d e f"},
		"as long as enough are to come":                   {three, Stores(4, 3), "a b", "c d e f"},
		"and the last one may stand anywhere":             {three, Stores(4, 3), "a c e", "a b c d e f"},
		"two replicas need two zones":                     {three, Stores(3, 2), "a b", "c d e f"},
		"one replica needs none":                          {three, Stores(3, 1), "a a", "a b c d e f"},
		"five replicas in three zones: two and two":       {three, Stores(5, 5), "a b c", "d e f"},
		"on nodes of their own":                           {three, Stores(5, 5), "a b", "c d e f"},
		"fewer stores than replicas":                      {three, Stores(2, 3), "a", "c d e f"},
		"two nodes for three stores":                      {"-:a,b", Stores(3, 3), "a", "a b"},
		"never all three on one":                          {"-:a,b", Stores(3, 3), "a a", "b"},
		"what stands badly already does not block others": {three, Stores(3, 3), "a b", "c d e f"},
		"PDs that stand badly neither":                    {three, PDs(3), "a a", "c d e f"},
		"a volume in a zone counts there":                 {three, PDs(3), "zone=z1", "c d e f"},
		"a closed node is no way out":                     {"z1:a z2:b z3:c!", PDs(3), "a b", "a b"},
		"unless one stands there":                         {"z1:a,d z2:b z3:c!", PDs(3), "a c", "b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			top := tree(test.nodes)
			assert.Equal(t, test.want, strings.Join(slices.DeleteFunc(strings.Fields(allowed(top, test.rule, at(top, test.there), -1)), func(n string) bool {
				return strings.Contains(test.nodes, n+"!")
			}), " "))
		})
	}
}

// A volume that lies in a full zone is a fact; only the node within is still open.
func TestAllowsPinned(t *testing.T) {
	top := tree("z1:a,b z2:c,d z3:e,f")
	j := top.Judge(PDs(3), at(top, "a c"))
	inZone := at(top, "zone=z1")[0].Level()
	for node, want := range map[string]bool{"a": false, "b": true} {
		p, _ := top.Of(node)
		_, ok := j.Allows(p, inZone)
		assert.Equal(t, want, ok, node)
	}
}

func TestKeys(t *testing.T) {
	nodes := []Node{{Name: "a", Labels: map[string]string{host: "a"}, Open: true}, {Name: "b", Labels: map[string]string{host: "b", zone: "z"}}}
	assert.Equal(t, []string{host}, New([]string{"rack", zone, host, host}, slices.Values(nodes)).Keys(), "a key that only closed nodes have is passed over, as one that none has")
	none := New([]string{"rack"}, slices.Values(nodes))
	assert.Empty(t, none.Keys())
	p, known := none.Of("a")
	assert.True(t, known)
	_, ok := none.Judge(PDs(3), []Place{p, p}).Allows(p, -1)
	assert.True(t, ok, "without a key nothing is kept apart")
	_, known = none.Of("c")
	assert.False(t, known)
}

func TestFull(t *testing.T) {
	top := tree("z1:a,b z2:c,d z3:e,f")
	full, ok := top.Judge(PDs(3), at(top, "a")).Allows(at(top, "a")[0], -1)
	assert.False(t, ok)
	assert.Equal(t, "z1", top.Value(full), "the widest domain is the reason")
	assert.Equal(t, []string{"z2", "z3"}, top.Judge(PDs(3), at(top, "a")).WithRoom(0, 3))
}

// Whichever allowed nodes are taken in whichever order, the last member finds a
// place, and no domain ends with more than its limit; and the limits are the least at which that is possible.
func TestNobodyIsLeftOut(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var text []string
		for z := range 1 + r.IntN(4) {
			var names []string
			for n := range 1 + r.IntN(4) {
				names = append(names, fmt.Sprintf("n%d-%d", z, n))
			}
			text = append(text, fmt.Sprintf("z%d:%s", z, strings.Join(names, ",")))
		}
		members := 1 + r.IntN(7)
		rule := PDs(members)
		if r.IntN(2) == 0 {
			rule = Stores(members, 1+r.IntN(5))
		}
		top := tree(strings.Join(text, " "))
		var places []Place
		for range members {
			choice := strings.Fields(allowed(top, rule, places, -1))
			require.NotEmpty(t, choice, "seed %d: %v %+v after %d", seed, text, rule, len(places))
			places = append(places, at(top, choice[r.IntN(len(choice))])[0])
		}
		j := top.Judge(rule, places)
		require.GreaterOrEqual(t, j.apart, rule.Apart, "seed %d: %v %+v", seed, text, rule)
		if limits := top.Limits(rule); limits[0] == 1 {
			for _, loss := range top.Losses(rule, places) {
				require.LessOrEqual(t, loss.Apart, 1, "seed %d: %v %+v", seed, text, rule)
			}
		}
		for level, limit := range top.Limits(rule) {
			if level == len(top.keys)-1 && limit > max(rule.Safe, 1) {
				require.Less(t, (limit-1)*top.Domains(level), rule.Apart, "seed %d: one less would do as well", seed)
			}
			for i := range top.Domains(level) {
				if members := j.members[level][int32(i)]; rule.Apart == rule.Members {
					require.LessOrEqual(t, members, limit, "seed %d: %v %+v", seed, text, rule)
				}
			}
		}
	}
}
