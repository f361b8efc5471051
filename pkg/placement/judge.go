// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import "slices"

// Judgement is what a rule says of the places where members stand.
type Judgement struct {
	t      *Topology
	rule   Rule
	limits []int
	// members counts all members of a domain, useful those that help: of the members of a
	// domain below no more than its limit.
	members, useful []map[int32]int
	placed, apart   int
}

// Judge applies a rule to the places of the members that have one. A place may be wide, as
// that of a volume that is pinned to a zone.
func (t *Topology) Judge(rule Rule, places []Place) *Judgement {
	j := &Judgement{t: t, rule: rule, limits: t.Limits(rule, places...)}
	for range t.keys {
		j.members = append(j.members, map[int32]int{})
		j.useful = append(j.useful, map[int32]int{})
	}
	for _, p := range places {
		if !p.Known() {
			continue
		}
		j.placed++
		j.useful[p.Level()][p.index]++
		for level := p.Level(); level >= 0; level-- {
			j.members[level][t.Within(p, level).index]++
		}
	}
	for level := len(t.keys) - 1; level >= 0; level-- {
		for index, n := range j.useful[level] {
			n = min(n, j.limits[level])
			if level == 0 {
				j.apart += n
			} else {
				j.useful[level-1][t.levels[level][index].parent] += n
			}
		}
	}
	return j
}

// Members is the number of members within a place.
func (j *Judgement) Members(p Place) int {
	if !p.Known() {
		return j.placed
	}
	return j.members[p.Level()][p.index]
}

// Allows tells whether one more member may stand in a place: it helps there, or those
// that are still to come can make up for it. If not, full is the widest domain that
// holds enough already. Levels down to pinned are not asked: the member's volume is there.
func (j *Judgement) Allows(p Place, pinned int) (full Place, ok bool) {
	for level := pinned + 1; level < int(p.depth); level++ {
		if d := j.t.Within(p, level); j.useful[level][d.index] >= j.limits[level] {
			full = d
			break
		}
	}
	if !full.Known() {
		return Place{}, true
	}
	toCome := max(j.rule.Members-j.placed-1, 0)
	return full, j.apart+toCome >= j.rule.Apart
}

// Room tells whether one more member would stand apart from the others in a domain.
func (j *Judgement) Room(p Place) bool {
	for level := range int(p.depth) {
		if j.useful[level][j.t.Within(p, level).index] >= j.limits[level] {
			return false
		}
	}
	return true
}

// Compare orders two places of the same level by how well one more member would stand there:
// negative if a is the better one.
func (j *Judgement) Compare(a, b Place) int {
	for level := range int(min(a.depth, b.depth)) {
		if d := j.Members(j.t.Within(a, level)) - j.Members(j.t.Within(b, level)); d != 0 {
			return d
		}
	}
	return 0
}

// WithRoom are the values of up to limit domains at a level in which one more member would stand apart.
func (j *Judgement) WithRoom(level, limit int) []string {
	var out []string
	for i := range j.t.levels[level] {
		if len(out) == limit {
			break
		}
		if p := (Place{depth: int32(level) + 1, index: int32(i)}); j.t.levels[level][i].open && j.Room(p) {
			out = append(out, j.t.Value(p))
		}
	}
	return out
}

// Limits are how many of those apart a domain of each level may hold: what is safe, or,
// with too few domains, as many as the most even spread takes. The domains are those that are open, or taken already.
func (t *Topology) Limits(rule Rule, taken ...Place) []int {
	rule.Members = 0 // only Apart and Safe matter
	also := t.closed(taken)
	if len(also) > 0 {
		return t.count(rule, also)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, there := t.limits[rule]; !there {
		t.limits[rule] = t.count(rule, nil)
	}
	return t.limits[rule]
}

// closed are the domains around some places that are not open.
func (t *Topology) closed(places []Place) map[Place]bool {
	var out map[Place]bool
	for _, p := range places {
		for level := range int(p.depth) {
			if d := t.Within(p, level); !t.levels[level][d.index].open {
				if out == nil {
					out = map[Place]bool{}
				}
				out[d] = true
			}
		}
	}
	return out
}

func (t *Topology) count(rule Rule, also map[Place]bool) []int {
	limits := make([]int, len(t.keys))
	var held []int // how many each domain of the level can hold by the limits below
	for level := len(t.keys) - 1; level >= 0; level-- {
		if held == nil {
			held = slices.Repeat([]int{rule.Apart}, len(t.levels[level]))
		}
		for i, d := range t.levels[level] {
			if !d.open && !also[Place{depth: int32(level) + 1, index: int32(i)}] {
				held[i] = 0
			}
		}
		limits[level] = evenly(max(rule.Safe, 1), rule.Apart, held)
		if level == 0 {
			break
		}
		above := make([]int, len(t.levels[level-1]))
		for i, d := range t.levels[level] {
			above[d.parent] += min(limits[level], held[i])
		}
		held = above
	}
	return limits
}

// evenly is the least limit, from a first one on, at which domains that can hold so many have room for all.
func evenly(limit, all int, held []int) int {
	for ; limit < all; limit++ {
		sum := 0
		for _, h := range held {
			if sum += min(limit, h); sum >= all {
				return limit
			}
		}
	}
	return limit
}
