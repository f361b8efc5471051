// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Phase is a part of a command and how long it took.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Report tells people how far a command is.
type Report struct {
	out io.Writer

	mu     sync.Mutex
	phases []Phase
}

// NewReport tells it to a writer.
func NewReport(out io.Writer) *Report { return &Report{out: out} }

// Phase does a part of the work and says how long it took. Parts may overlap.
func (r *Report) Phase(name string, work func() error) error {
	begin := time.Now()
	if err := work(); err != nil {
		return err
	}
	phase := Phase{Name: name, Seconds: time.Since(begin).Seconds()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phases = append(r.phases, phase)
	fmt.Fprintf(r.out, "%6.1f s  %s\n", phase.Seconds, phase.Name)
	return nil
}

// Say tells something that is no phase.
func (r *Report) Say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// Phases are those that ended.
func (r *Report) Phases() []Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Phase(nil), r.phases...)
}
