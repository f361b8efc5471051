// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// The charts, and the releases that the documentation tells users to install.
const (
	operatorChart = "cell-operator"
	clusterChart  = "cell-cluster"
)

var releases = map[string]common.ReleaseOptions{
	operatorChart: {Name: "cell-operator", Namespace: "cell-admin", IsInstall: true, Revision: 1},
	clusterChart:  {Name: "cell", Namespace: "cell", IsInstall: true, Revision: 1},
}

// object is one rendered manifest.
type object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// text is the manifest's YAML.
	text string
}

func (o object) String() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// renderFiles renders a chart as helm does, schema included: values is a user's
// YAML. The result is the text of each template file, by its name in templates/.
func renderFiles(chart, values string) (map[string]string, error) {
	loaded, err := loader.Load(filepath.Join("..", "..", "charts", chart))
	if err != nil {
		return nil, fmt.Errorf("load chart %s: %w", chart, err)
	}
	user, err := common.ReadValues([]byte(values))
	if err != nil {
		return nil, fmt.Errorf("parse values: %w", err)
	}
	all, err := util.ToRenderValues(loaded, user, releases[chart], common.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("check values: %w", err)
	}
	rendered, err := engine.Render(loaded, all)
	if err != nil {
		return nil, fmt.Errorf("render chart %s: %w", chart, err)
	}
	files := make(map[string]string, len(rendered))
	for name, text := range rendered {
		files[filepath.Base(name)] = text
	}
	return files, nil
}

// render is the objects of a chart, sorted by their file and place in it.
func render(t *testing.T, chart, values string) []object {
	t.Helper()
	files, err := renderFiles(chart, values)
	require.NoError(t, err)
	delete(files, "NOTES.txt")
	var objects []object
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, text := range strings.Split("\n"+files[name], "\n---\n") {
			var o object
			require.NoError(t, yaml.Unmarshal([]byte(text), &o), "%s is not YAML:\n%s", name, text)
			if o.Kind == "" {
				require.Empty(t, strings.TrimSpace(text), "%s has text that is no object", name)
				continue
			}
			o.text = strings.Trim(text, "\n") + "\n"
			objects = append(objects, o)
		}
	}
	return objects
}

// decode reads an object strictly: a field that its type lacks is an error.
func decode[T any](t *testing.T, o object) T {
	t.Helper()
	var typed T
	require.NoError(t, yaml.UnmarshalStrict([]byte(o.text), &typed), "decode %s", o)
	return typed
}

// ofKind is the objects of a kind.
func ofKind(objects []object, kind string) []object {
	return slices.DeleteFunc(slices.Clone(objects), func(o object) bool { return o.Kind != kind })
}

// one is the only object of a kind.
func one(t *testing.T, objects []object, kind string) object {
	t.Helper()
	found := ofKind(objects, kind)
	require.Len(t, found, 1, "objects of kind %s", kind)
	return found[0]
}
