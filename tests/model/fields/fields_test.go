// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/deepfabric/elasticell-operator/tests/model/apiserver"
)

// bases are what some batches begin with, besides the smallest cluster.
var bases = map[string]apiserver.Edit{
	"replicas": apiserver.All(apiserver.Set("spec.store.replicas", "3"), apiserver.Drop("spec.pd.config.maxReplicas")),
}

func base(batch string) apiserver.Edit {
	if e := bases[batch]; e != nil {
		return e
	}
	return apiserver.All()
}

// batches are the names of all batches, in the table's order.
func batches() []string {
	var out []string
	for _, f := range table {
		if f.batch != "" && !slices.Contains(out, f.batch) {
			out = append(out, f.batch)
		}
	}
	return out
}

// in are the fields of a batch.
func in(batch string) []field {
	return slices.DeleteFunc(slices.Clone(table), func(f field) bool { return f.batch != batch })
}

// Each field is set to A, changed to B, changed back, and unset.
func TestFields(t *testing.T) {
	for _, batch := range batches() {
		t.Run(batch, func(t *testing.T) {
			t.Parallel()
			fields := in(batch)
			tally := apiserver.NewTally(t, batch, "fields on an API server")
			for _, f := range fields {
				tally.Count(t, 4*len(f.paths())) // the steps below
			}
			freshB := fresh(t, batch, edits(t, fields, b))

			l := plane.New(t)
			l.Start(nil)
			l.Create(apiserver.One, base(batch))
			l.AwaitReady()
			unset := l.State()
			var setA apiserver.State
			for _, step := range []struct {
				name  string
				value func(field) string
				like  *apiserver.State
			}{{"set to A", a, nil}, {"changed to B", b, &freshB}, {"back to A", a, &setA}} {
				l.Change(edits(t, fields, step.value))
				l.AwaitReady()
				s := l.State()
				for _, f := range fields {
					shows(t, s, unset, f, step.value(f), step.name)
				}
				if step.like != nil {
					apiserver.Same(t, *step.like, s, step.name)
				} else {
					setA = s
				}
			}
			l.Change(unsets(t, batch, fields))
			l.AwaitReady()
			l.Rests()
			apiserver.Same(t, unset, l.State(), "unset")
		})
	}
}

func a(f field) string { return f.a }
func b(f field) string { return f.b }

// fresh is the state of a cluster that was created with values.
func fresh(t *testing.T, batch string, values apiserver.Edit) apiserver.State {
	t.Helper()
	l := plane.New(t)
	l.Start(nil)
	l.Create(apiserver.One, base(batch), values)
	l.AwaitReady()
	s := l.State()
	// Its ports are needed again.
	l.Delete()
	l.Crash()
	return s
}

func edits(t *testing.T, fields []field, value func(field) string) apiserver.Edit {
	t.Helper()
	var all []apiserver.Edit
	for _, f := range fields {
		for _, path := range f.paths() {
			all = append(all, apiserver.Set(path, value(f)))
		}
	}
	return apiserver.All(all...)
}

// unsets bring all fields back to what the batch began with.
func unsets(t *testing.T, batch string, fields []field) apiserver.Edit {
	t.Helper()
	o := apiserver.Parse(t, apiserver.One)
	base(batch)(t, o)
	return func(t testing.TB, live *unstructured.Unstructured) {
		for _, f := range fields {
			for _, path := range f.paths() {
				keys := strings.Split(path, ".")
				if v, found, err := unstructured.NestedFieldCopy(o.Object, keys...); found && err == nil {
					assert.NoError(t, unstructured.SetNestedField(live.Object, v, keys...))
				} else {
					apiserver.Drop(path)(t, live)
				}
			}
		}
	}
}

// shows checks that a value is to be seen, and that it was not before it was set.
func shows(t *testing.T, s, unset apiserver.State, f field, value, step string) {
	t.Helper()
	want := apiserver.Value(t, value)
	if f.shows != nil {
		want = f.shows(want)
	}
	for _, path := range f.paths() {
		if component(path) == "" && strings.Contains(f.at, "{set}") {
			for _, c := range components {
				showsIn(t, s, unset, f, path, c, want, step)
			}
			continue
		}
		showsIn(t, s, unset, f, path, component(path), want, step)
	}
}

func showsIn(t *testing.T, s, unset apiserver.State, f field, path, component string, want any, step string) {
	t.Helper()
	have, before := look(t, s, f.at, component), look(t, unset, f.at, component)
	if gone, ok := want.(absent); ok {
		assert.NotContains(t, have, gone.element, "%s, %s", path, step)
		return
	}
	w := anything(t, want)
	assert.True(t, holds(w, have), "%s, %s: %v does not show in %v", path, step, w, have)
	if step == "set to A" {
		assert.False(t, holds(w, before), "%s: %v shows although it is not set: %v", path, w, before)
	}
}

// What is wrong with a value is said, with the field's name, and the cluster is not stored.
func TestBadValues(t *testing.T) {
	l := plane.New(t)
	tried := 0
	tally := apiserver.NewTally(t, "all fields", "bad values on an API server")
	for _, f := range table {
		if f.bad == "" {
			continue
		}
		for _, path := range f.paths() {
			o := apiserver.Parse(t, apiserver.One)
			apiserver.Set(path, f.bad)(t, o)
			_, err := l.Clusters().Create(context.Background(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			refused(t, err, path)
			assert.ErrorContains(t, err, f.says, path)
			tried++
		}
	}
	tally.Count(t, tried)
}
