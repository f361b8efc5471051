// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpand(t *testing.T) {
	values := Values{PodName: "demo-pd-0", PodIP: "10.0.0.1", Zone: ""}
	tests := []struct{ name, text, want, err string }{
		{"nothing to do", "-log-level=info", "-log-level=info", ""},
		{"nothing at all", "", "", ""},
		{"one", "-name=${POD_NAME}", "-name=demo-pd-0", ""},
		{"several", "${POD_NAME}/${POD_IP}:1", "demo-pd-0/10.0.0.1:1", ""},
		{"twice", "${POD_IP},${POD_IP}", "10.0.0.1,10.0.0.1", ""},
		{"escaped", "$${POD_NAME}", "${POD_NAME}", ""},
		{"escaped beside", "a$${b}${POD_IP}", "a${b}10.0.0.1", ""},
		{"a dollar before an escape", "$$${x}", "$${x}", ""},
		{"plain dollars and braces", "$5 {x} $", "$5 {x} $", ""},
		{"unknown", "${POD}", "", "placeholder ${POD} is unknown"},
		{"without a name", "${}", "", "placeholder ${} is unknown"},
		{"never closed", "a${POD_NAME", "", "placeholder ${POD_NAME has no closing brace"},
		{"known, without a value", "${NODE_NAME}", "", "spec.nodeName"},
		{"known, with an empty value", "${ZONE}", "", "must set location"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Expand(tt.text, values)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

// A value is not looked at again: whoever sets an annotation writes no arguments.
func TestExpandOnce(t *testing.T) {
	got, err := Expand("${ZONE}", Values{Zone: "${RACK}", Rack: "r"})
	require.NoError(t, err)
	assert.Equal(t, "${RACK}", got)
}

func TestFill(t *testing.T) {
	plan := proxyPlan()
	start, err := plan.Fill(Values{PodIP: "10.0.0.7"})
	require.NoError(t, err)
	assert.Equal(t, "/usr/local/bin/proxy", start.Program)
	assert.Equal(t, []string{"-cfg=/etc/cell/proxy/cfg.json"}, start.Args)
	assert.Equal(t, []File{{
		Path: "/etc/cell/proxy/cfg.json", Mode: 0o644,
		Content: `{"addrNotify":"10.0.0.7:9998","supportCMDs":["ping","set"]}`,
	}}, start.Files)
	assert.Equal(t, proxyPlan(), plan, "the plan itself stays as it was")

	_, err = plan.Fill(Values{})
	require.ErrorContains(t, err, "fill in file /etc/cell/proxy/cfg.json of the start plan: placeholder ${POD_IP} has no value")
}
