// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Model is what tests/model has come to.
type Model struct {
	// Faults are there if the log tells of each campaign, as that of `go test -v` does.
	Faults []Schedules
	// Tried is how many schedules were tried in all, Tests how many tests passed and failed, in a line.
	Tried int
	Tests string
}

// Schedules is what one kind of fault came to, over all workloads.
type Schedules struct {
	Fault string
	// Of is how many schedules there are of this kind, of which a share may have been tried.
	Workloads, Tried, Of, Failed int
}

// What the log of tests/model says of a campaign, of a package, and of all.
var (
	campaign = regexp.MustCompile(`: ([^:]+), ([^,]+): (\d+) of (\d+) schedules tried, (\d+) failed`)
	tried    = regexp.MustCompile(`^(\d+) schedules were tried`)
	tests    = regexp.MustCompile(`^\d+ passed, \d+ failed`)
)

// ReadModel sums up the log of tests/model, faults in the order in which they occur in it.
func ReadModel(log string) Model {
	m := Model{}
	at := map[string]int{}
	for line := range strings.Lines(log) {
		if found := tried.FindStringSubmatch(line); found != nil {
			m.Tried += number(found[1])
		}
		if tests.MatchString(line) {
			m.Tests = strings.TrimSpace(line)
		}
		found := campaign.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		i, known := at[found[2]]
		if !known {
			i = len(m.Faults)
			at[found[2]] = i
			m.Faults = append(m.Faults, Schedules{Fault: found[2]})
		}
		m.Faults[i].Workloads++
		m.Faults[i].Tried += number(found[3])
		m.Faults[i].Of += number(found[4])
		m.Faults[i].Failed += number(found[5])
	}
	return m
}

// number is what the pattern has found to be one.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// String is the result as Markdown.
func (m Model) String() string {
	if m.Tried == 0 && m.Tests == "" && len(m.Faults) == 0 {
		return "Not run.\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d schedules were tried. Tests: %s.\n", m.Tried, cmp.Or(m.Tests, "not counted"))
	if len(m.Faults) == 0 {
		return b.String()
	}
	b.WriteString("\n| fault | workloads | schedules tried | of | failed |\n|---|---|---|---|---|\n")
	for _, s := range m.Faults {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", s.Fault, s.Workloads, s.Tried, s.Of, s.Failed)
	}
	return b.String()
}
