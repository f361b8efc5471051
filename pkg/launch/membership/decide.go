// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

// Verdict is whether PD starts now.
type Verdict struct {
	Start bool
	// InitialCluster is for etcd's flag of that name, where PD starts.
	InitialCluster string
	// Resolve lists hosts that must have an address before the start: etcd 3.3
	// compares a joining member's list with the cluster's after resolving every
	// name, and fails after 30 s where one has no address.
	Resolve []string
	// For is what PD waits for, where it does not start, and Now what is seen
	// instead. For stays the same as long as the wait is the same.
	For, Now string
}

// Decide says whether the PD may start.
//
//	volume  plan      starts when
//	data    either    at once, unless the members say that the data's owner was removed
//	empty   new       at once, unless a member belongs to another cluster than the plan's,
//	                  or knows that this one has started before
//	empty   existing  the members list it, and as one that has never started
func Decide(f Facts) Verdict {
	self, ok := f.Join.Member(f.Self)
	switch {
	case !ok:
		return wait("the operator to list "+f.Self+" among PD's members", "it is not in the membership that the pod was given")
	case f.Data.Present:
		return restart(f, self)
	case f.Join.State == launch.JoinNew:
		return bootstrap(f, self)
	default:
		return join(f, self)
	}
}

// restart decides for a PD with data. It starts unless it is known to have been
// removed: by a member that speaks for a quorum, or, since without a quorum each
// one may be behind, by more than half of the plan's members and against no
// other. A majority must know of every member that was ever added, or the
// addition would not have counted.
func restart(f Facts, self launch.JoinMember) Verdict {
	start := Verdict{Start: true, InitialCluster: plannedCluster(f.Join)}
	var denials int
	var denial Answer
	heard := trusted(f.Answers)
	for _, a := range heard {
		if owns(a.Members, f.Data, self) {
			if !a.Quorum {
				return start
			}
			continue
		}
		denials, denial = denials+1, a
	}
	if denials == 0 || !denial.Quorum && denials <= len(f.Join.Members)/2 {
		return start
	}
	const remedy = "the operator to remove this volume, or a member of PD to list its data's owner"
	if m, ok := byPeerURL(denial.Members, self.PeerURL); ok {
		return wait(remedy, fmt.Sprintf("the volume holds the data of member %x, which was removed: %s lists this address as %s",
			f.Data.MemberID, denial.From.Name, m))
	}
	return wait(remedy, "the volume holds the data of a member that was removed: "+summary(heard))
}

// owns says whether the list holds the member whose data the volume has.
func owns(members []Member, data Data, self launch.JoinMember) bool {
	if data.MemberID == 0 {
		_, ok := byPeerURL(members, self.PeerURL)
		return ok
	}
	for _, m := range members {
		if m.ID == data.MemberID {
			return true
		}
	}
	return false
}

// bootstrap decides for a PD without data whose cluster is yet to be formed.
// Every answer counts here, however weak: a member that answers already belongs
// to some cluster, and only the plan's own is the right one.
func bootstrap(f Facts, self launch.JoinMember) Verdict {
	for _, a := range f.Answers {
		if a.Err != nil {
			continue
		}
		entry, listed := byPeerURL(a.Members, self.PeerURL)
		switch {
		case !listed || !asPlanned(a.Members, f.Join):
			return wait("a membership from the operator that agrees with PD's own",
				"the operator's is to form a new cluster, but there is one already: "+summary(f.Answers))
		case entry.started():
			return lostData(a, entry)
		case entry.Name == "":
			return wait("a membership from the operator that says existing",
				fmt.Sprintf("the operator's is to form a new cluster, but %s has added this PD to its own", a.From.Name))
		}
	}
	return Verdict{Start: true, InitialCluster: plannedCluster(f.Join)}
}

// asPlanned says whether the list holds the plan's members and no others.
func asPlanned(members []Member, j launch.Join) bool {
	for _, planned := range j.Members {
		if _, ok := byPeerURL(members, planned.PeerURL); !ok {
			return false
		}
	}
	return len(members) == len(j.Members)
}

// join decides for a PD without data that joins a running cluster.
func join(f Facts, self launch.JoinMember) Verdict {
	if len(f.Join.Members) == 1 {
		return wait("the data of PD's only member",
			"its volume is empty, and no other member has a copy: restore the volume, or delete the cluster and create it anew")
	}
	heard := trusted(f.Answers)
	if len(heard) == 0 {
		return wait("a member of PD that answers", summary(f.Answers))
	}
	for _, a := range heard {
		entry, listed := byPeerURL(a.Members, self.PeerURL)
		switch {
		case !listed:
			return wait("PD's members to list "+self.PeerURL, summary(heard))
		case entry.started():
			return lostData(a, entry)
		case !sameMembers(a.Members, heard[0].Members):
			return wait("PD's members to agree on who they are", summary(heard))
		}
	}
	members := heard[0].Members
	return Verdict{Start: true, InitialCluster: listedCluster(members, f.Join, self), Resolve: hosts(members)}
}

// lostData: the member has started before, so it once had data. Starting it
// empty under the same identity would break what it has promised to the others;
// etcd exits, or panics, on the attempt.
func lostData(a Answer, entry Member) Verdict {
	return wait("the operator to remove this member from PD and to add it again",
		fmt.Sprintf("its volume is empty, but %s knows it as %s, which has started before", a.From.Name, entry))
}

func wait(what, now string) Verdict { return Verdict{For: what, Now: now} }
