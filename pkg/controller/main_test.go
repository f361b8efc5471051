// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/client-go/tools/cache"
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
	logs := flag.NewFlagSet("", flag.PanicOnError)
	klog.InitFlags(logs)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := logs.Set(name, value); err != nil {
			panic(err)
		}
	}
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func TestMutationsAreDetected(t *testing.T) {
	assert.Equal(t, "*cache.defaultCacheMutationDetector", fmt.Sprintf("%T", cache.NewCacheMutationDetector("test")))
}
