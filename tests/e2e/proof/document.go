// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Read returns the rows that a run has kept; none if it has kept nothing.
func Read(file string) ([]Row, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the rows of the proof: %w", err)
	}
	var rows []Row
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		var r Row
		if err := decoder.Decode(&r); err != nil {
			return nil, fmt.Errorf("read the rows of the proof: %w", err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// Tables are all rows as Markdown: planned work with its bars, and what befell.
func Tables(rows []Row) string {
	var b strings.Builder
	table := func(title string, planned bool) {
		fmt.Fprintf(&b, "%s\n\n", title)
		b.WriteString("| | took | writes, reads | acknowledged writes lost | histories not linearizable | longest wait | failed attempts | closed by stopping proxies | load | |\n|---|---|---|---|---|---|---|---|---|---|\n")
		for _, r := range rows {
			if r.Planned == planned {
				b.WriteString(r.line())
			}
		}
		b.WriteString("\n")
	}
	table("What the operator does on purpose; the bars are 0 lost, no wait above 1 s, 0 failed attempts.", true)
	table("What befalls a cluster; the bar is 0 lost.", false)
	return b.String()
}

func (r Row) line() string {
	return fmt.Sprintf("| %s | %.0f s | %d, %d | %d | %d | %.2f s | %d | %d | %.1f | %s |\n",
		r.Name, r.Seconds, r.Writes, r.Reads, r.Lost, r.Inconsistent, r.LongestWait, r.Failed, r.Closed, r.Load, r.verdict())
}

func (r Row) verdict() string {
	if r.Lost+r.Inconsistent > 0 || r.Planned && !r.Within {
		return "**missed**"
	}
	return "met"
}

// Begin and End are the lines of the document between which a run writes.
const (
	Begin = "<!-- begin of the output of make proof -->\n"
	End   = "<!-- end of the output of make proof -->\n"
)

// Insert puts a text between the lines Begin and End of a document.
func Insert(document []byte, text string) ([]byte, error) {
	before, rest, ok := bytes.Cut(document, []byte(Begin))
	_, after, ok2 := bytes.Cut(rest, []byte(End))
	if !ok || !ok2 {
		return nil, fmt.Errorf("the lines %q and %q are not there, in this order", strings.TrimSpace(Begin), strings.TrimSpace(End))
	}
	return bytes.Join([][]byte{before, []byte(Begin + "\n" + strings.TrimSpace(text) + "\n\n" + End), after}, nil), nil
}
