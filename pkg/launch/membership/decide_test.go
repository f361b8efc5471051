// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

// The tests write a member as "name=id", with a + behind it when it has started;
// its address is that of its name, or of the name after a @. "=4@d" is a member
// that was added and has not started yet.
func members(t *testing.T, text string) []Member {
	t.Helper()
	var list []Member
	for entry := range strings.FieldsSeq(text) {
		entry, started := strings.CutSuffix(entry, "+")
		entry, host, _ := strings.Cut(entry, "@")
		name, number, ok := strings.Cut(entry, "=")
		require.True(t, ok, entry)
		var id uint64
		_, err := fmt.Sscanf(number, "%d", &id)
		require.NoError(t, err)
		if host == "" {
			host = name
		}
		m := Member{ID: id, Name: name, PeerURLs: []string{"http://" + host + ":2380"}}
		if started {
			m.ClientURLs = []string{"http://" + host + ":2379"}
		}
		list = append(list, m)
	}
	return list
}

func planned(names string) []launch.JoinMember {
	var list []launch.JoinMember
	for name := range strings.FieldsSeq(names) {
		list = append(list, launch.JoinMember{Name: name, PeerURL: "http://" + name + ":2380", ClientURL: "http://" + name + ":2379"})
	}
	return list
}

// answers reads lines of "from: members", "from!: members" where the member
// speaks for a quorum, and "from" where it does not answer.
func answers(t *testing.T, join launch.Join, text string) []Answer {
	t.Helper()
	var list []Answer
	for line := range strings.Lines(text) {
		from, said, answered := strings.Cut(strings.TrimSpace(line), ":")
		from, quorum := strings.CutSuffix(from, "!")
		if from == "" {
			continue
		}
		m, ok := join.Member(from)
		require.True(t, ok, from)
		a := Answer{From: m, Quorum: quorum}
		if answered {
			a.Members = members(t, said)
		} else {
			a.Err = errors.New("connection refused")
		}
		list = append(list, a)
	}
	return list
}

type decideTest struct {
	name    string
	plan    string // the other members and c, which is the one to start
	answers string
	start   string // the initial cluster, where it starts
	wait    string // part of what it waits for
	now     string // part of what is seen
}

func check(t *testing.T, state launch.JoinState, data Data, tests []decideTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			join := launch.Join{State: state, Members: planned(tt.plan)}
			got := Decide(Facts{Self: "c", Join: join, Data: data, Answers: answers(t, join, tt.answers)})
			if tt.wait == "" {
				assert.True(t, got.Start, "waits for %s: %s", got.For, got.Now)
				assert.Equal(t, tt.start, got.InitialCluster)
				assert.Empty(t, got.For+got.Now)
				return
			}
			assert.False(t, got.Start)
			assert.Contains(t, got.For, tt.wait)
			assert.Contains(t, got.Now, tt.now)
		})
	}
}

const abc = "a=http://a:2380,b=http://b:2380,c=http://c:2380"

func TestBootstrap(t *testing.T) {
	check(t, launch.JoinNew, Data{}, []decideTest{
		{name: "alone", plan: "c", start: "c=http://c:2380"},
		{name: "first of three", plan: "a b c", answers: "a\nb", start: abc},
		{name: "second of three", plan: "a b c", answers: "a: a=1 b=2 c=3\nb", start: abc},
		{name: "last of three", plan: "a b c", answers: "a!: a=1+ b=2+ c=3\nb!: a=1+ b=2+ c=3", start: abc},
		{name: "lost its data meanwhile", plan: "a b c", answers: "a!: a=1+ b=2+ c=3+\nb",
			wait: "to remove this member from PD and to add it again", now: "a knows it as c (3), which has started before"},
		{name: "a cluster without it", plan: "a b c", answers: "a!: a=1+ b=2+",
			wait: "a membership from the operator that agrees", now: "there is one already: a, with a quorum, lists a (1), b (2)"},
		{name: "one such member is enough, even without a quorum", plan: "a b c", answers: "a: a=1 b=2 c=3\nb: b=9+",
			wait: "a membership from the operator that agrees", now: "b, without a quorum, lists b (9)"},
		{name: "a smaller cluster with it", plan: "a b c", answers: "a!: a=1+ c=3",
			wait: "a membership from the operator that agrees"},
		{name: "a larger cluster with it", plan: "a b c", answers: "a!: a=1+ b=2+ c=3 d=4+",
			wait: "a membership from the operator that agrees"},
		{name: "a cluster of as many others", plan: "a b c", answers: "a!: a=1+ x=2+ c=3",
			wait: "a membership from the operator that agrees"},
		{name: "added to a running cluster", plan: "a b c", answers: "a!: a=1+ b=2+ =3@c",
			wait: "from the operator that says existing", now: "a has added this PD"},
	})
}

