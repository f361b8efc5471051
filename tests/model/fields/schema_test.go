// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
	"github.com/deepfabric/elasticell-operator/tests/model/apiserver"
)

var plane apiserver.Plane

func TestMain(m *testing.M) { os.Exit(apiserver.Main("test-fields", &plane, m.Run)) }

// leaf is a field of the CRD with a value of its own. In its path [] stands for the
// elements of a list and {} for the values of a map.
type leaf struct {
	path   string
	schema map[string]any
}

// leaves walks through the schema of the spec.
func leaves(t *testing.T) []leaf {
	t.Helper()
	path, err := kube.DefinitionPath()
	require.NoError(t, err)
	definition, err := kube.ReadYAML(path)
	require.NoError(t, err)
	versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
	require.NoError(t, err)
	schema, _, err := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec")
	require.NoError(t, err)
	var out []leaf
	walk("spec", schema, &out)
	return out
}

func walk(path string, schema map[string]any, out *[]leaf) {
	properties, _ := schema["properties"].(map[string]any)
	values, isMap := schema["additionalProperties"].(map[string]any)
	items, isList := schema["items"].(map[string]any)
	switch {
	case len(properties) > 0:
		for name, p := range properties {
			walk(path+"."+name, p.(map[string]any), out)
		}
	case isMap:
		walk(path+"{}", values, out)
	case isList:
		walk(path+"[]", items, out)
	default:
		*out = append(*out, leaf{path, schema})
	}
}

// below tells whether a leaf is a field, or inside of it. A field's star stands for each component.
func below(leaf, field string) bool {
	l, f := strings.Split(leaf, "."), strings.Split(field, ".")
	if len(l) < len(f) {
		return false
	}
	for i := range f {
		name := strings.TrimRight(l[i], "[]{}")
		if f[i] != name && f[i] != "*" {
			return false
		}
	}
	return true
}

// values are the leaves that a value has, by their paths below it.
func values(path string, v any, schema func(path string) bool) []string {
	switch x := v.(type) {
	case map[string]any:
		var out []string
		for k, e := range x {
			if schema(path + "{}") {
				out = append(out, path+"{}")
			} else {
				out = append(out, values(path+"."+k, e, schema)...)
			}
		}
		return out
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, values(path+"[]", e, schema)...)
		}
		return out
	}
	return []string{path}
}

// TestTableIsComplete: every leaf of the CRD is in the tables, and has two values there.
func TestTableIsComplete(t *testing.T) {
	all := leaves(t)
	require.Greater(t, len(all), 500)
	isLeaf := func(path string) bool { return slices.ContainsFunc(all, func(l leaf) bool { return l.path == path }) }
	used := map[string]bool{}
	for _, l := range all {
		i := slices.IndexFunc(table, func(f field) bool { return below(l.path, f.path) })
		if !assert.GreaterOrEqual(t, i, 0, "%s is in no table: say where its effect shows", l.path) {
			continue
		}
		f := table[i]
		used[f.path] = true
		if f.elsewhere != "" {
			continue
		}
		at := f.of(component(l.path))
		tried := slices.Concat(values(at, apiserver.Value(t, f.a), isLeaf), values(at, apiserver.Value(t, f.b), isLeaf))
		assert.Contains(t, tried, l.path, "%s has no value in the table", l.path)
	}
	for _, f := range table {
		assert.True(t, used[f.path], "there is no %s any more", f.path)
		assert.False(t, f.elsewhere == "" && f.a == f.b, "%s does not change", f.path)
	}
	tests := testNames(t)
	for _, f := range table {
		for _, name := range testName.FindAllString(f.elsewhere, -1) {
			assert.True(t, tests[name], "%s is said to be tried by %s, which is not there", f.path, name)
		}
	}
}

var testName = regexp.MustCompile(`Test[A-Z]\w*`)

// testNames are the names of all tests of the repository.
func testNames(t *testing.T) map[string]bool {
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	names := map[string]bool{}
	for _, dir := range []string{"../../../pkg", "../.."} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range declared.FindAllSubmatch(text, -1) {
				names[string(m[1])] = true
			}
			return err
		}))
	}
	return names
}

// component is the component that a path is in, "" if none.
func component(path string) string {
	if parts := strings.Split(path, "."); len(parts) > 1 && slices.Contains(components, parts[1]) {
		return parts[1]
	}
	return ""
}

var components = []string{"pd", "store", "proxy"}

// Every leaf refuses a value of another type, and says which field it is.
func TestWrongTypesAreRefused(t *testing.T) {
	l := plane.New(t)
	for _, leaf := range leaves(t) {
		o := apiserver.Parse(t, apiserver.One)
		wrong := any(map[string]any{"wrong": "type"})
		if leaf.schema["type"] == "object" {
			wrong = "wrong type"
		}
		put(t, o.Object, strings.Split(leaf.path, "."), wrong)
		_, err := l.Clusters().Create(context.Background(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		refused(t, err, leaf.path)
	}
	t.Logf("%d leaves", len(leaves(t)))
}

// put puts a value at a leaf, and makes the lists and maps on the way.
func put(t *testing.T, o map[string]any, path []string, v any) {
	t.Helper()
	name := path[0]
	key, wrapped := strings.TrimRight(name, "[]{}"), v
	if len(path) > 1 {
		inner, _ := o[key].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
		}
		put(t, inner, path[1:], v)
		wrapped = inner
	}
	for strings.HasSuffix(name, "[]") || strings.HasSuffix(name, "{}") {
		if strings.HasSuffix(name, "[]") {
			wrapped = []any{wrapped}
		} else {
			wrapped = map[string]any{"key": wrapped}
		}
		name = name[:len(name)-2]
	}
	o[key] = wrapped
}

// refused checks that a request is invalid, and that the answer names the field.
func refused(t *testing.T, err error, path string) {
	t.Helper()
	if !assert.Error(t, err, path) {
		return
	}
	assert.True(t, apierrors.IsInvalid(err) || apierrors.IsBadRequest(err), "%s: %v", path, err)
	last := path[strings.LastIndex(path, ".")+1:]
	assert.ErrorContains(t, err, strings.TrimRight(last, "[]{}"), fmt.Sprintf("the answer does not name %s", path))
}
