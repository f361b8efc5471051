// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

func TestTable(t *testing.T) {
	out := table([]figure{
		{"1 cluster created (median of 5)", "≤ 3 s", "1.0 s", met},
		{"edit → StatefulSet write, 500 idle clusters and a dead PD, 99th percentile of 100", "≤ 200 ms", "20 ms", met},
		{"… median", "", "5 ms", unbounded},
	})
	assert.Equal(t, `| measure | tidb-operator 1.6 | budget | measured | |
|---|---|---|---|---|
| 1 cluster created (median of 5) | 9-14 s | ≤ 3 s | 1.0 s | met |
| edit → StatefulSet write, 500 idle clusters and a dead PD, 99th percentile of 100 | a dead PD holds a worker for 5 s | ≤ 200 ms | 20 ms | met |
| … median |  |  | 5 ms |  |
`, out)
}

func TestReplaceBetween(t *testing.T) {
	out, err := replaceBetween([]byte("a\n"+begin+"old\n"+end+"b\n"), "new\n")
	require.NoError(t, err)
	assert.Equal(t, "a\n"+begin+"\nnew\n\n"+end+"b\n", string(out))
	again, err := replaceBetween(out, "new\n")
	require.NoError(t, err)
	assert.Equal(t, out, again)
	for _, text := range []string{"", begin, end + begin} {
		_, err := replaceBetween([]byte(text), "new\n")
		assert.Error(t, err, text)
	}
}

func TestByVerb(t *testing.T) {
	counts := map[kube.Request]int{{Verb: "patch", Resource: "services"}: 8, {Verb: "patch", Resource: "pods"}: 6, {Verb: "create", Resource: "events"}: 1}
	assert.Equal(t, "patch 7.0, create 0.5", byVerb(counts, 2))
	assert.Empty(t, byVerb(nil, 2))
}

const histogram = `# TYPE h histogram
h_bucket{result="ok",le="0.001"} %1
h_bucket{result="ok",le="0.002"} %2
h_bucket{result="ok",le="+Inf"} %3
h_sum{result="ok"} 1
h_count{result="ok"} %3
`

func TestQuantile(t *testing.T) {
	read := func(one, two, all string) metrics {
		m, err := parse(strings.NewReader(strings.NewReplacer("%1", one, "%2", two, "%3", all).Replace(histogram)))
		require.NoError(t, err)
		return m
	}
	before := read("10", "10", "10")
	tests := []struct {
		name  string
		after metrics
		want  float64
	}{
		{"all in the first bucket", read("110", "110", "110"), 0.00099},
		{"half in the second", read("60", "110", "110"), 0.00198},
		{"beyond all bounds", read("10", "10", "110"), 0.002},
	}
	for _, test := range tests {
		assert.InDelta(t, test.want, quantile(before, test.after, "h", 0.99), 1e-6, test.name)
	}
	assert.Equal(t, 110.0, read("60", "110", "110").sum("h"))
}
