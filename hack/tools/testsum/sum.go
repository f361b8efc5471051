// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of `go test -json`, see `go doc test2json` and `go help buildjson`.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	FailedBuild string
}

// sum is what was seen so far.
type sum struct {
	out                     io.Writer
	passed, failed, skipped int
	suiteFailures           int
	packages                map[string]*pkg
	// broken are the packages, tests and suites that failed.
	broken []string
}

// pkg is a package whose tests run.
type pkg struct {
	// output of each top-level test with its subtests, until it ends.
	output map[string]*strings.Builder
	// running are the tests that have not ended.
	running map[string]bool
	failed  int
}

func newSum(out io.Writer) *sum { return &sum{out: out, packages: map[string]*pkg{}} }

func (s *sum) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		s.print(string(line)) // go itself says something
		return
	}
	switch {
	case e.Action == "suite":
		s.suiteFailures = 0
		s.print("=== " + e.Package + "\n")
	case e.Action == "suite-fail":
		if s.suiteFailures == 0 {
			s.fail("go test of " + e.Package)
		}
	case e.Action == "build-output":
		s.print(e.Output)
	case e.Action == "build-fail":
		// Its package fails, too.
	case e.Test != "":
		s.test(e)
	default:
		s.packageEvent(e)
	}
}

func (s *sum) of(e event) *pkg {
	p := s.packages[e.Package]
	if p == nil {
		p = &pkg{output: map[string]*strings.Builder{}, running: map[string]bool{}}
		s.packages[e.Package] = p
	}
	return p
}

// test handles what a test prints and how it ends. Only a failed test shows its output.
func (s *sum) test(e event) {
	p := s.of(e)
	top, _, isSubtest := strings.Cut(e.Test, "/")
	buffer := p.output[top]
	if buffer == nil {
		buffer = &strings.Builder{}
		p.output[top] = buffer
	}
	switch e.Action {
	case "run":
		p.running[e.Test] = true
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			buffer.WriteString(e.Output)
		}
	case "pass", "skip", "fail":
		delete(p.running, e.Test)
		switch e.Action {
		case "pass":
			s.passed++
		case "skip":
			s.skipped++
		case "fail":
			p.failed++
			s.fail(e.Package + " " + e.Test)
		}
		if isSubtest {
			return
		}
		if e.Action == "fail" {
			s.print(buffer.String())
		}
		delete(p.output, top)
	}
}

// packageEvent handles what concerns a package as a whole.
func (s *sum) packageEvent(e event) {
	p := s.of(e)
	switch e.Action {
	case "output":
		if e.Output != "PASS\n" && !strings.HasPrefix(e.Output, "?   \t") {
			s.print(e.Output)
		}
	case "pass", "skip":
		delete(s.packages, e.Package)
	case "fail":
		s.unfinished(e.Package, p)
		if p.failed == 0 {
			s.fail(e.Package)
		}
		delete(s.packages, e.Package)
	}
}

// unfinished counts the tests that a panic, a time-out or an os.Exit cut short.
func (s *sum) unfinished(name string, p *pkg) {
	for _, test := range slices.Sorted(maps.Keys(p.running)) {
		p.failed++
		s.fail(name + " " + test)
		if buffer := p.output[test]; buffer != nil {
			s.print(buffer.String())
		}
	}
}

func (s *sum) fail(what string) {
	s.failed++
	s.suiteFailures++
	s.broken = append(s.broken, what)
}

// end prints the total and tells whether all is well.
func (s *sum) end() bool {
	for _, name := range slices.Sorted(maps.Keys(s.packages)) {
		p := s.packages[name]
		s.unfinished(name, p) // go test was killed
		if p.failed == 0 {
			s.fail(name)
		}
	}
	for _, what := range s.broken {
		s.print("FAILED " + what + "\n")
	}
	if s.skipped > 0 {
		s.print(fmt.Sprintf("%d skipped\n", s.skipped))
	}
	s.print(fmt.Sprintf("%d passed, %d failed\n", s.passed, s.failed))
	return s.failed == 0 && s.passed > 0
}

func (s *sum) print(text string) { _, _ = io.WriteString(s.out, text) }
