// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// criParent is the cgroup below which containerd puts containers of the "k8s.io" namespace, one each,
// named by the container's id, when kubelet names no parent (cgroupsPerQOS: false).
const criParent = "k8s.io"

// CgroupV2 tells whether the machine has the unified hierarchy alone.
func CgroupV2() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers"))
	return err == nil
}

// hierarchies lists the folders in which a container may have a cgroup: one with v2, else one a controller.
func hierarchies() ([]string, error) {
	if CgroupV2() {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("list cgroup hierarchies: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(cgroupRoot, e.Name()))
		}
	}
	return dirs, nil
}

// ContainerProcesses lists the processes in the cgroups of containers.
func ContainerProcesses(ids []string) ([]Process, error) {
	var found []Process
	err := eachCgroup(ids, func(dir string) error {
		data, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return nil // removed meanwhile: then nothing is in it
		}
		for _, field := range strings.Fields(string(data)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return fmt.Errorf("read %s/cgroup.procs: %w", dir, err)
			}
			if p, err := ProcessOf(pid); err == nil && !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
		return nil
	})
	return found, err
}

// RemoveContainerCgroups removes the cgroups of containers, which must have no process any more, and
// the one that they had in common if nobody else has any in it.
func RemoveContainerCgroups(ids []string) error {
	defer func() {
		roots, _ := hierarchies()
		for _, root := range roots {
			_ = os.Remove(filepath.Join(root, criParent)) // fails while it has children
		}
	}()
	return eachCgroup(ids, func(dir string) error {
		// Children first; the files in a cgroup are not removed, only its folders.
		var dirs []string
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, d := range slices.Backward(dirs) {
			if err := removeCgroup(d); err != nil {
				return fmt.Errorf("remove cgroup: %w", err)
			}
		}
		return nil
	})
}

// cgroupBusy is how long a cgroup may stay busy after its processes were killed.
const cgroupBusy = 10 * time.Second

// removeCgroup waits for killed processes to be gone.
func removeCgroup(dir string) error {
	for end := time.Now().Add(cgroupBusy); ; time.Sleep(50 * time.Millisecond) {
		err := os.Remove(dir)
		switch {
		case err == nil, errors.Is(err, os.ErrNotExist):
			return nil
		case !errors.Is(err, syscall.EBUSY) || time.Now().After(end):
			return err
		}
	}
}

func eachCgroup(ids []string, f func(dir string) error) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		for _, id := range ids {
			dir := filepath.Join(root, criParent, id)
			if _, err := os.Stat(dir); err != nil {
				continue
			}
			if err := f(dir); err != nil {
				return err
			}
		}
	}
	return nil
}
