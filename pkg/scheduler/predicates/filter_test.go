// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package predicates

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/placement"
)

const (
	zone = "topology.kubernetes.io/zone"
	host = "kubernetes.io/hostname"
)

// tree makes a topology from "zone:node,node zone:node"; a zone "-" is none.
func tree(text string) *placement.Topology {
	var nodes []placement.Node
	for part := range strings.FieldsSeq(text) {
		z, list, _ := strings.Cut(part, ":")
		for name := range strings.SplitSeq(list, ",") {
			n := placement.Node{Name: name, Labels: map[string]string{host: name}, Open: true}
			if z != "-" {
				n.Labels[zone] = z
			}
			nodes = append(nodes, n)
		}
	}
	return placement.New([]string{zone, host}, slices.Values(nodes))
}

// at are places by node, by "zone=value", or "?" for none.
func at(t *placement.Topology, names string) []placement.Place {
	var out []placement.Place
	for name := range strings.FieldsSeq(names) {
		if z, wide := strings.CutPrefix(name, "zone="); wide {
			p, _ := t.First(z)
			out = append(out, p)
			continue
		}
		p, _ := t.Of(name)
		out = append(out, p)
	}
	return out
}

// why are the reasons of an answer with the nodes they are about.
func why(a Answer) map[string]string {
	out := map[string][]string{}
	for _, r := range a.Refused {
		out[a.Reasons[r.Reason]] = append(out[a.Reasons[r.Reason]], r.Node)
	}
	texts := map[string]string{}
	for reason, nodes := range out {
		slices.Sort(nodes)
		texts[strings.Join(nodes, " ")] = reason
	}
	return texts
}

const three = "z1:a,b z2:c,d z3:e,f"

func TestFilter(t *testing.T) {
	tests := map[string]struct {
		nodes           string
		component       naming.Component
		members         int
		there, choosing string
		pinned, offered string
		want            string // the nodes that are left
		undecided       bool
		reasons         map[string]string
	}{
		"one zone is chosen, and all its nodes stay": {
			nodes: three, component: naming.Store, members: 3, there: "a c", offered: "a b c d e f", want: "e f",
		},
		"the zone with the fewest": {
			nodes: three, component: naming.Store, members: 6, there: "a c e b d", offered: "a b d f", want: "f",
		},
		"of two alike the one with more nodes that would do": {
			nodes: three, component: naming.PD, members: 3, there: "a", offered: "a b c e f", want: "e f",
		},
		"without zones every node that is free": {
			nodes: "-:a,b,c,d", component: naming.PD, members: 3, there: "a", offered: "a b c d", want: "b c d",
		},
		"a zone that kube-scheduler does not offer": {
			nodes: three, component: naming.PD, members: 3, there: "a c", offered: "a b c d",
			reasons: map[string]string{
				"a b": zone + "=z1 holds 1 of the 3 PDs of ns/demo already, and with one more its loss would take 2 PDs, and the quorum is 2: make room on a node with " + zone + "=z3, or add one",
				"c d": zone + "=z2 holds 1 of the 3 PDs of ns/demo already, and with one more its loss would take 2 PDs, and the quorum is 2: make room on a node with " + zone + "=z3, or add one",
			},
		},
		"nodes without zones are refused with one reason": {
			nodes: "-:a,b,c,d,e", component: naming.Store, members: 3, there: "a b", offered: "a b",
			reasons: map[string]string{
				"a b": "the node holds 1 of the 3 stores of ns/demo already, and with one more its loss could take 2 replicas of a cell: make room on another node, or add one",
			},
		},
		"few nodes are named": {
			nodes: "-:a,b,c", component: naming.Store, members: 3, there: "a b", offered: "a b",
			reasons: map[string]string{
				"a b": "the node holds 1 of the 3 stores of ns/demo already, and with one more its loss could take 2 replicas of a cell: make room on a node with " + host + "=c, or add one",
			},
		},
		"another's zone is decided, its node not: other zones need not wait": {
			nodes: three, component: naming.Store, members: 6, there: "", choosing: "zone=z1", offered: "a b c d", want: "c d",
		},
		"a zone that is full whatever is chosen is no reason to wait": {
			nodes: three, component: naming.Store, members: 3, choosing: "zone=z1", there: "c", offered: "a b",
			reasons: map[string]string{
				"a b": zone + "=z1 holds 1 of the 3 stores of ns/demo already, and with one more its loss could take 2 replicas of a cell: make room on a node with " + zone + "=z3, or add one",
			},
		},
		"in the same zone they do": {
			nodes: three, component: naming.Store, members: 6, there: "c e", choosing: "zone=z1", offered: "a b", undecided: true,
			reasons: map[string]string{"a b": "another of the stores of ns/demo is being placed at this moment, and may come here"},
		},
		"a fuller zone is not worth a wait": {
			nodes: three, component: naming.Store, members: 7, there: "a b c e", choosing: "zone=z1 zone=z2", offered: "d f", want: "f",
		},
		"an emptier one is, though the fuller one would do": {
			nodes: three, component: naming.Store, members: 6, there: "a b", choosing: "zone=z2 zone=z3", offered: "b c d e f", undecided: true, want: "b",
		},
		"nothing is decided of another": {
			nodes: "-:a,b,c", component: naming.Store, members: 3, choosing: "?", offered: "a b c", undecided: true,
			reasons: map[string]string{"a b c": "another of the stores of ns/demo is being placed at this moment, and may come here"},
		},
		"a volume brings its pod back, whatever stands there": {
			nodes: three, component: naming.Store, members: 3, there: "a c", pinned: "a", offered: "a", want: "a",
		},
		"a volume of a zone leaves the choice of the node": {
			nodes: three, component: naming.PD, members: 3, there: "a c", pinned: "zone=z1", offered: "a b", want: "b",
		},
		"a node that is not known yet": {
			nodes: "-:a", component: naming.PD, members: 1, offered: "x", undecided: true,
			reasons: map[string]string{"x": "the extender does not know the node yet; it will in a moment"},
		},
		"such a node is not worth a wait where another one will do": {
			nodes: three, component: naming.PD, members: 3, there: "a", offered: "x c", want: "c",
		},
		"nothing offered, nothing said": {nodes: three, component: naming.PD, members: 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			top := tree(test.nodes)
			rule := placement.PDs(test.members)
			if test.component == naming.Store {
				rule = placement.Stores(test.members, 3)
			}
			q := &Question{
				Cluster: "ns/demo", Component: test.component, Topology: top, Rule: rule,
				Members: at(top, test.there), Choosing: at(top, test.choosing), Nodes: strings.Fields(test.offered),
			}
			if test.pinned != "" {
				q.Pinned = at(top, test.pinned)[0]
			}
			answer := Filter(q)
			assert.Equal(t, test.want, strings.Join(answer.Nodes, " "))
			assert.Equal(t, test.undecided, answer.Undecided)
			if test.reasons == nil {
				test.reasons = map[string]string{}
			}
			assert.Equal(t, test.reasons, why(answer))
		})
	}
}