func TestBootstrapOverLeftovers(t *testing.T) {
	check(t, launch.JoinNew, Data{Leftover: true}, []decideTest{
		{name: "like an empty volume", plan: "a b c", answers: "a\nb", start: abc},
	})
}

func TestJoin(t *testing.T) {
	check(t, launch.JoinExisting, Data{}, []decideTest{
		{name: "listed by all", plan: "a b c", answers: "a!: a=1+ b=2+ =3@c\nb!: a=1+ b=2+ =3@c", start: abc},
		{name: "listed by the one that answers", plan: "a b c", answers: "a: a=1+ b=2+ =3@c\nb", start: abc},
		{name: "second member: no quorum until it starts", plan: "a c", answers: "a: a=1+ =3@c", start: "a=http://a:2380,c=http://c:2380"},
		{name: "of the first plan, but late", plan: "a b c", answers: "a!: a=1+ b=2+ c=3\nb!: a=1+ b=2+ c=3", start: abc},
		{name: "the cluster's list counts, not the plan's", plan: "a c", answers: "a!: a=1+ d=4+ =3@c",
			start: "a=http://a:2380,d=http://d:2380,c=http://c:2380"},
		{name: "another that has not started either", plan: "a b c", answers: "a!: a=1+ =2@b =3@c", start: abc},
		{name: "one that nobody can name", plan: "a c", answers: "a!: a=1+ =31@x =3@c",
			start: "a=http://a:2380,member-1f=http://x:2380,c=http://c:2380"},
		{name: "another under its own name", plan: "a c", answers: "a!: a=1+ c=31@x+ =3@c",
			start: "a=http://a:2380,member-1f=http://x:2380,c=http://c:2380"},
		{name: "a quorum overrules who is behind", plan: "a b c", answers: "a: a=1+ b=2+\nb!: a=1+ b=2+ =3@c", start: abc},
		{name: "a quorum overrules who is ahead of nobody", plan: "a b c", answers: "a: a=1+ b=2+ =3@c\nb!: a=1+ b=2+",
			wait: "to list http://c:2380", now: "b, with a quorum, lists a (1), b (2)"},

		{name: "nobody answers", plan: "a b c", answers: "a\nb",
			wait: "a member of PD that answers", now: "a: connection refused; b: connection refused"},
		{name: "not listed", plan: "a b c", answers: "a!: a=1+ b=2+\nb",
			wait: "to list http://c:2380", now: "a, with a quorum, lists a (1), b (2)"},
		{name: "listed by one of two without a quorum", plan: "a b c", answers: "a: a=1+ b=2+\nb: a=1+ b=2+ =3@c",
			wait: "to list http://c:2380"},
		{name: "only a removed member lists it", plan: "a b c", answers: "a: b=2+ =3@c\nb",
			wait: "a member of PD that answers"},
		{name: "lost its data", plan: "a b c", answers: "a!: a=1+ b=2+ c=3+",
			wait: "to remove this member from PD and to add it again", now: "its volume is empty, but a knows it as c (3)"},
		{name: "lost its data, removed and added again", plan: "a b c", answers: "a!: a=1+ b=2+ =4@c", start: abc},
		{name: "removed and added again, one has not seen it", plan: "a b c", answers: "a: a=1+ b=2+ c=3+\nb: a=1+ b=2+ =4@c",
			wait: "to remove this member"},
		{name: "added twice, and they differ", plan: "a b c", answers: "a!: a=1+ b=2+ =3@c\nb!: a=1+ b=2+ =4@c",
			wait: "to agree on who they are"},
		{name: "the only member", plan: "c",
			wait: "the data of PD's only member", now: "restore the volume"},
	})
}

func TestJoinNeedsEveryAddress(t *testing.T) {
	join := launch.Join{State: launch.JoinExisting, Members: planned("a b c")}
	got := Decide(Facts{Self: "c", Join: join, Answers: answers(t, join, "a!: a=1+ b=2+ =3@c")})
	require.True(t, got.Start)
	assert.Equal(t, []string{"a", "b", "c"}, got.Resolve)
}

