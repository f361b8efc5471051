// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/tests/model/apiserver"
)

const nodeTerms = template + "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"

// How values look in start plans and objects.

func number(v any) string { return fmt.Sprint(v) }
func text(v any) string   { return v.(string) }

func seconds(v any) string {
	d, _ := time.ParseDuration(v.(string)) // the CRD has checked it
	return strconv.Itoa(int(d.Seconds()))
}

func milliseconds(v any) string {
	d, _ := time.ParseDuration(v.(string)) // the CRD has checked it
	return strconv.Itoa(int(d.Milliseconds()))
}

func syncLog(v any) any {
	if v.(bool) {
		return []any{"-enable-sync-raftlog"}
	}
	return absent{"-enable-sync-raftlog"}
}

// absent is what must not be in a list.
type absent struct{ element any }

func setting(name string) func(any) any {
	return func(v any) any { return map[string]any{name: v} }
}

func retry(v any) any { return map[string]any{"retryDuration": json.Number(milliseconds(v))} }

func quantity(v any) any {
	q := resource.MustParse(fmt.Sprint(v))
	return q.String()
}

func named(name string) func(any) any {
	return func(v any) any { return []any{map[string]any{"name": name, "value": v}} }
}

func typeOfPD(v any) any { return v.([]any)[0].(map[string]any)["type"] }

func selectors(v any) any {
	var terms []any
	for k, values := range v.(map[string]any) {
		var list []any
		for s := range strings.SplitSeq(values.(string), ",") {
			list = append(list, strings.TrimSpace(s))
		}
		terms = append(terms, map[string]any{"key": k, "operator": "In", "values": list})
	}
	return []any{map[string]any{"matchExpressions": terms}}
}

func topologies(v any) any {
	var out []any
	for _, key := range v.([]any) {
		out = append(out, map[string]any{"topologyKey": key})
	}
	return out
}

func service(port string) func(any) any {
	return func(v any) any {
		spec := maps.Clone(v.(map[string]any))
		spec["ports"] = []any{map[string]any{"name": port, "nodePort": spec["nodePort"]}}
		out := map[string]any{"spec": spec, "annotations": spec["annotations"]}
		delete(spec, "nodePort")
		delete(spec, "annotations")
		return out
	}
}

// look reads what stands at a place of the objects; nil for nothing.
func look(t *testing.T, s apiserver.State, at, component string) any {
	t.Helper()
	set := "StatefulSet/demo-" + component
	if component == "proxy" {
		set = "Deployment/demo-proxy"
	}
	at = strings.NewReplacer("{set}", set, "{c}", component).Replace(at)
	at, planned := strings.CutPrefix(at, "plan ")
	object, path, _ := strings.Cut(at, ":")
	if !planned {
		return walkTo(map[string]any(s[object]), path)
	}
	p := planOf(t, s, object)
	if path == "args" {
		return anything(t, p.Args)
	}
	var content any
	require.NoError(t, json.Unmarshal([]byte(p.Files[0].Content), &content))
	return content
}

func planOf(t *testing.T, s apiserver.State, set string) launch.Plan {
	t.Helper()
	env, _ := walkTo(map[string]any(s[set]), "spec.template.spec.containers[0].env").([]any)
	for _, e := range env {
		if e := e.(map[string]any); e["name"] == launch.PlanVariable {
			p, err := launch.Decode([]byte(strings.NewReplacer("$$$$", "$$", "$$(", "$(").Replace(e["value"].(string))))
			require.NoError(t, err)
			return p
		}
	}
	require.Fail(t, "there is no plan in "+set)
	return launch.Plan{}
}

func walkTo(v any, path string) any {
	if path == "" {
		return v
	}
	for name := range strings.SplitSeq(path, ".") {
		name, index, listed := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		m, _ := v.(map[string]any)
		v = m[name]
		if listed {
			list, _ := v.([]any)
			i, err := strconv.Atoi(index)
			if err != nil || i >= len(list) {
				return nil
			}
			v = list[i]
		}
	}
	return v
}

// anything is a value as JSON has it.
func anything(t *testing.T, v any) any {
	t.Helper()
	body, err := json.Marshal(v)
	require.NoError(t, err)
	var out any
	require.NoError(t, json.Unmarshal(body, &out))
	return out
}

// holds tells whether all of want is in have. The elements of lists may stand anywhere.
func holds(want, have any) bool {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return false
		}
		for k, v := range w {
			if !holds(v, h[k]) {
				return false
			}
		}
		return true
	case []any:
		h, ok := have.([]any)
		if !ok {
			return false
		}
		for _, v := range w {
			if !slices.ContainsFunc(h, func(e any) bool { return holds(v, e) }) {
				return false
			}
		}
		return true
	}
	return fmt.Sprint(want) == fmt.Sprint(have)
}