// Clusters that are alike do not all begin in the same zone.
func TestFilterDrawsLots(t *testing.T) {
	top := tree(three)
	zones := map[string]bool{}
	for _, cluster := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		answer := Filter(&Question{Cluster: "ns/" + cluster, Component: naming.PD, Topology: top, Rule: placement.PDs(3), Nodes: []string{"a", "b", "c", "d", "e", "f"}})
		require.True(t, answer.Within.Known())
		zones[top.Value(answer.Within)] = true
	}
	assert.Len(t, zones, 3)
}

func TestScore(t *testing.T) {
	top := tree("z1:a,b z2:c,d z3:e")
	nodes := []string{"a", "b", "c", "d", "e", "x"}
	assert.Equal(t, []int64{0, 0, 0, 0, 0, 0}, Score(top, nil, nodes), "where all are alike none is better")
	// z3 is empty; then d beside c; then b in a zone of two; a holds two.
	assert.Equal(t, []int64{0, 2, 5, 7, 10, 0}, Score(top, at(top, "a a c"), nodes))
	assert.Equal(t, []int64{0, 0}, Score(top, at(top, "a c"), []string{"a", "c"}))
	assert.Empty(t, Score(top, nil, nil))
}

func TestPreempt(t *testing.T) {
	top := tree(three)
	q := &Question{
		Cluster: "ns/demo", Component: naming.PD, Topology: top, Rule: placement.PDs(3), Members: at(top, "a c"),
		Nodes: []string{"a", "b", "d", "e", "f"},
	}
	none := func(string) bool { return false }
	preempt := func(siblings func(string) bool) []string {
		nodes, _ := Preempt(q, siblings)
		return nodes
	}
	assert.Equal(t, []string{"e", "f"}, preempt(none), "no pod is evicted for a node that would be refused afterwards")
	assert.Equal(t, []string{"f"}, preempt(func(node string) bool { return node == "e" }), "nor one of the same cluster")
	q.Members = nil
	assert.Len(t, preempt(none), 5, "no zone is chosen for it")

	_, later := Preempt(q, none)
	assert.False(t, later)
	q.Choosing = at(top, "?")
	nodes, later := Preempt(q, none)
	assert.Empty(t, nodes)
	assert.True(t, later, "another one may take any of them")
	q.Choosing, q.Nodes = nil, []string{"new"}
	_, later = Preempt(q, none)
	assert.True(t, later)
}
