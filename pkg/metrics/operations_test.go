// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
)

func TestOperations(t *testing.T) {
	r := prometheus.NewRegistry()
	o := NewOperations(r)
	demo, other := types.NamespacedName{Namespace: "ns", Name: "demo"}, types.NamespacedName{Namespace: "ns", Name: "other"}
	at := func(seconds int64) time.Time { return time.Unix(1000+seconds, 0) }
	is := func(text string, names ...string) {
		t.Helper()
		require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(text), names...))
	}

	o.Rests(demo, at(0))
	o.Abandoned(demo)
	is("", "cell_operator_operations_total", "cell_operator_operation_start_time_seconds")

	o.Goes(demo, "RollingUpdate", false, at(0))
	o.Goes(demo, "RollingUpdate", true, at(5))
	o.Goes(other, "Scaling", false, at(6))
	is(`
# HELP cell_operator_operation_start_time_seconds When the operation that is under way in a cluster began, in seconds since 1970.
# TYPE cell_operator_operation_start_time_seconds gauge
cell_operator_operation_start_time_seconds{cluster="demo",namespace="ns",type="RollingUpdate"} 1000
cell_operator_operation_start_time_seconds{cluster="other",namespace="ns",type="Scaling"} 1006
`, "cell_operator_operation_start_time_seconds")

	o.Goes(demo, "Repairing", false, at(7))
	o.Rests(demo, at(27))
	o.Abandoned(other)
	is(`
# HELP cell_operator_operation_failures_total Steps of operations that failed and were tried again, by type.
# TYPE cell_operator_operation_failures_total counter
cell_operator_operation_failures_total{type="RollingUpdate"} 1
# HELP cell_operator_operations_total Operations that ended, by type and result: done, interrupted by another one, or abandoned with a pause or deletion.
# TYPE cell_operator_operations_total counter
cell_operator_operations_total{result="abandoned",type="Scaling"} 1
cell_operator_operations_total{result="done",type="Repairing"} 1
cell_operator_operations_total{result="interrupted",type="RollingUpdate"} 1
`, "cell_operator_operation_failures_total", "cell_operator_operations_total", "cell_operator_operation_start_time_seconds")
	assert.Equal(t, 1, testutil.CollectAndCount(o.took), "only what was done is timed")
}
