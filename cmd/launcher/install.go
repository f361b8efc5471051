// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/deepfabric/elasticell-operator/pkg/launch/atomicfile"
)

// runInstall copies this program, so that a container of another image has it.
func runInstall(_ context.Context, env environment, args []string) error {
	rest, err := parse(newFlags("install", env), args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return fmt.Errorf("%w: want one destination, got %q", errUsage, rest)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	source, err := os.Open(self)
	if err != nil {
		return fmt.Errorf("read this program: %w", err)
	}
	defer source.Close()
	return atomicfile.Write(rest[0], 0o755, source)
}
