// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testcluster starts the three programs on loopback, for tests.
package testcluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// build holds the programs, built once for all tests of a package.
var build struct {
	once sync.Once
	dir  string
	err  error
}

// Programs returns the folder with pd, cell and proxy. CELL_TEST_BIN names ready ones; CELL_TEST_RACE=1 builds them
// with the race detector.
func Programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("CELL_TEST_BIN"); dir != "" {
		return dir
	}
	build.once.Do(func() {
		build.dir, build.err = os.MkdirTemp("", "cell-stand-in-")
		if build.err != nil {
			return
		}
		args := []string{"build", "-o", build.dir + "/"}
		cgo := "CGO_ENABLED=0"
		if os.Getenv("CELL_TEST_RACE") != "" {
			args, cgo = append(args, "-race"), "CGO_ENABLED=1"
		}
		cmd := exec.Command("go", append(args, "github.com/deepfabric/elasticell-operator/tests/elasticell/cmd/...")...)
		cmd.Env = append(os.Environ(), cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("build the programs: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.dir
}

// CleanUp removes what Programs built; call it from TestMain.
func CleanUp() {
	if build.dir != "" {
		_ = os.RemoveAll(build.dir)
	}
}

// Process is one run of a program.
type Process struct {
	Name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start runs a program of the stand-in; it ends with the test.
func Start(t testing.TB, logDir, name, program string, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{Name: name, log: filepath.Join(logDir, name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatalf("open log of %s: %v", name, err)
	}
	p.cmd = exec.Command(filepath.Join(Programs(t), program), args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(append(os.Environ(), "GORACE=halt_on_error=1"), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		_ = out.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", name, p.tail(25))
		}
	})
	return p
}

// Term asks the process to end and waits; it returns how long that took.
func (p *Process) Term() time.Duration {
	begin := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	return time.Since(begin)
}

// Kill ends the process without a word, frozen or not.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Freeze stops the process where it is, and waits until it stands still.
func (p *Process) Freeze(t testing.TB) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGSTOP)
	Await(t, 5*time.Second, p.Name+" stands still", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
		return err != nil || strings.Contains(string(b), ") T ")
	})
}

// Thaw lets a frozen process go on.
func (p *Process) Thaw() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Alive says whether the process runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// errStillRuns says that a process did not end by itself.
var errStillRuns = errors.New("still runs")

// ExitCode waits for the process to end by itself.
func (p *Process) ExitCode(within time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(within):
		return 0, fmt.Errorf("%s %w after %s", p.Name, errStillRuns, within)
	}
}

// Log is everything the program has written, over all runs of this name.
func (p *Process) Log() string {
	b, _ := os.ReadFile(p.log)
	return string(b)
}

func (p *Process) tail(lines int) string {
	all := strings.Split(strings.TrimSpace(p.Log()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// nextPort goes through the ports below those that the system gives to outgoing connections: one of these could take a
// port that was free a moment ago.
var nextPort atomic.Uint32

const firstPort, lastPort = 10000, 30000

func init() { nextPort.Store(rand.Uint32N(lastPort - firstPort)) }

// FreeAddrs returns addresses on ip that nobody listens on.
func FreeAddrs(t testing.TB, ip string, n int) []string {
	t.Helper()
	addrs := make([]string, 0, n)
	for tries := 0; len(addrs) < n; tries++ {
		addr := fmt.Sprintf("%s:%d", ip, firstPort+nextPort.Add(1)%(lastPort-firstPort))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			_ = l.Close()
			addrs = append(addrs, addr)
		} else if tries > 1000 {
			t.Fatalf("find a free port: %v", err)
		}
	}
	return addrs
}