func TestRestart(t *testing.T) {
	tests := []decideTest{
		{name: "nobody answers", plan: "a b c", answers: "a\nb", start: abc},
		{name: "alone", plan: "c", start: "c=http://c:2380"},
		{name: "listed", plan: "a b c", answers: "a!: a=1+ b=2+ c=3+\nb!: a=1+ b=2+ c=3+", start: abc},
		{name: "listed, never quite started", plan: "a b c", answers: "a: a=1 b=2 c=3\nb", start: abc},
		{name: "listed without a quorum", plan: "a b c", answers: "a: a=1+ b=2+ c=3+\nb", start: abc},
		{name: "listed by one of two without a quorum", plan: "a b c", answers: "a: a=1+ b=2+\nb: a=1+ b=2+ c=3+", start: abc},
		{name: "one that may be behind does not list it", plan: "a b c", answers: "a: a=1+ b=2+\nb", start: abc},
		{name: "two of five that may be behind do not list it", plan: "a b c d e",
			answers: "a: a=1+ b=2+\nb: a=1+ b=2+\nd\ne",
			start:   abc + ",d=http://d:2380,e=http://e:2380"},
		{name: "only a removed member does not list it", plan: "a b c", answers: "a: b=2+\nb", start: abc},

		{name: "removed, says a quorum", plan: "a b c", answers: "a!: a=1+ b=2+\nb",
			wait: "to remove this volume", now: "data of a member that was removed: a, with a quorum, lists a (1), b (2)"},
		{name: "removed, says a quorum, one has not seen it", plan: "a b c", answers: "a!: a=1+ b=2+\nb: a=1+ b=2+ c=3+",
			wait: "to remove this volume"},
		{name: "just removed, between two answers with a quorum", plan: "a b c", answers: "a!: a=1+ b=2+ c=3+\nb!: a=1+ b=2+",
			wait: "to remove this volume"},
		{name: "removed, says a majority without a quorum", plan: "a b c", answers: "a: a=1+ b=2+\nb: a=1+ b=2+",
			wait: "to remove this volume"},
	}
	for _, state := range []launch.JoinState{launch.JoinNew, launch.JoinExisting} {
		t.Run(string(state), func(t *testing.T) { check(t, state, Data{Present: true, MemberID: 3}, tests) })
	}
	// Where the log does not tell whose it is, the address has to.
	t.Run("unknown owner", func(t *testing.T) { check(t, launch.JoinExisting, Data{Present: true}, tests) })
}

func TestRestartKnowsTheOwner(t *testing.T) {
	check(t, launch.JoinExisting, Data{Present: true, MemberID: 0x1f}, []decideTest{
		{name: "its address is another member's", plan: "a b c", answers: "a!: a=1+ b=2+ =3@c\nb",
			wait: "to remove this volume",
			now:  "holds the data of member 1f, which was removed: a lists this address as unnamed (3)"},
		{name: "its address changed", plan: "a b c", answers: "a!: a=1+ b=2+ c=31@old+\nb", start: abc},
	})
}

func TestPlanThatDoesNotListIt(t *testing.T) {
	got := Decide(Facts{Self: "c", Join: launch.Join{State: launch.JoinNew, Members: planned("a b")}})
	assert.False(t, got.Start)
	assert.Contains(t, got.For, "the operator to list c among PD's members")
}

// URLs are compared as URLs: the operator and etcd may write them differently.
func TestSameURL(t *testing.T) {
	list := []Member{{ID: 1, PeerURLs: []string{"http://x:1", "http://A.b.svc.:2380/"}}}
	_, ok := byPeerURL(list, "http://a.b.svc:2380")
	assert.True(t, ok)
	_, ok = byPeerURL(list, "http://a.b.svc:2381")
	assert.False(t, ok)
}

// Whatever is known and not known: a PD without data never starts where a member
// that answers with a quorum does not list it, or lists it as started.
func FuzzDecideIsSafe(f *testing.F) {
	f.Add(true, uint8(0b1010), uint8(0b0111))
	f.Fuzz(func(t *testing.T, existing bool, a, b uint8) {
		join := launch.Join{State: launch.JoinNew, Members: planned("a b c")}
		if existing {
			join.State = launch.JoinExisting
		}
		facts := Facts{Self: "c", Join: join}
		safe := true
		for i, bits := range []uint8{a, b} {
			quorum, listed, started, answers := bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0
			answer := Answer{From: join.Members[i], Quorum: quorum, Err: errors.New("no answer")}
			if answers {
				answer.Err = nil
				answer.Members = members(t, "a=1+ b=2+")
				if listed {
					self := Member{ID: 3, Name: "c", PeerURLs: []string{"http://c:2380"}}
					if started {
						self.ClientURLs = []string{"http://c:2379"}
					}
					answer.Members = append(answer.Members, self)
				}
				safe = safe && (!quorum || listed && !started)
			}
			facts.Answers = append(facts.Answers, answer)
		}
		got := Decide(facts)
		if got.Start {
			assert.True(t, safe, "%+v", facts.Answers)
		} else {
			assert.NotEmpty(t, got.For)
			assert.NotEmpty(t, got.Now)
		}
	})
}
