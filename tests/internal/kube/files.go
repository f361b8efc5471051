// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

const module = "module github.com/deepfabric/elasticell-operator\n"

// Root is the repository's top folder, found upward from the working directory.
var Root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), module) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the repository: no folder above %s holds its go.mod", dir)
		}
	}
})

// DefinitionPath is the file of the CellCluster's definition.
func DefinitionPath() (string, error) {
	root, err := Root()
	return filepath.Join(root, "manifests", "crd.yaml"), err
}

// Build builds a program from a folder within the repository, statically.
func Build(ctx context.Context, dir, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s in %s: %w: %s", pkg, dir, err, text)
	}
	return nil
}

// mostAtOnce bounds how many control planes of one stem may run on a machine.
const mostAtOnce = 64

// freeName adds the least number to a stem that no living process uses. The lock
// ends with the process, so a killed one's name is taken, and cleaned up, by the next.
func freeName(stem string) (string, *os.File, error) {
	for i := range mostAtOnce {
		name := fmt.Sprintf("%s-%d", stem, i)
		lock, err := os.OpenFile(filepath.Join(os.TempDir(), "cell-cluster-"+name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return "", nil, fmt.Errorf("lock the name %s: %w", name, err)
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return name, lock, nil
		}
		lock.Close()
	}
	return "", nil, fmt.Errorf("%d control planes named %s run already; end the tests that left them", mostAtOnce, stem)
}
