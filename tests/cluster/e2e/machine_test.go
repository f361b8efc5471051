// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e brings real clusters up on the machine that it runs on, as root, when CELL_CLUSTER_E2E
// is set.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/cluster"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

const enable = "CELL_CLUSTER_E2E"

// machine runs the built program on one cluster.
type machine struct {
	program string
	name    string
}

func newMachine(t *testing.T, name string) *machine {
	t.Helper()
	if os.Getenv(enable) == "" {
		t.Skip("set " + enable + "=1 to bring a real cluster up (needs root)")
	}
	m := &machine{program: filepath.Join(t.TempDir(), "cell-cluster"), name: name}
	build(t, m.program, "..")
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := m.try("status")
			t.Log(out)
		}
		m.must(t, "down")
	})
	return m
}

func build(t *testing.T, target, pkg string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", target, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// try runs a command and returns what it prints on both channels.
func (m *machine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, m.program, append([]string{"--name=" + m.name}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (m *machine) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.try(args...)
	require.NoError(t, err, "%v: %s", args, out)
	return out
}

// json runs a command and reads its result.
func (m *machine) json(t *testing.T, result any, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(m.program, append([]string{"--name=" + m.name, "--output=json"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%v: %s", args, &stderr)
	require.NoError(t, json.Unmarshal(stdout.Bytes(), result))
	t.Log("\n" + stderr.String())
}

func (m *machine) status(t *testing.T) cluster.Status {
	t.Helper()
	var status cluster.Status
	m.json(t, &status, "status")
	return status
}

// kubectl runs kubectl from outside the cluster's network, as users do.
func kubectl(t *testing.T, s cluster.Status, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(s.Bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "kubectl %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

// eventually waits for something that a cluster does in its own time.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	var err error
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		if err = condition(); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.NoError(t, err, what)
}

// left lists what a cluster left on the machine.
func left(t *testing.T, name, stateDir string) []string {
	t.Helper()
	var found []string
	if _, err := os.Stat(stateDir); err == nil {
		found = append(found, stateDir)
	}
	namespaces, err := host.NetNSNames(func(netns string) bool { return plan.OwnsNetNS(name, netns) })
	require.NoError(t, err)
	found = append(found, namespaces...)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	if strings.Contains(string(mounts), stateDir+"/") {
		found = append(found, "mounts")
	}
	cmdlines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range cmdlines {
		cmdline, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(cmdline), stateDir+"/") {
			found = append(found, fmt.Sprintf("%s: %s", file, strings.ReplaceAll(string(cmdline), "\x00", " ")))
		}
	}
	links, err := filepath.Glob("/var/log/containers/*")
	require.NoError(t, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, stateDir+"/") {
			found = append(found, link)
		}
	}
	return found
}
