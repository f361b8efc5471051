// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bugs plants bugs into the operator, one at a time, and sees that the
// model catches each. A bug is a small edit of one file, which reaches the compiler
// through the Go toolchain's -overlay: neither the repository nor the product ever
// holds it.
package bugs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Bug is an edit that makes the operator wrong.
type Bug struct {
	// Name says what is wrong with it.
	Name string
	// File is below the root of the repository; Old is replaced by New in it, and stands there exactly once.
	File, Old, New string
	// Caught is the test of package model that must fail, as for -run.
	Caught string
	// Unit is the operator's package whose own test Caught is, where other lines of defence hide the bug from the model by now.
	Unit string
	// Only narrows its schedules down, where it has many; see CELL_MODEL_ONLY.
	Only string
}

// Overlay writes the wrong files and what tells the compiler of them into a
// directory, and returns the latter's path.
func (b Bug) Overlay(root, dir string) (string, error) {
	file := filepath.Join(root, b.File)
	wrong, err := b.write(file, dir)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: wrong}})
	if err != nil {
		return "", fmt.Errorf("encode the overlay: %w", err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	return path, nil
}

// write writes the wrong file and returns its path.
func (b Bug) write(file, dir string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read what is to be made wrong: %w", err)
	}
	if n := strings.Count(string(text), b.Old); n != 1 {
		return "", fmt.Errorf("%s: the text to replace is there %d times, it must be once: %s", b.File, n, b.Old)
	}
	wrong := filepath.Join(dir, strings.ReplaceAll(b.File, "/", "-"))
	if err := os.WriteFile(wrong, []byte(strings.Replace(string(text), b.Old, b.New, 1)), 0o600); err != nil {
		return "", fmt.Errorf("write the wrong file: %w", err)
	}
	return wrong, nil
}
