// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseAnnotations(t *testing.T) {
	got, err := ParseAnnotations([]byte("cell.deepfabric.com/rack=\"r 1\"\ncell.deepfabric.com/zone=\"z\\\"1\\n\"\nempty=\"\"\n\nurl=\"a=b\""))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{RackAnnotation: "r 1", ZoneAnnotation: "z\"1\n", "empty": "", "url": "a=b"}, got)

	for _, bad := range []string{"zone", "zone=z", "zone=\"z"} {
		_, err := ParseAnnotations([]byte(bad))
		assert.ErrorContains(t, err, "not key=\"value\"", bad)
	}
}

func TestChooseLocation(t *testing.T) {
	annotated := map[string]string{ZoneAnnotation: "z1", RackAnnotation: "r1"}
	here := Location{Node: "n1", Zone: "z0", Rack: "r0"}
	tests := []struct {
		name        string
		annotations map[string]string
		remembered  Location
		late        bool
		want        Location
	}{
		{"annotated", annotated, Location{}, false, Location{"n1", "z1", "r1"}},
		{"annotated and remembered", annotated, here, true, Location{"n1", "z1", "r1"}},
		{"nothing", nil, Location{}, true, Location{}},
		{"only a zone", map[string]string{ZoneAnnotation: "z1"}, Location{}, true, Location{}},
		{"only a rack, remembered", map[string]string{RackAnnotation: "r1"}, here, true, here},
		{"remembered, annotations may yet come", nil, here, false, Location{}},
		{"remembered, none came", nil, here, true, here},
		{"remembered on another node", nil, Location{"n2", "z0", "r0"}, true, Location{}},
		{"remembered half", nil, Location{Node: "n1", Zone: "z0"}, true, Location{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ChooseLocation(tt.annotations, "n1", tt.remembered, tt.late)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.want.Known(), ok)
		})
	}
}

func TestLocationIsReadBack(t *testing.T) {
	want := Location{Node: "n1", Zone: "z1", Rack: "r1"}
	data, err := want.Encode()
	require.NoError(t, err)
	got, err := ParseLocation(data)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	_, err = ParseLocation([]byte("{"))
	assert.ErrorContains(t, err, "read remembered location")
}
