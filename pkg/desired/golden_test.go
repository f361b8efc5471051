// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

var update = flag.Bool("update", false, "write the golden files again")

const launcherImage = "cell-operator:1"

// objects are all objects of a cluster, by the name of their golden file.
func objects(t *testing.T, c *v1alpha1.CellCluster) map[string]metav1.Object {
	t.Helper()
	out := map[string]metav1.Object{}
	add := func(kind string, o metav1.Object, err error) {
		require.NoError(t, err)
		out[kind+"-"+strings.TrimPrefix(o.GetName(), c.Name+"-")] = o
	}
	for _, component := range naming.Components() {
		for _, s := range Services(c, component) {
			add("service", s, nil)
		}
		for _, b := range Budgets(c, component) {
			add("budget", b, nil)
		}
	}
	pd, err := PDStatefulSet(c, c.Spec.PD.Replicas, launcherImage)
	add("statefulset", pd, err)
	store, err := StoreStatefulSet(c, c.Spec.Store.Replicas, launcherImage)
	add("statefulset", store, err)
	proxy, err := ProxyDeployment(c, &c.Spec.Proxy.Replicas, launcherImage)
	add("deployment", proxy, err)
	if autoscaler := Autoscaler(c); autoscaler != nil {
		add("autoscaler", autoscaler, nil)
	}
	start, err := StartConfigMap(c, launch.Join{State: launch.JoinNew, Members: []launch.JoinMember{PDMember(c, 0), PDMember(c, 1)}}, nil)
	add("configmap", start, err)
	return out
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"small", "full"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "golden", name)
			c := readCluster(t, filepath.Join(dir, "cluster.yaml"))
			made := objects(t, c)
			if *update {
				removeOthers(t, dir, made)
			}
			for file, o := range made {
				compareGolden(t, filepath.Join(dir, file+".yaml"), o)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
			require.NoError(t, err)
			assert.Len(t, files, len(made)+1, "a golden file without an object: run the test with -update")
		})
	}
}

// readCluster reads a cluster strictly and sets its defaults.
func readCluster(t *testing.T, path string) *v1alpha1.CellCluster {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	c := &v1alpha1.CellCluster{}
	require.NoError(t, yaml.UnmarshalStrict(text, c))
	v1alpha1.SetDefaults(c)
	return c
}

func compareGolden(t *testing.T, path string, o any) {
	t.Helper()
	have, err := yaml.Marshal(o)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(path, have, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	assert.Equal(t, string(want), string(have), "%s differs; if that is meant, run the test with -update and look at the difference", path)
}

func removeOthers(t *testing.T, dir string, keep map[string]metav1.Object) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if keep[name] == nil && name != "cluster" {
			require.NoError(t, os.Remove(file))
		}
	}
}

// The full cluster must set every field that exists, so that none goes without a golden file.
func TestFullClusterIsFull(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "golden", "full", "cluster.yaml"))
	require.NoError(t, err)
	c := &v1alpha1.CellCluster{}
	require.NoError(t, yaml.UnmarshalStrict(text, c))
	defaults := &v1alpha1.CellCluster{}
	v1alpha1.SetDefaults(defaults)
	for path, why := range unset("spec", reflect.ValueOf(c.Spec), reflect.ValueOf(defaults.Spec)) {
		assert.Fail(t, path+" "+why+" in testdata/golden/full/cluster.yaml; give it a value of its own and run the test with -update")
	}
}

// unset finds fields of our own types that are empty or as by default. A field
// that allows only two values may be as by default.
func unset(path string, v, byDefault reflect.Value) map[string]string {
	if v.IsZero() {
		if v.Kind() == reflect.Bool {
			return map[string]string{path: "is false"}
		}
		return map[string]string{path: "is empty"}
	}
	if v.Kind() == reflect.Pointer {
		if byDefault.IsValid() {
			byDefault = byDefault.Elem()
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type().PkgPath() != reflect.TypeFor[v1alpha1.CellCluster]().PkgPath() {
		if byDefault.IsValid() && reflect.DeepEqual(v.Interface(), byDefault.Interface()) {
			return map[string]string{path: "is as by default"}
		}
		return nil
	}
	out := map[string]string{}
	for i := range v.NumField() {
		var d reflect.Value
		if byDefault.IsValid() {
			d = byDefault.Field(i)
		}
		for k, why := range unset(path+"."+v.Type().Field(i).Name, v.Field(i), d) {
			out[k] = why
		}
	}
	return out
}

// The same cluster gives the same objects, and is not changed by it.
func TestPure(t *testing.T) {
	c := readCluster(t, filepath.Join("testdata", "golden", "full", "cluster.yaml"))
	before := c.DeepCopy()
	once, twice := objects(t, c), objects(t, c)
	require.Equal(t, once, twice)
	require.Equal(t, before, c)
}
