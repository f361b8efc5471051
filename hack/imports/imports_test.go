// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package imports checks that the packages depend on each other in one direction
// only, and that files are as short and as licensed as they should be.
package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/deepfabric/elasticell-operator/"

// layers are all packages from the ground up: each imports only what stands
// above it, or beside it under its own parent. An entry stands for all below it.
var layers = []string{
	"pkg/apis",
	"pkg/client",
	"pkg/naming",
	"pkg/placement",
	"pkg/pdapi",
	"pkg/pdapi/pdtest",
	"pkg/pdstate",
	"pkg/launch",
	"pkg/desired",
	"pkg/view",
	"pkg/control",
	"pkg/control/controltest",
	"pkg/manager",
	"pkg/manager/member",
	"pkg/manager/pd",
	"pkg/manager/store",
	"pkg/manager/proxy",
	"pkg/manager/volume",
	"pkg/manager/meta",
	"pkg/metrics",
	"pkg/controller",
	"pkg/scheduler",
	"pkg/process",
	"cmd",
	"hack",
}

// forbidden says what some packages must not import, be it over others. What
// ends with a slash stands for all below it.
var forbidden = []struct {
	packages []string
	imports  []string
	direct   bool // only what they import themselves
	why      string
}{
	{
		packages: []string{"pkg/pdapi", "pkg/pdapi/pdtest"},
		imports:  []string{"k8s.io/", "sigs.k8s.io/"},
		why:      "PD's client knows nothing of Kubernetes",
	},
	{
		packages: []string{"pkg/launch", "cmd/launcher"},
		imports:  []string{"k8s.io/", "sigs.k8s.io/"},
		why:      "the launcher runs in every pod of a cluster and stays small",
	},
	{
		packages: []string{"pkg/apis", "pkg/naming", "pkg/placement", "pkg/desired"},
		imports:  []string{"k8s.io/client-go/"},
		why:      "what is pure knows no client, nor does anything that it stands on",
	},
	{
		packages: []string{"pkg/apis", "pkg/naming", "pkg/placement", "pkg/desired", "pkg/view", "pkg/scheduler/predicates"},
		imports:  []string{"os", "net/http", "log", "log/slog", "math/rand", "math/rand/v2", "k8s.io/client-go/", "k8s.io/klog/", "k8s.io/utils/clock"},
		direct:   true,
		why:      "what is pure has no input but its arguments",
	},
	{
		packages: []string{"pkg/manager"},
		imports:  []string{"os", "k8s.io/client-go/", "k8s.io/klog/", "k8s.io/utils/clock"},
		direct:   true,
		why:      "managers write through the controls alone, read the view alone, and time comes in with it",
	},
	{
		packages: []string{"pkg", "cmd"},
		imports:  []string{"sigs.k8s.io/controller-runtime", "k8s.io/kubernetes/"},
		why:      "the operator is written on client-go alone",
	},
}

// testHelpers are packages that only tests import.
var testHelpers = []string{"pkg/pdapi/pdtest", "pkg/control/controltest"}

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath                         string
	Standard                           bool
	Imports, Deps                      []string
	GoFiles, TestGoFiles, XTestGoFiles []string
}

// name is the path within this module.
func (p *pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func list(t *testing.T) []pkg {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Standard,Imports,Deps", "./pkg/...", "./cmd/...", "./hack/...")
	command.Dir = "../.."
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	require.NoError(t, err, stderr.String())
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

// layer is the place of a package in layers, by its longest entry; -1 if it has none.
func layer(name string) int {
	best := -1
	for i, entry := range layers {
		if within(name, entry) && (best < 0 || len(entry) > len(layers[best])) {
			best = i
		}
	}
	return best
}

func within(name, entry string) bool { return name == entry || strings.HasPrefix(name, entry+"/") }

func TestArrows(t *testing.T) {
	for _, p := range list(t) {
		own := layer(p.name())
		assert.GreaterOrEqual(t, own, 0, "%s has no place in layers", p.name())
		for _, path := range p.Imports {
			name, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			assert.LessOrEqual(t, layer(name), own, "%s imports %s, which stands below it", p.name(), name)
			assert.True(t, !slices.Contains(testHelpers, name) || slices.Contains(testHelpers, p.name()), "%s imports %s, which is for tests", p.name(), name)
		}
	}
}

func TestForbidden(t *testing.T) {
	all := list(t)
	for _, rule := range forbidden {
		matched := false
		for _, p := range all {
			if !slices.ContainsFunc(rule.packages, func(entry string) bool { return within(p.name(), entry) }) || slices.Contains(testHelpers, p.name()) {
				continue
			}
			matched = true
			paths := p.Deps
			if rule.direct {
				paths = p.Imports
			}
			for _, path := range paths {
				assert.False(t, slices.ContainsFunc(rule.imports, func(bad string) bool { return matches(path, bad) }), "%s imports %s: %s", p.name(), path, rule.why)
			}
		}
		assert.True(t, matched, "no package is any of %v", rule.packages)
	}
}

func matches(path, rule string) bool {
	if below, found := strings.CutSuffix(rule, "/"); found {
		return path == below || strings.HasPrefix(path, rule)
	}
	return path == rule
}
