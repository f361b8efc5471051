// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package predicates

import (
	"slices"

	"github.com/deepfabric/elasticell-operator/pkg/placement"
)

// MaxScore is the score of the best nodes; the worst get 0.
const MaxScore = 10

// Score tells for each node of a list how few members stand near it: in the domain of
// the first topology key, then in those below. Nodes that are alike have the same score; all get 0 where none is better.
func Score(t *placement.Topology, members []placement.Place, nodes []string) []int64 {
	judge := t.Judge(placement.Rule{Members: len(members) + 1, Apart: len(members) + 1, Safe: len(members) + 1}, members)
	places := make([]placement.Place, len(nodes))
	var kinds []placement.Place // one for each different standing
	for i, node := range nodes {
		places[i], _ = t.Of(node)
		if !places[i].Known() {
			continue // it gets 0
		}
		if at, there := slices.BinarySearchFunc(kinds, places[i], judge.Compare); !there {
			kinds = slices.Insert(kinds, at, places[i])
		}
	}
	out := make([]int64, len(nodes))
	if len(kinds) < 2 {
		return out
	}
	for i, p := range places {
		if !p.Known() {
			continue
		}
		rank, _ := slices.BinarySearchFunc(kinds, p, judge.Compare)
		out[i] = int64(MaxScore * (len(kinds) - 1 - rank) / (len(kinds) - 1))
	}
	return out
}

// Preempt tells which nodes the pod could stand on once victims have made room
// there. A node of which another member of the same cluster would have to go is none.
// later tells that there is none now, but may be in a moment.
func Preempt(q *Question, siblings func(node string) bool) (out []string, later bool) {
	f, allowed, undecided := examine(q)
	for _, s := range allowed {
		if node := q.Nodes[s.node]; !siblings(node) {
			out = append(out, node)
		}
	}
	return out, len(out) == 0 && (f.unknown || len(undecided) > 0)
}
