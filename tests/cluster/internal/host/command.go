// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Run runs a program to its end. The error carries what the program printed.
func Run(ctx context.Context, name string, args ...string) error {
	return RunWithInput(ctx, nil, name, args...)
}

// RunWithInput is [Run] with a standard input.
func RunWithInput(ctx context.Context, input io.Reader, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = input
	_, err := output(cmd)
	return err
}

// Output runs a program to its end and returns its standard output.
func Output(ctx context.Context, name string, args ...string) (string, error) {
	return output(exec.CommandContext(ctx, name, args...))
}

func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stderr.String())
		if said == "" {
			said = strings.TrimSpace(stdout.String())
		}
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, said)
	}
	return stdout.String(), nil
}

// Daemon is a program that outlives us.
type Daemon struct {
	Args  []string
	NetNS string // "": the machine's own
	Log   string // file that gets its output, appended
	Env   []string
	Files []*os.File // the program's file descriptors from 3 on
}

// Start starts a daemon in a session of its own. The channel is closed when it ends while we live.
func (d Daemon) Start() (Process, <-chan struct{}, error) {
	log, err := os.OpenFile(d.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return Process{}, nil, fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	args := d.Args
	if d.NetNS != "" {
		// Not "ip netns exec": that mounts a new /sys, which hides the cgroups.
		args = append([]string{"nsenter", "--net=" + NetNSPath(d.NetNS), "--"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), d.Env...)
	cmd.ExtraFiles = d.Files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Process{}, nil, fmt.Errorf("start %s: %w", d.Args[0], err)
	}
	ended := make(chan struct{})
	process, err := childOf(cmd.Process.Pid)
	go func() {
		_ = cmd.Wait() // only to reap it; how it ended is in its log
		close(ended)
	}()
	if err != nil {
		return Process{}, nil, fmt.Errorf("start %s: %w", d.Args[0], err)
	}
	return process, ended, nil
}

// Tail returns the last lines of a log file; what cannot be read is told instead.
func Tail(file string, lines int) []string {
	const enough = 64 << 10
	f, err := os.Open(file)
	if err != nil {
		return []string{err.Error()}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > enough {
		if _, err := f.Seek(-enough, io.SeekEnd); err != nil {
			return []string{err.Error()}
		}
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return []string{err.Error()}
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return all[max(0, len(all)-lines):]
}
