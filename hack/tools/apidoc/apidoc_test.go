// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const types = `package v1

// Thing is a thing.
type Thing struct {
	// Spec is wanted.
	Spec ThingSpec ` + "`json:\"spec\"`" + `
}

// ThingSpec is wanted of a thing.
type ThingSpec struct {
	Common ` + "`json:\",inline\"`" + `

	// Parts of the thing,
	// one a line.
	// +optional
	Parts []Part ` + "`json:\"parts,omitempty\"`" + `
}

// Common is shared.
type Common struct {
	// Size in metres.
	Size int32 ` + "`json:\"size\"`" + `
}

// Part is a part.
type Part struct {
	// Name | alias.
	Name string ` + "`json:\"name\"`" + `
}

// ConditionReady is True when it is.
const ConditionReady = "Ready"
`

const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Thing, plural: things, shortNames: [th]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size]
            x-kubernetes-validations:
            - {rule: self.size == oldSelf.size, message: spec.size cannot be changed}
            - {rule: "!has(self.parts) || self.parts.size() > 1", message: spec.parts cannot be changed to one}
            properties:
              size: {type: integer, minimum: 1, maximum: 9, default: 3}
              parts:
                type: array
                maxItems: 4
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string, enum: [a, b]}
`

// reference runs apidoc on types and a CRD.
func reference(t *testing.T, types, crd string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "types.go"), []byte(types), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "crd.yaml"), []byte(crd), 0o600))
	out := filepath.Join(dir, "docs", "README.md")
	if err := run(dir, filepath.Join(dir, "crd.yaml"), out); err != nil {
		return "", err
	}
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	return string(text), nil
}

func TestReference(t *testing.T) {
	text, err := reference(t, types, crd)
	require.NoError(t, err)
	for _, want := range []string{
		"- [Common](#common): `spec`\n",
		"- [Part](#part): `spec.parts[]`\n",
		"| `spec` | [ThingSpec](#thingspec) | required | Spec is wanted. |\n",
		"| … | | | The fields of [Common](#common). |\n",
		"| `parts` | list of [Part](#part), at most 4 |  | Parts of the thing, one a line. |\n",
		"| `name` | `a`, `b` | required | Name \\| alias. |\n",
		"\n- spec.parts cannot be changed to one\n",
		"| `Ready` | is True when it is. |\n",
	} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 1, strings.Count(text, "\n- spec.size cannot be changed\n"), "rules stand with the type that has them")
	again, err := reference(t, types, crd)
	require.NoError(t, err)
	assert.Equal(t, text, again)
}

func TestReferenceMarksFixedFields(t *testing.T) {
	text, err := reference(t, types, crd)
	require.NoError(t, err)
	assert.Contains(t, text, "| `size` | integer, 1 to 9, fixed at creation | required | Size in metres. |\n")
}

func TestIncompleteTypesAreRefused(t *testing.T) {
	cases := []struct{ name, types, crd, want string }{
		{"field without comment", strings.Replace(types, "\t// Size in metres.\n", "", 1), crd, "field size of Common has no comment"},
		{"type without comment", strings.Replace(types, "// Part is a part.\n", "", 1), crd, "type Part has no comment"},
		{"stale CRD", types, strings.Replace(crd, "parts:\n", "pieces:\n", 1), "field parts of ThingSpec is not in the CRD"},
		{"no types", "package v1\n", crd, "holds no Go types"},
		{"no CRD", types, "kind: [", "parse the CRD"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := reference(t, c.types, c.crd)
			assert.ErrorContains(t, err, c.want)
		})
	}
}
