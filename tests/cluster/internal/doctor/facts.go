// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
)

// cniDirs are the places where distributions and Kubernetes' own packages put CNI plugins.
var cniDirs = []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"}

// Gather looks at the machine. dir is an existing folder on the disk that the cluster will use.
func Gather(ctx context.Context, dir string) Facts {
	f := Facts{
		Root:         os.Geteuid() == 0,
		Distribution: distribution("/etc/os-release"),
		Programs:     map[string]string{},
		CNIBin:       findCNI(),
		Capabilities: capabilities(),
		Overlay:      overlay(),
	}
	for _, p := range programs {
		if path, err := exec.LookPath(p.name); err == nil {
			f.Programs[p.name] = path
		}
	}
	if out, err := host.Output(ctx, "go", "env", "GOVERSION"); err == nil {
		f.GoVersion = strings.TrimSpace(out)
	}
	f.Controllers, f.CgroupsRW = cgroups()
	f.Inotify = number("/proc/sys/fs/inotify/max_user_instances")
	f.MemoryMiB, f.DiskMiB = memoryMiB(), diskMiB(dir)
	if f.Programs["nft"] != "" && f.Root {
		f.NFTables = host.Run(ctx, "nft", "list", "tables")
	}
	return f
}

// Install installs Debian packages. The list of packages is only fetched if the machine does not
// know one of them, or knows an outdated version.
func Install(ctx context.Context, packages []string, progress io.Writer) error {
	fmt.Fprintln(progress, "installing", strings.Join(packages, " "))
	install := append([]string{"install", "--yes", "--no-install-recommends"}, packages...)
	if aptGet(ctx, install...) == nil {
		return nil
	}
	if err := aptGet(ctx, "update"); err != nil {
		return fmt.Errorf("install %s: %w", strings.Join(packages, ", "), err)
	}
	if err := aptGet(ctx, install...); err != nil {
		return fmt.Errorf("install %s: %w", strings.Join(packages, ", "), err)
	}
	return nil
}

func aptGet(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"--quiet=2", "-o=DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

func distribution(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	var ids []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		if key == "ID" || key == "ID_LIKE" {
			ids = append(ids, strings.Trim(value, `"'`))
		}
	}
	return strings.Join(ids, " ")
}

func findCNI() string {
	for _, dir := range cniDirs {
		complete := true
		for _, plugin := range CNIPlugins {
			if _, err := os.Stat(filepath.Join(dir, plugin)); err != nil {
				complete = false
			}
		}
		if complete {
			return dir
		}
	}
	return ""
}

func capabilities() uint64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, _ := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return caps
		}
	}
	return 0
}

func overlay() bool {
	data, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains(string(data), "overlay\n")
}

func cgroups() (controllers []string, writable bool) {
	const root = "/sys/fs/cgroup"
	if host.CgroupV2() {
		data, _ := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
		return strings.Fields(string(data)), unix.Access(root, unix.W_OK) == nil
	}
	writable = true
	entries, _ := os.ReadDir(root)
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		controllers = append(controllers, strings.Split(e.Name(), ",")...)
		if e.IsDir() && unix.Access(dir, unix.W_OK) != nil {
			writable = false
		}
	}
	return controllers, writable
}

// number reads a file with a single number; 0 if it cannot.
func number(file string) int {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}

func memoryMiB() int {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int(uint64(info.Totalram) * uint64(info.Unit) >> 20)
}

func diskMiB(dir string) int {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0
	}
	return int(fs.Bavail * uint64(fs.Bsize) >> 20)
}

// Snapshotter is the way in which containerd lays images out in a folder: overlayfs, unless the folder
// is itself on one, as in a container, where the kernel refuses a second.
func Snapshotter(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err == nil && fs.Type == unix.OVERLAYFS_SUPER_MAGIC || !overlay() {
		return "native"
	}
	return "overlayfs"
}
