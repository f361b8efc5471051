// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"k8s.io/klog/v2"
)

// TestMain has the caches watched for modifications. client-go reads this
// variable before main, hence the second start.
func TestMain(m *testing.M) {
	const variable = "KUBE_CACHE_MUTATION_DETECTOR"
	if os.Getenv(variable) == "" {
		err := os.Setenv(variable, "true")
		if err == nil {
			err = syscall.Exec(os.Args[0], os.Args, os.Environ())
		}
		fmt.Fprintln(os.Stderr, "start the tests again with the mutation detector:", err)
		os.Exit(1)
	}
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}
