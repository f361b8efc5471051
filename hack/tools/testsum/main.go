// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command testsum reads what several runs of `go test -json` print, prints what
// plain `go test` would, and ends with one line for all of them: "N passed, N
// failed". It fails if a test, a package or a build failed, or if there was no test.
//
// Before each run the input may name it by a line {"Action":"suite","Package":NAME},
// and say after it by {"Action":"suite-fail"} that go test ended with an error.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	ok, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run copies one to the other and tells whether everything passed.
func run(in io.Reader, out io.Writer) (ok bool, err error) {
	s := newSum(out)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			s.line(line)
		}
		if err == io.EOF {
			return s.end(), nil
		}
		if err != nil {
			return false, fmt.Errorf("read the tests' output: %w", err)
		}
	}
}
