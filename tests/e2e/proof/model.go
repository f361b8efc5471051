// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Schedules is what one kind of fault came to in tests/model, over all workloads.
type Schedules struct {
	Fault                    string
	Workloads, Tried, Failed int
}

// campaign is a line in the log of tests/model.
var campaign = regexp.MustCompile(`: ([^:]+), ([^,]+): (\d+) of \d+ schedules tried, (\d+) failed`)

// ReadModel sums up the log of tests/model, in the order in which faults occur in it.
func ReadModel(log string) []Schedules {
	at := map[string]int{}
	var all []Schedules
	for line := range strings.Lines(log) {
		found := campaign.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		fault := found[2]
		i, known := at[fault]
		if !known {
			i = len(all)
			at[fault] = i
			all = append(all, Schedules{Fault: fault})
		}
		all[i].Workloads++
		all[i].Tried += number(found[3])
		all[i].Failed += number(found[4])
	}
	return all
}

// number is what the pattern has found to be one.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// ModelTable is the summary as Markdown.
func ModelTable(all []Schedules) string {
	var b strings.Builder
	b.WriteString("| fault | workloads | schedules tried | failed |\n|---|---|---|---|\n")
	total := Schedules{}
	for _, s := range all {
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", s.Fault, s.Workloads, s.Tried, s.Failed)
		total.Tried += s.Tried
		total.Failed += s.Failed
	}
	fmt.Fprintf(&b, "| **all** | | **%d** | **%d** |\n", total.Tried, total.Failed)
	return b.String()
}
