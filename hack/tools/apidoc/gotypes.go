// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// goPackage is what the reference needs to know of the package of the types.
type goPackage struct {
	structs map[string]goStruct
	// consts are the constants with an explanation, in the order of the source.
	consts []goConst
}

type goStruct struct {
	name   string
	doc    string
	fields []goField
}

type goField struct {
	// json is the field's name in manifests; empty for an embedded struct.
	json string
	doc  string
	typ  goType
}

// goType is a Go type with its pointers, slices and maps taken off.
type goType struct {
	// name is the innermost type: a name of the package, or pkg.Name.
	name string
	// list and mapped are true for slices, and for maps with strings as keys.
	list, mapped bool
}

type goConst struct {
	name, value, doc string
	// typ is the constant's type, empty if it has none.
	typ string
}

// parsePackage reads the Go files of a directory but for tests and generated ones.
func parsePackage(dir string) (*goPackage, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	pkg := &goPackage{structs: map[string]goStruct{}}
	for _, name := range files { // Glob sorts
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(filepath.Base(name), "zz_") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read types: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parse types: %w", err)
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				pkg.add(g)
			}
		}
	}
	if len(pkg.structs) == 0 {
		return nil, fmt.Errorf("%s holds no Go types; give the directory of the API by -types", dir)
	}
	return pkg, nil
}

func (p *goPackage) add(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			doc := s.Doc
			if doc == nil {
				doc = decl.Doc
			}
			if st, ok := s.Type.(*ast.StructType); ok {
				p.structs[s.Name.Name] = goStruct{name: s.Name.Name, doc: sentence(doc), fields: fieldsOf(st)}
			}
		case *ast.ValueSpec:
			p.addConst(decl, s)
		}
	}
}

func (p *goPackage) addConst(decl *ast.GenDecl, s *ast.ValueSpec) {
	doc := s.Doc
	if doc == nil && !decl.Lparen.IsValid() {
		doc = decl.Doc
	}
	if decl.Tok != token.CONST || doc == nil || len(s.Values) != 1 {
		return
	}
	literal, ok := s.Values[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		return // the compiler refuses it, too
	}
	c := goConst{name: s.Names[0].Name, value: value, doc: sentence(doc)}
	if id, ok := s.Type.(*ast.Ident); ok {
		c.typ = id.Name
	}
	p.consts = append(p.consts, c)
}

func fieldsOf(s *ast.StructType) []goField {
	var fields []goField
	for _, f := range s.Fields.List {
		f := goField{json: jsonName(f), doc: sentence(f.Doc), typ: typeOf(f.Type)}
		if f.json != "" || !strings.Contains(f.typ.name, ".") {
			fields = append(fields, f) // TypeMeta and ObjectMeta need no table
		}
	}
	return fields
}

func jsonName(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	tag, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	return name
}

func typeOf(e ast.Expr) goType {
	switch t := e.(type) {
	case *ast.StarExpr:
		return typeOf(t.X)
	case *ast.ArrayType:
		inner := typeOf(t.Elt)
		inner.list = true
		return inner
	case *ast.MapType:
		inner := typeOf(t.Value)
		inner.mapped = true
		return inner
	case *ast.SelectorExpr:
		return goType{name: t.X.(*ast.Ident).Name + "." + t.Sel.Name}
	case *ast.Ident:
		return goType{name: t.Name}
	}
	return goType{name: "object"}
}

// sentence is a comment on one line, without the markers for generators.
func sentence(doc *ast.CommentGroup) string {
	var words []string
	for line := range strings.Lines(doc.Text()) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "+") {
			words = append(words, strings.Fields(line)...)
		}
	}
	return strings.Join(words, " ")
}
