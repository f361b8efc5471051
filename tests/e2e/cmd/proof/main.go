// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command proof writes what `make proof` has shown into docs/proof.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/deepfabric/elasticell-operator/tests/e2e/proof"
)

func main() {
	out := flag.String("out", "_out/proof", "the folder of what has run: rows.jsonl of the scenarios, model.log of tests/model, and *.commit, what they ran on")
	document := flag.String("document", "docs/proof.md", "the document to write into")
	flag.Parse()
	if err := write(*out, *document); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

func write(out, document string) error {
	scenarios, err := proof.Read(filepath.Join(out, "rows.jsonl"))
	if err != nil {
		return err
	}
	log, err := os.ReadFile(filepath.Join(out, "model.log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the log of tests/model: %w", err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	text, err = proof.Insert(text, figures(out, scenarios, proof.ReadModel(string(log))))
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	if err := os.WriteFile(document, text, 0o644); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// figures are all that was shown, and on what.
func figures(out string, scenarios []proof.Row, model proof.Model) string {
	var b strings.Builder
	of := "Commit " + commit(out, "nodes")
	if schedules := commit(out, "model"); len(scenarios) == 0 {
		of = "Commit " + schedules
	} else if schedules != commit(out, "nodes") {
		of = fmt.Sprintf("Scenarios at commit %s, schedules at %s", commit(out, "nodes"), schedules)
	}
	fmt.Fprintf(&b, "%s, on %s.\n\n", of, machine())
	b.WriteString("### Real nodes, under load\n")
	if len(scenarios) == 0 {
		b.WriteString("Not run.\n\n")
	} else {
		b.WriteString(proof.Tables(scenarios))
	}
	b.WriteString("### Schedules of faults\n")
	b.WriteString(model.String())
	return b.String()
}

// commit is the version that a part was shown on.
func commit(out, part string) string {
	text, err := os.ReadFile(filepath.Join(out, part+".commit"))
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// machine describes the one that it was shown on, as far as /proc tells.
func machine() string {
	memory := ""
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kb); err == nil {
			memory = fmt.Sprintf(", %d GiB of memory", (kb+1<<19)>>20)
		}
	}
	return fmt.Sprintf("%d cores%s, %s/%s, %s", runtime.NumCPU(), memory, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
