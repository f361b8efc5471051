// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

const (
	module = "github.com/deepfabric/elasticell-operator"
	// maxSize is what a pod's emptyDir and a node's pull are spared.
	maxSize = 15 << 20
)

var binaryDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "cell-launcher")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binaryDir = dir
		return m.Run()
	}())
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaryDir, "cell-launcher")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})

// binary returns the launcher, built as it is released.
func binary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program")
	}
	path, err := build()
	require.NoError(t, err)
	return path
}

func TestBinaryIsSmall(t *testing.T) {
	info, err := os.Stat(binary(t))
	require.NoError(t, err)
	assert.Less(t, info.Size(), int64(maxSize))
	t.Logf("the launcher has %.1f MB", float64(info.Size())/1e6)
}

// The launcher is in every pod: it imports the standard library and pkg/launch,
// and nothing else.
func TestBinaryImportsLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	for _, path := range strings.Fields(string(out)) {
		ours := path == module+"/cmd/launcher" || strings.HasPrefix(path+"/", module+"/pkg/launch/")
		assert.True(t, ours, "cmd/launcher imports %s", path)
	}
}

func TestBinaryInstallsItself(t *testing.T) {
	installed := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.WriteFile(installed, []byte("an older one"), 0o600))
	out, err := exec.Command(binary(t), "install", installed).CombinedOutput()
	require.NoError(t, err, string(out))
	info, err := os.Stat(installed)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode())

	out, err = exec.Command(installed, "version").Output()
	require.NoError(t, err)
	assert.Equal(t, "v1.2.3\n", string(out))
}

// podCommand is the launcher in a pod of its own, with the plan in its environment;
// without a plan it waits for the file.
func podCommand(t *testing.T, plan *launch.Plan) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	dir := t.TempDir()
	annotations := filepath.Join(dir, "annotations")
	require.NoError(t, os.WriteFile(annotations, []byte("cell.deepfabric.com/zone=\"z1\"\ncell.deepfabric.com/rack=\"r1\"\n"), 0o600))

	cmd := exec.Command(binary(t), "store", "--plan", filepath.Join(dir, "plan"), "--annotations", annotations)
	cmd.Env = []string{"POD_NAME=demo-store-0", "POD_NAMESPACE=cell", "POD_IP=127.0.0.1", "NODE_NAME=node-1", "TZ=Asia/Shanghai"}
	if plan != nil {
		text, err := launch.Encode(*plan)
		require.NoError(t, err)
		cmd.Env = append(cmd.Env, launch.PlanVariable+"="+text)
	}
	output := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = output, os.Stderr
	return cmd, output
}

// The whole way: the process becomes the program, with its arguments and the
// container's environment.
func TestBinaryBecomesTheProgram(t *testing.T) {
	program, err := exec.LookPath("sh")
	require.NoError(t, err)
	plan := launch.Plan{
		Version: launch.PlanVersion, Component: launch.Store, Cluster: "cell/demo", Program: program,
		Args:     []string{"-c", `echo "$0 $TZ $$"`, "${HOST} ${ZONE} ${RACK} $${ZONE}"},
		Host:     "127.0.0.1",
		StateDir: t.TempDir(),
		Location: true,
	}
	cmd, output := podCommand(t, &plan)
	require.NoError(t, cmd.Start())
	pid := cmd.Process.Pid
	require.NoError(t, cmd.Wait())
	fields := strings.Fields(output.String())
	require.Len(t, fields, 6, output.String())
	assert.Equal(t, []string{"127.0.0.1", "z1", "r1", "${ZONE}", "Asia/Shanghai"}, fields[:5])
	assert.Equal(t, pid, atoi(t, fields[5]), "the same process")
	assert.FileExists(t, filepath.Join(plan.StateDir, "location.json"))
}

func TestBinaryStopsWhileItWaits(t *testing.T) {
	cmd, _ := podCommand(t, nil)
	waiting, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	defer waiting.Close()
	cmd.Stderr = waiting
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(waiting.Name())
		return err == nil && strings.Contains(string(text), "msg=waiting")
	}, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "exit code 0")
}

func atoi(t *testing.T, text string) int {
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}
