// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command apidoc writes the reference of the API as Markdown. Names, order and
// explanations come from the Go types, defaults and limits from the CRD.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	types := flag.String("types", "../../pkg/apis/deepfabric/v1alpha1", "directory of the Go types")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: apidoc [-types DIR] CRD OUT")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*types, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "apidoc:", err)
		os.Exit(1)
	}
}

func run(typesDir, crdFile, outFile string) error {
	pkg, err := parsePackage(typesDir)
	if err != nil {
		return err
	}
	crd, err := readCRD(crdFile)
	if err != nil {
		return err
	}
	sections, err := collect(pkg, crd)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	writeReference(&out, crd, sections, pkg)
	if err := os.MkdirAll(filepath.Dir(outFile), 0o755); err != nil {
		return fmt.Errorf("make the directory of the reference: %w", err)
	}
	if err := os.WriteFile(outFile, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the reference: %w", err)
	}
	return nil
}
