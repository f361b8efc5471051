// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"slices"
	"strings"

	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// DecideMembership is the membership that PDs start with. Before the
// bootstrap it is a new cluster of the initial members. After it, for ever, it
// is the existing cluster with the members that PD names, so that a PD whose
// disk is empty can never form a second one.
func DecideMembership(c *view.Cluster, replicas int32) launch.Join {
	if !c.Bootstrapped() && !wasThere(c) {
		return launch.Join{State: launch.JoinNew, Members: initialMembers(c, replicas)}
	}
	// Members tell their list even where there is no leader, as while a second one joins the first.
	if c.State != nil && len(c.State.Members) > 0 {
		if members := knownMembers(c, c.State.Members); len(members) > 0 {
			if second := desired.PDMember(c.Object, 1); len(c.State.Members) == 1 && members[0] != second && secondComes(c) {
				members = append(members, second)
			}
			return launch.Join{State: launch.JoinExisting, Members: members}
		}
	}
	// PD cannot be asked: what was written last is the best that is known.
	if last, ok := writtenMembers(c); ok {
		return launch.Join{State: launch.JoinExisting, Members: last}
	}
	return launch.Join{State: launch.JoinExisting, Members: initialMembers(c, replicas)}
}

// wasThere tells whether the volume of a PD holds a member's data: the cluster was deleted,
// or restored without its status, and is made again over its old volumes. A PD among them
// that has lost its own must not form a new cluster under the old one's names.
func wasThere(c *view.Cluster) bool {
	for _, claim := range c.PD.Claims {
		if claim.Labels[naming.LabelMemberID] != "" && !member.Retired(claim) {
			return true
		}
	}
	return false
}

// secondComes tells whether PD is to have a second member. Its pod is told so before the
// member is added, or the first would be without a quorum until the pod's files are renewed.
func secondComes(c *view.Cluster) bool {
	claim := c.PD.Claims[1]
	return c.Object.Spec.PD.Replicas > 1 && !member.Retired(claim) && (claim == nil || claim.DeletionTimestamp == nil)
}

func initialMembers(c *view.Cluster, replicas int32) []launch.JoinMember {
	out := make([]launch.JoinMember, 0, replicas)
	for i := range replicas {
		out = append(out, desired.PDMember(c.Object, i))
	}
	return out
}

func knownMembers(c *view.Cluster, members []pdapi.Member) []launch.JoinMember {
	var out []launch.JoinMember
	for _, m := range members {
		if ordinal, ok := naming.Ordinal(c.PDPodOfMember(&m)); ok {
			out = append(out, desired.PDMember(c.Object, ordinal))
		}
	}
	slices.SortFunc(out, func(a, b launch.JoinMember) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func writtenMembers(c *view.Cluster) ([]launch.JoinMember, bool) {
	if c.Start == nil {
		return nil, false
	}
	join, err := launch.DecodeJoin([]byte(c.Start.Data[launch.JoinKey]))
	return join.Members, err == nil
}

// DecideReplicas is how many PDs the StatefulSet asks for. Members come and go
// one at a time, each with a change of PD's own membership, so an existing set
// is not resized here.
// A set that was deleted comes back with as many as it had.
func DecideReplicas(c *view.Cluster) int32 {
	if c.PD.Replicas() > 0 {
		return c.PD.Replicas()
	}
	// So does one that was scaled to nothing by hand: there is no PD left to ask. That holds for a cluster that was deleted and is made again over its old volumes too:
	// more PDs than the old membership has would never be let in.
	if known := known(c); known > 0 {
		return known
	}
	return c.Object.Spec.PD.Replicas
}

// known is the number of PDs that there are, or were when the StatefulSet was
// deleted: one that is being removed has to run until it is no member any more.
func known(c *view.Cluster) int32 {
	n := c.PD.Known()
	if c.State == nil || len(c.State.Members) == 0 {
		// The next volume may be that of a member on its way out. One that is not comes and goes again.
		if member.Retired(c.PD.Claims[n]) {
			n++
		}
		return n
	}
	for i := range c.State.Members {
		if ordinal, ok := naming.Ordinal(c.PDPodOfMember(&c.State.Members[i])); ok {
			n = max(n, ordinal+1)
		}
	}
	return n
}
