// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"iter"
	"slices"
	"sync"
)

// Node is a node of a Topology.
type Node struct {
	Name   string
	Labels map[string]string
	// Open tells that the node may ever take new members, though it may be full or down just now.
	Open bool
}

// Topology is the tree of domains of some nodes. It does not change, and may be shared.
type Topology struct {
	keys   []string
	levels [][]domain // the widest first
	leaf   map[string]int32

	mu     sync.Mutex
	limits map[Rule][]int
}

type domain struct {
	name
	open bool // some node within is
}

type name struct {
	value  string
	parent int32 // in the level above
}

// Place is a domain of a Topology. The zero value is no place.
type Place struct {
	depth int32 // the level plus one, so that zero is no place
	index int32
}

// Known tells whether it is a place at all.
func (p Place) Known() bool { return p.depth > 0 }

// New makes the tree of nodes. A key that no open node has is passed over. Where some
// have it, the nodes without it share the domain "".
func New(keys []string, nodes iter.Seq[Node]) *Topology {
	t := &Topology{leaf: map[string]int32{}, limits: map[Rule][]int{}}
	for _, key := range keys {
		for n := range nodes {
			if _, has := n.Labels[key]; has && n.Open && !slices.Contains(t.keys, key) {
				t.keys = append(t.keys, key)
				break
			}
		}
	}
	t.levels = make([][]domain, len(t.keys))
	index := make([]map[name]int32, len(t.keys))
	for i := range index {
		index[i] = map[name]int32{}
	}
	for n := range nodes {
		at := int32(0)
		for level, key := range t.keys {
			d := name{value: n.Labels[key], parent: at}
			i, there := index[level][d]
			if !there {
				i = int32(len(t.levels[level]))
				index[level][d] = i
				t.levels[level] = append(t.levels[level], domain{name: d})
			}
			t.levels[level][i].open = t.levels[level][i].open || n.Open
			at = i
		}
		t.leaf[n.Name] = at
	}
	return t
}

// Keys are those that some node has, the widest first.
func (t *Topology) Keys() []string { return t.keys }

// Nodes is the number of nodes.
func (t *Topology) Nodes() int { return len(t.leaf) }

// Domains is the number of domains at a level, which goes with Keys.
func (t *Topology) Domains(level int) int { return len(t.levels[level]) }

// Of is the place of a node: a domain of the last level. ok is false if the node is none of the tree's.
func (t *Topology) Of(node string) (p Place, ok bool) {
	i, ok := t.leaf[node]
	if !ok || len(t.keys) == 0 {
		return Place{}, ok
	}
	return Place{depth: int32(len(t.keys)), index: i}, true
}

// First is the domain of the first key with a value.
func (t *Topology) First(value string) (p Place, ok bool) {
	if len(t.keys) == 0 {
		return Place{}, false
	}
	for i, d := range t.levels[0] {
		if d.value == value {
			return Place{depth: 1, index: int32(i)}, true
		}
	}
	return Place{}, false
}

// Within is the domain of a level that holds a place. The place must be of that level or below it.
func (t *Topology) Within(p Place, level int) Place {
	for int(p.depth) > level+1 {
		p = Place{depth: p.depth - 1, index: t.levels[p.depth-1][p.index].parent}
	}
	return p
}

// Holds tells whether the outer place is the inner one or lies around it. No place holds all.
func (t *Topology) Holds(outer, inner Place) bool {
	return outer.depth <= inner.depth && (!outer.Known() || t.Within(inner, outer.Level()) == outer)
}

// Common is the narrowest place that holds both.
func (t *Topology) Common(a, b Place) Place {
	depth := min(a.depth, b.depth)
	for ; depth > 0; depth-- {
		if at := t.Within(a, int(depth)-1); at == t.Within(b, int(depth)-1) {
			return at
		}
	}
	return Place{}
}

// Level is the level of a place; -1 if it is none.
func (p Place) Level() int { return int(p.depth) - 1 }

// Value is the value of a place's topology key, "" for nodes that lack it.
func (t *Topology) Value(p Place) string {
	if !p.Known() {
		return ""
	}
	return t.levels[p.depth-1][p.index].value
}

// Finest tells whether a place is of the last level.
func (t *Topology) Finest(p Place) bool { return int(p.depth) == len(t.keys) }

// Coarse tells whether the domains of the first level hold several nodes each, so
// that the choice of one leaves a choice.
func (t *Topology) Coarse() bool { return len(t.keys) > 0 && len(t.levels[0]) < len(t.leaf) }
