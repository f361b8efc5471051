// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package host is the thin layer over the Linux kernel: processes, network namespaces, mounts and
// cgroups, as far as a cluster leaves any of them on the machine.
package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process names one process for good: a pid alone may be given to another process later, a pid with
// its start time may not.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot, field 22 of /proc/PID/stat
}

// ProcessOf looks up the pid of a running process.
func ProcessOf(pid int) (Process, error) {
	p, ended, err := lookUp(pid)
	if err == nil && ended {
		return Process{}, fmt.Errorf("look up process %d: it has ended", pid)
	}
	return p, err
}

// childOf looks up a child that nobody has waited for yet. It may have ended: a program that fails at
// once is told of by its log, as one that fails later is.
func childOf(pid int) (Process, error) {
	p, _, err := lookUp(pid)
	return p, err
}

func lookUp(pid int) (p Process, ended bool, err error) {
	stat, err := readStat(pid)
	if err != nil {
		return Process{}, false, err
	}
	return Process{PID: pid, Start: stat.start}, stat.ended(), nil
}

// Alive tells whether the process still runs. A zombie does not.
func (p Process) Alive() bool {
	if p.PID <= 0 {
		return false
	}
	stat, err := readStat(p.PID)
	return err == nil && stat.start == p.Start && !stat.ended()
}

// Kill ends the process at once; a process that is gone already is no error.
func (p Process) Kill() error {
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process %d: %w", p.PID, err)
	}
	return nil
}

// KillAll ends processes and waits until none is left.
func KillAll(processes []Process, timeout time.Duration) error {
	for _, p := range processes {
		if err := p.Kill(); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(timeout)
	for _, p := range processes {
		for p.Alive() {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d did not end within %s of SIGKILL", p.PID, timeout)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}

type stat struct {
	state byte
	start uint64
}

// ended tells whether only the name of the process is left, until its parent asks how it ended.
func (s stat) ended() bool { return s.state == 'Z' || s.state == 'X' }

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, fmt.Errorf("look up process %d: %w", pid, err)
	}
	return parseStat(data)
}

// parseStat reads /proc/PID/stat. The command's name, in parentheses, may itself contain anything.
func parseStat(data []byte) (stat, error) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, errors.New("parse /proc/PID/stat: no command name")
	}
	const startField = 22 - 3 // counted from the state, which is field 3
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) <= startField {
		return stat{}, errors.New("parse /proc/PID/stat: too few fields")
	}
	start, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("parse /proc/PID/stat: start time: %w", err)
	}
	return stat{state: fields[0][0], start: start}, nil
}

// Running is what can be seen of a running process from outside.
type Running struct {
	Process
	Args  []string
	NetNS uint64 // inode of the network namespace; 0 where it cannot be read
}

// Processes lists all processes of the machine, our own left out. Those that end meanwhile are not in it.
func Processes() ([]Running, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var all []Running
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, err := ProcessOf(pid)
		if err != nil {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
		all = append(all, Running{Process: p, Args: args, NetNS: nsInode(filepath.Join(dir, "ns/net"))})
	}
	return all, nil
}

func nsInode(path string) uint64 {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return 0
	}
	return st.Ino
}
