// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// Loss is what would be lost with a domain.
type Loss struct {
	// Key is the domain's topology key, Value its value.
	Key, Value string
	// Members is how many it holds; Apart how many of those that must stand apart: of stores,
	// how many replicas a cell may have there.
	Members, Apart int
}

// Losses are the greatest losses, one for each key: Elasticell's PD spreads the replicas of
// a cell evenly over zones and, within a zone, over racks, as far as there are stores.
// All places must be of the last level.
func (t *Topology) Losses(rule Rule, places []Place) []Loss {
	j := t.Judge(Rule{Members: rule.Members, Apart: rule.Apart, Safe: rule.Apart}, places)
	out := make([]Loss, 0, len(t.keys))
	shares := map[Place]int{{}: rule.Apart}
	for level, key := range t.keys {
		next, worst := map[Place]int{}, Loss{Key: key}
		for outer, share := range shares {
			inner := t.occupied(j, level, outer)
			water := waterline(share, inner, j)
			for _, p := range inner {
				next[p] = min(water, j.Members(p))
				l := Loss{Key: key, Value: t.Value(p), Members: j.Members(p), Apart: next[p]}
				if d := cmp.Or(cmp.Compare(l.Apart, worst.Apart), cmp.Compare(l.Members, worst.Members), cmp.Compare(worst.Value, l.Value)); d > 0 {
					worst = l
				}
			}
		}
		shares = next
		out = append(out, worst)
	}
	return out
}

// occupied are the domains of a level within an outer one that hold members.
func (t *Topology) occupied(j *Judgement, level int, outer Place) []Place {
	var out []Place
	for index := range j.members[level] {
		if p := (Place{depth: int32(level) + 1, index: index}); t.Holds(outer, p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Place) int { return cmp.Compare(a.index, b.index) })
	return out
}

// waterline is the greatest part of a share that a domain gets when the share is
// spread evenly, and no domain gets more than it has members.
func waterline(share int, domains []Place, j *Judgement) int {
	for line := 1; line < share; line++ {
		sum := 0
		for _, p := range domains {
			sum += min(line, j.Members(p))
		}
		if sum >= share {
			return line
		}
	}
	return share
}
