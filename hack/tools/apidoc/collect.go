// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// section is the table of one Go type.
type section struct {
	goStruct
	schema *apiextensionsv1.JSONSchemaProps
	// paths are where the type occurs in a manifest, such as spec.pd.
	paths []string
	// embedded is true for a type whose fields stand among those of others, so
	// that schema is one of theirs.
	embedded bool
}

func readCRD(file string) (*apiextensionsv1.CustomResourceDefinition, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CRD: %w", err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(text, crd); err != nil {
		return nil, fmt.Errorf("parse the CRD %s: %w", file, err)
	}
	if len(crd.Spec.Versions) != 1 {
		return nil, fmt.Errorf("the CRD %s has %d versions, but apidoc writes the reference of one", file, len(crd.Spec.Versions))
	}
	return crd, nil
}

// collect walks the types from the CRD's kind on, each together with its schema.
// The sections are in the order of the first encounter.
func collect(pkg *goPackage, crd *apiextensionsv1.CustomResourceDefinition) ([]*section, error) {
	c := collector{pkg: pkg, byType: map[string]*section{}}
	if err := c.visit(crd.Spec.Names.Kind, "", crd.Spec.Versions[0].Schema.OpenAPIV3Schema); err != nil {
		return nil, err
	}
	return c.sections, nil
}

type collector struct {
	pkg      *goPackage
	byType   map[string]*section
	sections []*section
}

func (c *collector) visit(typeName, path string, schema *apiextensionsv1.JSONSchemaProps) error {
	s, known := c.byType[typeName]
	if !known {
		s = &section{goStruct: c.pkg.structs[typeName], schema: schema}
		if s.doc == "" {
			return fmt.Errorf("type %s has no comment, or is no struct; give it one", typeName)
		}
		c.byType[typeName] = s
		c.sections = append(c.sections, s)
	}
	if path != "" && !slices.Contains(s.paths, path) {
		s.paths = append(s.paths, path)
	}
	for _, f := range s.fields {
		if err := c.visitField(typeName, path, f, schema); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) visitField(typeName, path string, f goField, schema *apiextensionsv1.JSONSchemaProps) error {
	_, ours := c.pkg.structs[f.typ.name]
	if f.json == "" {
		if err := c.visit(f.typ.name, path, schema); err != nil {
			return err
		}
		c.byType[f.typ.name].embedded = true
		return nil
	}
	if f.json == "metadata" {
		return nil
	}
	property, ok := schema.Properties[f.json]
	if !ok {
		return fmt.Errorf("field %s of %s is not in the CRD; run hack/update-codegen.sh", f.json, typeName)
	}
	if f.doc == "" {
		return fmt.Errorf("field %s of %s has no comment; give it one", f.json, typeName)
	}
	if !ours {
		return nil
	}
	if path != "" {
		path += "."
	}
	path += f.json
	inner := &property
	switch {
	case f.typ.list:
		inner, path = property.Items.Schema, path+"[]"
	case f.typ.mapped:
		inner, path = property.AdditionalProperties.Schema, path+".*"
	}
	return c.visit(f.typ.name, path, inner)
}
