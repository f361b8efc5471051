// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

func TestMain(m *testing.M) {
	logs := flag.NewFlagSet("", flag.PanicOnError)
	klog.InitFlags(logs)
	if os.Getenv("CELL_MODEL_LOG") == "" {
		for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
			if err := logs.Set(name, value); err != nil {
				panic(err)
			}
		}
		klog.SetOutput(io.Discard)
	} else if err := logs.Set("v", os.Getenv("CELL_MODEL_LOG")); err != nil {
		panic(err)
	}
	// Its pause between errors goes by one clock for all, and each run has its own.
	utilruntime.ErrorHandlers = nil
	code := m.Run()
	if n := triedTotal.Load(); n > 0 {
		fmt.Printf("%d schedules were tried\n", n)
	}
	os.Exit(code)
}
