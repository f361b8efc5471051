// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package programs

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

// Cache is the folder of the programs of one set of versions.
type Cache struct {
	Dir   string
	tools string
}

// Open finds the cache folder that belongs to the versions in the tools folder. base is "" for the
// user's own cache.
func Open(tools, base string) (*Cache, error) {
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find cache folder: %w: set XDG_CACHE_HOME or HOME", err)
		}
		base = filepath.Join(user, "cell-operator", "bin")
	}
	key, err := versionKey(os.DirFS(tools))
	if err != nil {
		return nil, fmt.Errorf("read versions in %s: %w", tools, err)
	}
	return &Cache{Dir: filepath.Join(base, key), tools: tools}, nil
}

// Missing lists those of the named programs that are not built yet.
func (c *Cache) Missing(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := os.Stat(filepath.Join(c.Dir, name))
		return err == nil
	})
}

// Build builds what is missing of the named programs. Two builds at once, by any process, wait for
// each other: the second finds the work done.
func (c *Cache) Build(ctx context.Context, names []string, progress io.Writer) error {
	if len(c.Missing(names)) == 0 {
		return nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	unlock, err := host.Lock(ctx, c.Dir+".lock", func() {
		fmt.Fprintln(progress, "waiting for another build to end")
	})
	if err != nil {
		return err
	}
	defer unlock()
	missing := c.Missing(names)
	for _, module := range modules() {
		var programs []program
		for _, p := range all {
			if p.module == module && slices.Contains(missing, p.name) {
				programs = append(programs, p)
			}
		}
		if len(programs) == 0 {
			continue
		}
		begin := time.Now()
		if err := c.buildModule(ctx, module, programs); err != nil {
			return err
		}
		fmt.Fprintf(progress, "built %s in %.1f s\n", nameList(programs), time.Since(begin).Seconds())
	}
	return nil
}

func modules() []string {
	var list []string
	for _, p := range all {
		if !slices.Contains(list, p.module) {
			list = append(list, p.module)
		}
	}
	return list
}

func nameList(programs []program) string {
	names := make([]string, 0, len(programs))
	for _, p := range programs {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// buildModule builds programs of one module in one go, which shares the work, and puts each in place
// whole or not at all.
func (c *Cache) buildModule(ctx context.Context, module string, programs []program) error {
	dir := filepath.Join(c.tools, module)
	out, err := os.MkdirTemp(c.Dir, "building-")
	if err != nil {
		return fmt.Errorf("build %s: %w", module, err)
	}
	defer os.RemoveAll(out)
	flags, err := linkerFlags(dir, module)
	if err != nil {
		return err
	}
	target := out + "/"
	if len(programs) == 1 {
		target += programs[0].name
	}
	args := []string{"build", "-mod=readonly", "-buildvcs=false", "-ldflags=" + flags, "-o=" + target}
	for _, p := range programs {
		args = append(args, p.pkg)
	}
	if _, err := goTool(ctx, dir, args...); err != nil {
		return fmt.Errorf("build %s: %w", nameList(programs), err)
	}
	if module == kwokModule {
		if err := copyStages(ctx, dir, filepath.Join(c.Dir, render.KwokStages)); err != nil {
			return err
		}
	}
	for _, p := range programs {
		if err := os.Rename(filepath.Join(out, p.name), filepath.Join(c.Dir, p.name)); err != nil {
			return fmt.Errorf("build %s: %w", p.name, err)
		}
	}
	return nil
}

// goTool runs the go command in a module and returns what it prints.
func goTool(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s in %s: %w\n%s", args[0], dir, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// linkerFlags leaves the symbol tables out, and tells Kubernetes' programs their version: they refuse
// to work together as v0.0.0.
func linkerFlags(dir, module string) (string, error) {
	const small = "-s -w"
	if module != kubernetesModule {
		return small, nil
	}
	version, err := kubernetesVersion(os.DirFS(dir), "go.mod")
	if err != nil {
		return "", err
	}
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	const pkg = " -X k8s.io/component-base/version."
	return small + pkg + "gitVersion=" + version + pkg + "gitMajor=" + parts[0] + pkg + "gitMinor=" + parts[1], nil
}

// copyStages takes KWOK's rules for fake nodes and pods, which become ready at once, from its module.
func copyStages(ctx context.Context, dir, target string) error {
	root, err := goTool(ctx, dir, "list", "-m", "-f={{.Dir}}", kwokPath)
	if err != nil {
		return fmt.Errorf("find KWOK's stages: %w", err)
	}
	var all []string
	for _, pattern := range []string{"node/fast/node-*.yaml", "node/heartbeat-with-lease/node-*.yaml", "pod/fast/pod-*.yaml"} {
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(root), "kustomize/stage", pattern))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("find KWOK's stages: nothing matches %s in %s", pattern, root)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("read KWOK's stages: %w", err)
			}
			all = append(all, string(data))
		}
	}
	if err := os.WriteFile(target, []byte(strings.Join(all, "\n---\n")), 0o644); err != nil {
		return fmt.Errorf("write KWOK's stages: %w", err)
	}
	return nil
}
