// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package habits tests the programs as an operator meets them: built, started on loopback, and looked at from outside.
package habits

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

func TestMain(m *testing.M) {
	code := m.Run()
	testcluster.CleanUp()
	os.Exit(code)
}

// dial connects to an address within a second.
func dial(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, time.Second) }
