// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

// Rule is how far the members of a component must stand apart.
type Rule struct {
	// Members is how many there will be in the end.
	Members int
	// Apart is how many must stand apart: all PDs; of the stores as many as a cell
	// has replicas, since PD seeks other zones first and other racks next for them.
	Apart int
	// Safe is how many of those may share a domain where there are domains enough.
	Safe int
}

// PDs is the rule of PDs: no domain holds so many that its loss costs the quorum.
func PDs(members int) Rule {
	members = max(members, 1)
	return Rule{Members: members, Apart: members, Safe: (members - 1) / 2}
}

// Stores is the rule of stores: no domain's loss takes two replicas of a cell.
// Elasticell's PD puts a replica where the isolation from the others is greatest,
// and a difference in the zone counts a hundred times one in the rack. So as
// many domains as replicas are enough, however the other stores stand.
func Stores(members, replicas int) Rule {
	members = max(members, 1)
	return Rule{Members: members, Apart: min(max(replicas, 1), members), Safe: 1}
}

// Bearable is how many of those apart may be lost at once: fewer than half.
func (r Rule) Bearable() int { return (r.Apart - 1) / 2 }

// Needed is how many domains it takes for none to hold more than is safe.
func (r Rule) Needed() int {
	safe := max(r.Safe, 1)
	return (r.Apart + safe - 1) / safe
}
