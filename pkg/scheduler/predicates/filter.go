// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package predicates

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/placement"
)

// Question is about one pod of PDs or stores, and the nodes that would take it.
type Question struct {
	// Cluster is namespace/name.
	Cluster   string
	Component naming.Component
	Ordinal   int32

	// Topology is the tree of all nodes that may ever take the pod, also of those that are full or down now.
	Topology *placement.Topology
	Rule     placement.Rule
	// Members are where the others stand or will, by their volumes.
	Members []placement.Place
	// Choosing are the places within which kube-scheduler is choosing nodes for others at this
	// moment. No place means that it may be any.
	Choosing []placement.Place
	// Pinned is where the pod's own volume keeps it, if anywhere.
	Pinned placement.Place

	// Nodes are those that kube-scheduler would choose from.
	Nodes []string
}

// Answer to a Question.
type Answer struct {
	// Nodes are those that it may choose from.
	Nodes []string
	// Within is the domain of the first topology key that holds all of them, if that was chosen.
	Within placement.Place
	// Refused are all nodes, each with the index of its reason, where none is allowed. Elsewhere nobody reads them.
	Refused []Refusal
	Reasons []string
	// Undecided tells that a better answer hangs on what is being chosen for others, or the only one
	// on nodes that are not known yet: ask again in a moment.
	Undecided bool
}

// Refusal is a node that is not allowed.
type Refusal struct {
	Node   string
	Reason int
}

type filter struct {
	*Question
	judge   *placement.Judgement
	answer  Answer
	reasons map[placement.Place]int
	special [2]int // index plus one of the reasons that no domain stands for
	unknown bool   // the extender is behind kube-scheduler, which has heard of some node before
}

// spot is one of a question's nodes, by its index.
type spot struct {
	node int32
	at   placement.Place
}

const (
	unknownNode = iota
	undecidedNode
)

// Filter answers a question. Of zones that are as good it chooses one, the emptiest,
// so that what is decided next need not wait to see which one it became.
func Filter(q *Question) Answer {
	f, allowed, undecided := examine(q)
	if len(allowed) > 0 {
		f.choose(allowed)
	}
	f.answer.Undecided = f.betterLater(undecided)
	return f.answer
}

// examine finds the nodes that the rule allows, and those of which that is not certain yet.
func examine(q *Question) (f *filter, allowed, undecided []spot) {
	f = &filter{Question: q, judge: q.Topology.Judge(q.Rule, slices.Concat(q.Members, q.Choosing)), reasons: map[placement.Place]int{}}
	allowed = make([]spot, 0, len(q.Nodes))
	// Where its data is it may return, whatever the rule says.
	returns := q.Pinned.Known() && q.Topology.Finest(q.Pinned)
	for i, node := range q.Nodes {
		s := spot{node: int32(i)}
		at, known := q.Topology.Of(node)
		if !known {
			f.unknown = true
			f.refuse(node, unknownNode, "the extender does not know the node yet; it will in a moment")
			continue
		}
		s.at = at
		full, ok := f.judge.Allows(at, q.Pinned.Level())
		switch {
		case returns:
			allowed = append(allowed, s)
		case !ok:
			f.refuseFull(node, full)
		case f.undecided(at):
			undecided = append(undecided, s)
			f.refuse(node, undecidedNode, "another of the "+f.others()+" is being placed at this moment, and may come here")
		default:
			allowed = append(allowed, s)
		}
	}
	return f, allowed, undecided
}

// betterLater tells whether a node that is not certain yet lies in an emptier domain of the
// first key than what was chosen, or nothing was. An unknown node counts only for the latter.
func (f *filter) betterLater(undecided []spot) bool {
	if f.unknown && len(f.answer.Nodes) == 0 {
		return true
	}
	for _, s := range undecided {
		if len(f.answer.Nodes) == 0 || f.answer.Within.Known() && f.judge.Compare(f.Topology.Within(s.at, 0), f.answer.Within) < 0 {
			return true
		}
	}
	return false
}

// undecided tells whether a node may become another's. What is known down to the last level needs no wait.
func (f *filter) undecided(at placement.Place) bool {
	return slices.ContainsFunc(f.Choosing, func(c placement.Place) bool { return !f.Topology.Finest(c) && f.Topology.Holds(c, at) })
}

