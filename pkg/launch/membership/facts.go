// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

// Member is one entry of a PD's GET /v2/members.
type Member struct {
	ID uint64
	// Name is empty until a member that was added has started once.
	Name     string
	PeerURLs []string
	// ClientURLs are published by a member at its first start. This, not the
	// name, is how etcd itself tells a member that has started: the members of a
	// cluster's first plan have names from the beginning.
	ClientURLs []string
}

func (m Member) started() bool { return len(m.ClientURLs) > 0 }

func (m Member) String() string {
	name := m.Name
	if name == "" {
		name = "unnamed"
	}
	return fmt.Sprintf("%s (%x)", name, m.ID)
}

// Answer is what one member said when asked for the list of members.
type Answer struct {
	From    launch.JoinMember
	Members []Member
	// Quorum: just before, /health was true there. That takes a request through
	// a quorum, so the list is the cluster's and not only this member's own,
	// which may be behind.
	Quorum bool
	// Err says why there is no answer.
	Err error
}

// Data is what the volume holds.
type Data struct {
	// Present: there is a write-ahead log of etcd.
	Present bool
	// Leftover: there is a member directory, but no log in it: what a start that
	// failed leaves. etcd takes it for a first start, and so does Decide.
	Leftover bool
	// MemberID is whose data it is; 0 where the log does not tell.
	MemberID uint64
}

// Facts is everything that Decide looks at.
type Facts struct {
	// Self is the pod's name.
	Self string
	Join launch.Join
	Data Data
	// Answers are from the other members of Join.
	Answers []Answer
}

// byPeerURL returns the member of the list that has the peer URL.
func byPeerURL(members []Member, peerURL string) (Member, bool) {
	for _, m := range members {
		for _, u := range m.PeerURLs {
			if normal(u) == normal(peerURL) {
				return m, true
			}
		}
	}
	return Member{}, false
}

// normal writes a URL so that equal ones compare equal.
func normal(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = strings.ToLower(strings.Replace(u.Host, ".:", ":", 1))
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u.String()
}

// trusted returns the answers to go by. A member that is not on its own list was
// removed, and its view ends there. Where somebody speaks for a quorum, the
// others' views are not needed.
func trusted(answers []Answer) []Answer {
	var weak, strong []Answer
	for _, a := range answers {
		if a.Err != nil {
			continue
		}
		if _, ok := byPeerURL(a.Members, a.From.PeerURL); !ok {
			continue
		}
		if a.Quorum {
			strong = append(strong, a)
		}
		weak = append(weak, a)
	}
	if len(strong) > 0 {
		return strong
	}
	return weak
}

// sameMembers says whether two lists hold the same members.
func sameMembers(a, b []Member) bool { return slices.Equal(ids(a), ids(b)) }

func ids(members []Member) []uint64 {
	ids := make([]uint64, 0, len(members))
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	return ids
}

// summary tells a person what each member said.
func summary(answers []Answer) string {
	if len(answers) == 0 {
		return "there is no other member"
	}
	said := make([]string, 0, len(answers))
	for _, a := range answers {
		if a.Err != nil {
			said = append(said, fmt.Sprintf("%s: %v", a.From.Name, a.Err))
			continue
		}
		listed := make([]string, 0, len(a.Members))
		for _, m := range a.Members {
			listed = append(listed, m.String())
		}
		basis := "without a quorum"
		if a.Quorum {
			basis = "with a quorum"
		}
		said = append(said, fmt.Sprintf("%s, %s, lists %s", a.From.Name, basis, strings.Join(listed, ", ")))
	}
	return strings.Join(said, "; ")
}
