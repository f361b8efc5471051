// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package harness brings a Kubernetes up for a test binary, and holds what its
// tests do to it: helm and kubectl, cell clusters and their Redis clients,
// waiting, and telling how things stand when a test fails.
package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const (
	// Enable is the environment variable that lets the tests run. They need root,
	// minutes, and the images in _out/images.
	Enable = "CELL_E2E"
	// handedDown tells the process in the cluster's network what it runs on.
	handedDown = "CELL_E2E_WORLD"
)

// Options are what a test binary wants.
type Options struct {
	// Name is the Kubernetes cluster's; each test binary takes another.
	Name string
	// Nodes is how many there are, 3 by default; VolumesPerNode how many local volumes each offers.
	Nodes, VolumesPerNode int
	// Args are more flags of Kubernetes' programs, each as component=--flag=value.
	Args []string
	// InNetwork runs the tests in the cluster's network rather than the machine's.
	InNetwork bool
}

var (
	keep = flag.Bool("keep", false, "leave the Kubernetes up after the tests; the next run replaces it")

	// current is the world of this process; nil where tests are not enabled.
	current *World
)

// Main runs the tests of a binary on a Kubernetes of their own and returns the
// exit code. Where Enable is not set the tests skip themselves.
func Main(m *testing.M, o Options) int {
	flag.Parse()
	if os.Getenv(Enable) == "" || flag.Lookup("test.list").Value.String() != "" {
		return m.Run()
	}
	if text := os.Getenv(handedDown); text != "" {
		return runInside(m, text)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := runOutside(ctx, m, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

func runInside(m *testing.M, text string) int {
	w := &World{}
	err := json.Unmarshal([]byte(text), w)
	if err == nil {
		err = w.connect()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	current = w
	return m.Run()
}

func runOutside(ctx context.Context, m *testing.M, o Options) (code int, err error) {
	bin, err := os.MkdirTemp("", "cell-e2e-")
	if err != nil {
		return 1, fmt.Errorf("make folder for the tools: %w", err)
	}
	defer os.RemoveAll(bin)
	unlock, err := lock(o.Name)
	if err != nil {
		return 1, err
	}
	defer unlock()
	w, err := newWorld(ctx, bin, o.Name)
	if err != nil {
		return 1, err
	}
	if !*keep {
		// With the context of this moment: an interrupted run is cleaned up too.
		defer func() { err = errors.Join(err, w.down(context.WithoutCancel(ctx))) }()
	}
	if err := w.up(ctx, o); err != nil {
		return 1, err
	}
	if *keep {
		defer fmt.Fprintf(os.Stderr, "kept: export KUBECONFIG=%s PATH=%s:$PATH\n", w.Kubeconfig, w.Bin)
	}
	if o.InNetwork {
		return w.runSelf(ctx)
	}
	if err := w.connect(); err != nil {
		return 1, err
	}
	current = w
	return m.Run(), nil
}

// lock waits until no other run on this machine has a cluster of the name, which
// this one would take away.
func lock(name string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "cell-e2e-"+name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the cluster's name: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		fmt.Fprintf(os.Stderr, "e2e: waiting for another run on the cluster %s to end\n", name)
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock the cluster's name: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

// newWorld builds the tool that brings a Kubernetes up.
func newWorld(ctx context.Context, bin, name string) (*World, error) {
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	w := &World{Name: name, Root: root, Program: filepath.Join(bin, "cell-cluster")}
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "tests/cluster"), "-o", w.Program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build tests/cluster: %w: %s", err, out)
	}
	return w, nil
}

// findRoot looks upward for the project's folder.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project's folder: %w", err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "charts", "cell-operator", "Chart.yaml")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("find the project's folder: run this below the folder that holds charts/cell-operator")
}

// Images are the archives that `make image elasticell-images` leaves in _out/images.
var Images = []string{"cell-operator.tar", "elasticell-pd.tar", "elasticell-store.tar", "elasticell-proxy.tar"}

func (w *World) up(ctx context.Context, o Options) error {
	archives := make([]string, len(Images))
	for i, image := range Images {
		archives[i] = w.ImageFile(image)
		if _, err := os.Stat(archives[i]); err != nil {
			return fmt.Errorf("find images: %w: run `make image elasticell-images` first", err)
		}
	}
	if err := w.down(ctx); err != nil {
		return err
	}
	args := []string{"--output=json", "up", fmt.Sprintf("--nodes=%d", cmp.Or(o.Nodes, 3)), fmt.Sprintf("--volumes-per-node=%d", o.VolumesPerNode)}
	for _, arg := range o.Args {
		args = append(args, "--arg="+arg)
	}
	up := w.command(ctx, args...)
	up.Stderr = os.Stderr
	out, err := up.Output()
	if err != nil {
		return fmt.Errorf("bring up Kubernetes: %w", err)
	}
	if err := json.Unmarshal(out, w); err != nil {
		return fmt.Errorf("read what `cell-cluster up` prints: %w", err)
	}
	return w.LoadImages(ctx, archives...)
}

// down tries twice, since the kernel may hold on to what has just ended.
func (w *World) down(ctx context.Context) error {
	err := w.command(ctx, "down").Run()
	if err == nil {
		return nil
	}
	if out, err := w.command(ctx, "down").CombinedOutput(); err != nil {
		return fmt.Errorf("take down Kubernetes: %w: %s", err, out)
	}
	return nil
}

// runSelf runs this test binary once more, with its arguments, in the cluster's network.
func (w *World) runSelf(ctx context.Context) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 1, fmt.Errorf("find the test binary: %w", err)
	}
	text, err := json.Marshal(w)
	if err != nil {
		return 1, fmt.Errorf("encode what the tests run on: %w", err)
	}
	run := w.command(ctx, append([]string{"run", "--", self}, os.Args[1:]...)...)
	run.Env = append(os.Environ(), handedDown+"="+string(text))
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stdout, os.Stderr
	run.Cancel = func() error { return run.Process.Signal(syscall.SIGTERM) }
	run.WaitDelay = 10 * time.Second
	err = run.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run the tests in the cluster's network: %w", err)
	}
	return 0, nil
}
