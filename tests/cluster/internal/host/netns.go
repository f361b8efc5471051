// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// netnsDir is where iproute2 keeps the handles of named network namespaces.
const netnsDir = "/run/netns"

// NetNSPath is the file that stands for a named network namespace.
func NetNSPath(name string) string { return filepath.Join(netnsDir, name) }

// AddNetNS makes a network namespace with its loopback up.
func AddNetNS(ctx context.Context, name string) error {
	if err := Run(ctx, "ip", "netns", "add", name); err != nil {
		return fmt.Errorf("add network namespace: %w", err)
	}
	return IP(ctx, name, "link set lo up")
}

// NetNSNames lists the named network namespaces that the filter accepts.
func NetNSNames(accept func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(netnsDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	var names []string
	for _, e := range entries {
		if accept(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// NetNSInode identifies a named network namespace; 0 if there is none.
func NetNSInode(name string) uint64 { return nsInode(NetNSPath(name)) }

// DeleteNetNS removes the name of a network namespace. The kernel drops the namespace, with its
// devices, once no process is left in it.
func DeleteNetNS(ctx context.Context, name string) error {
	if err := Run(ctx, "ip", "netns", "delete", name); err != nil {
		return fmt.Errorf("delete network namespace: %w", err)
	}
	return nil
}

// IP runs ip(8) commands, one a line, in a network namespace.
func IP(ctx context.Context, netns string, lines ...string) error {
	input := strings.NewReader(strings.Join(lines, "\n") + "\n")
	if err := RunWithInput(ctx, input, "ip", "-n", netns, "-batch", "-"); err != nil {
		return fmt.Errorf("configure network of %s: %w", netns, err)
	}
	return nil
}

// InNetNS calls f on a thread that stands in a network namespace. Sockets that f itself opens belong
// to the namespace; goroutines that f starts do not.
func InNetNS(name string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the runtime then ends the thread with the goroutine, so that no other
		// goroutine ever runs in the namespace by mistake.
		runtime.LockOSThread()
		done <- func() error {
			fd, err := unix.Open(NetNSPath(name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return fmt.Errorf("open network namespace %s: %w", name, err)
			}
			defer unix.Close(fd)
			if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter network namespace %s: %w", name, err)
			}
			return f()
		}()
	}()
	return <-done
}

// SetSysctls writes settings below /proc/sys/net in a network namespace. Those that the kernel does
// not have are left out.
func SetSysctls(netns string, settings map[string]string) error {
	return InNetNS(netns, func() error {
		for key, value := range settings {
			file := filepath.Join("/proc/sys/net", key)
			if err := os.WriteFile(file, []byte(value), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("set %s in %s: %w", file, netns, err)
			}
		}
		return nil
	})
}
