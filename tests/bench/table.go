// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// figure is one line of the table.
type figure struct{ measure, budget, value, verdict string }

// Verdicts on figures.
const (
	met       = "met"
	missed    = "**missed**"
	unbounded = ""
)

func verdict(value, budget float64) string {
	if value <= budget {
		return met
	}
	return missed
}

// theirs are the figures that tidb-operator 1.6 had on a machine of this size,
// with 3 PDs, 3 TiKVs and 2 TiDBs a cluster.
var theirs = map[string]string{
	"API requests of a no-op sync":                     "9 (77 ms)",
	"calls to PD per settled cluster per minute":       "20",
	"API requests from creation to Ready, per cluster": "101-121",
	"… events":                                                  "~22",
	"1 cluster created (median of 5)":                           "9-14 s",
	"10 clusters created at once":                               "78 s",
	"50 clusters created at once":                               "32-35 s",
	"restart with 50 clusters: all synced again":                "1.7 s, 511 requests",
	"memory of the empty operator (resident)":                   "89 MB",
	"memory per cluster, with 500 (resident)":                   "1.9 MB",
	"edit → StatefulSet write, 500 idle clusters and a dead PD": "a dead PD holds a worker for 5 s",
}

func compared(measure string) string {
	if text := theirs[measure]; text != "" {
		return text
	}
	before, _, _ := strings.Cut(measure, ", 99th")
	return theirs[before]
}

// table is all figures as Markdown.
func table(figures []figure) string {
	var b strings.Builder
	b.WriteString("| measure | tidb-operator 1.6 | budget | measured | |\n|---|---|---|---|---|\n")
	for _, f := range figures {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.measure, compared(f.measure), f.budget, f.value, f.verdict)
	}
	return b.String()
}

const (
	begin = "<!-- begin of the output of make bench -->\n"
	end   = "<!-- end of the output of make bench -->\n"
)

// writeDocument puts the table and the machine between the marks of docs/performance.md.
func writeDocument(figures []figure) error {
	root, err := kube.Root()
	if err != nil {
		return err
	}
	path := filepath.Join(root, "docs", "performance.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	text, err = replaceBetween(text, table(figures)+"\nMachine: "+machine()+".\n")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

func replaceBetween(text []byte, with string) ([]byte, error) {
	before, rest, ok := bytes.Cut(text, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return nil, fmt.Errorf("the lines %q and %q are not there, in this order", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return bytes.Join([][]byte{before, []byte(begin + "\n" + with + "\n" + end), after}, nil), nil
}

// machine describes the one that measured, as far as /proc tells.
func machine() string {
	cpu, memory := "", ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		cpu = field(string(text), "model name")
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int
		if _, err := fmt.Sscan(field(string(text), "MemTotal"), &kb); err == nil {
			memory = fmt.Sprintf(", %d GiB of memory", (kb+1<<19)>>20)
		}
	}
	if cpu != "" {
		cpu = " (" + cpu + ")"
	}
	return fmt.Sprintf("%d cores%s%s, %s/%s, %s", runtime.NumCPU(), cpu, memory, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// field finds the first "name : value" of a file in /proc.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
