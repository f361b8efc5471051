// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package programs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/modfile"
)

// ToolsVariable names the environment variable that says where the tools folder is.
const ToolsVariable = "CELL_CLUSTER_TOOLS"

// FindTools finds the folder with the modules of the programs: upwards from the working folder and
// from where this program lies.
func FindTools() (string, error) {
	if dir := os.Getenv(ToolsVariable); dir != "" {
		if !isTools(dir) {
			return "", fmt.Errorf("%s=%s: there is no %s/go.mod in it", ToolsVariable, dir, kubernetesModule)
		}
		return filepath.Abs(dir)
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	for _, dir := range starts {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			for _, candidate := range []string{"tools", "tests/cluster/tools"} {
				if tools := filepath.Join(dir, candidate); isTools(tools) {
					return tools, nil
				}
			}
		}
	}
	return "", fmt.Errorf("cannot find tests/cluster/tools above the working folder: run inside the repository or set %s", ToolsVariable)
}

func isTools(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, kubernetesModule, "go.mod"))
	return err == nil
}

// versionKey names a set of versions: Kubernetes' for people, and a hash over all that goes into a build.
func versionKey(tools fs.FS) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.GOOS, runtime.GOARCH)
	err := fs.WalkDir(tools, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tools, name)
		if err != nil {
			return err
		}
		fmt.Fprintln(hash, name, len(data))
		hash.Write(data)
		return nil
	})
	if err != nil {
		return "", err
	}
	version, err := kubernetesVersion(tools, path.Join(kubernetesModule, "go.mod"))
	if err != nil {
		return "", err
	}
	return version + "-" + hex.EncodeToString(hash.Sum(nil))[:12], nil
}

func kubernetesVersion(tools fs.FS, file string) (string, error) {
	data, err := fs.ReadFile(tools, file)
	if err != nil {
		return "", fmt.Errorf("read Kubernetes' version: %w", err)
	}
	mod, err := modfile.Parse(file, data, nil)
	if err != nil {
		return "", fmt.Errorf("read Kubernetes' version: %w", err)
	}
	for _, r := range mod.Require {
		if r.Mod.Path == kubernetesPath {
			return r.Mod.Version, nil
		}
	}
	return "", errors.New("read Kubernetes' version: " + file + " does not require " + kubernetesPath)
}