func (f *filter) refuse(node string, which int, text string) {
	if f.special[which] == 0 {
		f.answer.Reasons = append(f.answer.Reasons, text)
		f.special[which] = len(f.answer.Reasons)
	}
	f.add(node, f.special[which]-1)
}

func (f *filter) add(node string, reason int) {
	if f.answer.Refused == nil {
		f.answer.Refused = make([]Refusal, 0, len(f.Nodes))
	}
	f.answer.Refused = append(f.answer.Refused, Refusal{node, reason})
}

// refuseFull refuses a node for a domain that holds enough. All single nodes share a
// reason, or kube-scheduler's event would list each.
func (f *filter) refuseFull(node string, full placement.Place) {
	group := full
	if f.single(full.Level()) {
		group = f.Topology.Within(full, full.Level()-1)
		if full.Level() == 0 {
			group = placement.Place{}
		}
	}
	reason, there := f.reasons[group]
	if !there {
		reason = len(f.answer.Reasons)
		f.reasons[group] = reason
		f.answer.Reasons = append(f.answer.Reasons, f.explain(full))
	}
	f.add(node, reason)
}

// single tells whether each domain of a level is one node.
func (f *filter) single(level int) bool { return f.Topology.Domains(level) == f.Topology.Nodes() }

// choose lets through what is allowed, of the emptiest domain of the first key alone.
// Of domains that are as empty it takes the one with the most nodes, then by lot, so that clusters differ.
func (f *filter) choose(allowed []spot) {
	f.answer = Answer{Nodes: make([]string, 0, len(allowed))}
	if f.Topology.Coarse() {
		f.answer.Within = f.best(allowed)
	}
	for _, s := range allowed {
		if f.Topology.Holds(f.answer.Within, s.at) {
			f.answer.Nodes = append(f.answer.Nodes, f.Nodes[s.node])
		}
	}
}

// best is the domain of the first key that the pod goes to.
func (f *filter) best(allowed []spot) placement.Place {
	sizes := map[placement.Place]int{}
	for _, s := range allowed {
		sizes[f.Topology.Within(s.at, 0)]++
	}
	var best placement.Place
	for p := range sizes {
		if !best.Known() || f.better(p, best, sizes) {
			best = p
		}
	}
	return best
}

func (f *filter) better(a, b placement.Place, sizes map[placement.Place]int) bool {
	if d := f.judge.Compare(a, b); d != 0 {
		return d < 0
	}
	if d := sizes[a] - sizes[b]; d != 0 {
		return d > 0
	}
	return cmp.Or(cmp.Compare(f.lot(a), f.lot(b)), strings.Compare(f.Topology.Value(a), f.Topology.Value(b))) < 0
}

func (f *filter) lot(p placement.Place) uint32 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s/%s/%d/%s", f.Cluster, f.Component, f.Ordinal, f.Topology.Value(p))
	return h.Sum32()
}

// explain says which rule a domain would break, and what would help.
func (f *filter) explain(full placement.Place) string {
	level := full.Level()
	where := f.name(full)
	if f.single(level) {
		where = "the node"
	}
	help := "add a node that the pod may run on"
	if names := f.judge.WithRoom(level, 3); len(names) > 0 {
		help = fmt.Sprintf("make room on a node with %s=%s, or add one", f.Topology.Keys()[level], strings.Join(names, " or "))
		if f.single(level) && f.Topology.Domains(level) > 3 {
			help = "make room on another node, or add one"
		}
	}
	return fmt.Sprintf("%s holds %d of the %d %s already, and with one more %s: %s",
		where, f.judge.Members(full), f.Rule.Members, f.others(), f.harm(full), help)
}

// harm says what one member too many in a domain would risk.
func (f *filter) harm(full placement.Place) string {
	if f.Component == naming.PD {
		return fmt.Sprintf("its loss would take %d PDs, and the quorum is %d", f.judge.Members(full)+1, f.Rule.Members/2+1)
	}
	return fmt.Sprintf("its loss could take %d replicas of a cell", f.Topology.Limits(f.Rule)[full.Level()]+1)
}

func (f *filter) others() string {
	if f.Component == naming.PD {
		return "PDs of " + f.Cluster
	}
	return "stores of " + f.Cluster
}

func (f *filter) name(p placement.Place) string {
	value := f.Topology.Value(p)
	if value == "" {
		return "the nodes without " + f.Topology.Keys()[p.Level()]
	}
	return f.Topology.Keys()[p.Level()] + "=" + value
}
