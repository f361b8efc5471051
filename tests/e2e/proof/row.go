// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package proof keeps what the scenarios under load came to, and makes the tables
// of docs/proof.md of it.
package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/e2e/ledger"
)

// Enable is the environment variable that names the file for the rows. Where it is
// not set nothing is kept, and the bars are not judged.
const Enable = "CELL_PROOF"

// Enabled tells whether this run shall prove something.
func Enabled() bool { return os.Getenv(Enable) != "" }

// Row is one scenario under load.
type Row struct {
	Name string `json:"name"`
	// Planned work has bars; Within tells whether it kept them. Allowed is how many
	// connections the proxies that stopped may have closed.
	Planned bool `json:"planned"`
	Within  bool `json:"within"`
	Allowed int  `json:"allowed"`

	// Load is the machine's load average over the last minute of the scenario: the waits mean
	// little where it is far above the number of cores.
	Load         float64 `json:"load"`
	Seconds      float64 `json:"seconds"`
	Writes       int     `json:"writes"`
	Reads        int     `json:"reads"`
	Keys         int     `json:"keys"`
	LongestWait  float64 `json:"longestWait"` // in seconds
	Failed       int     `json:"failed"`
	Closed       int     `json:"closed"`
	GaveUp       int     `json:"gaveUp"`
	Lost         int     `json:"lost"`
	Inconsistent int     `json:"inconsistent"`
}

// NewRow makes a row of what a ledger says. took is the scenario's time.
func NewRow(name string, took time.Duration, r ledger.Report, v ledger.Verdict) Row {
	return Row{
		Name: name, Load: load(), Seconds: took.Seconds(), Writes: r.Writes, Reads: r.Reads, Keys: v.Keys, LongestWait: r.Longest.Seconds(),
		Failed: len(r.Failed), Closed: r.Closed, GaveUp: r.GaveUp, Lost: len(v.Lost), Inconsistent: len(v.Inconsistent),
	}
}

// load is what the kernel says; 0 where it says nothing.
func load() float64 {
	var minute float64
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(text), &minute)
	}
	return minute
}

// Note keeps a row, if this run shall prove something.
func Note(r Row) error {
	file := os.Getenv(Enable)
	if file == "" {
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a row of the proof: %w", err)
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("keep a row of the proof: %w", err)
	}
	_, err = out.Write(append(text, '\n'))
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("keep a row of the proof: %w", err)
	}
	return nil
}
