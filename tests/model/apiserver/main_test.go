// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"os"
	"testing"
)

var plane Plane

func TestMain(m *testing.M) { os.Exit(Main("test-model", &plane, m.Run)) }

// all tells whether more is to be tried than fits into every test run.
func all() bool { return os.Getenv("CELL_MODEL") == "all" }
