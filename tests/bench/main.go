// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the operator: the real program, in a process of its own, on
// a real kube-apiserver, etcd and kube-controller-manager. Pods and PDs are
// played in this process. It prints a table of figures and budgets, and with
// -write puts it into docs/performance.md.
//
// It needs root, or unprivileged user namespaces, for a network namespace in
// which the addresses of the pods exist.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// settings are the flags.
type settings struct {
	short    bool
	only     string
	write    bool
	profiles string
	operator string
}

func main() {
	var s settings
	flag.BoolVar(&s.short, "short", false, "leave out the largest numbers of clusters")
	flag.StringVar(&s.only, "only", "", "scenarios to run, separated by commas; empty means all: "+strings.Join(names(), ","))
	flag.BoolVar(&s.write, "write", false, "put the table into docs/performance.md")
	flag.StringVar(&s.profiles, "profiles", "", "folder for CPU and heap profiles of the operator")
	flag.StringVar(&s.operator, "operator", "", "the operator's program; empty builds it")
	flag.Parse()
	// The signal reaches the whole group of processes; the one inside takes down what it has brought up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if s.write && s.only != "" {
		fmt.Fprintln(os.Stderr, "bench: -write wants the whole table: leave out -only")
		os.Exit(2)
	}
	work := outside
	if inNetwork() {
		work = inside
	}
	err := work(ctx, s)
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed): // it has said why
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// outside builds everything, and then runs this program again in a network of its own.
func outside(ctx context.Context, s settings) error {
	progress("building")
	if err := kube.Prepare(ctx); err != nil {
		return err
	}
	if s.operator == "" {
		dir, err := os.MkdirTemp("", "bench-")
		if err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		defer os.RemoveAll(dir)
		root, err := kube.Root()
		if err != nil {
			return err
		}
		s.operator = filepath.Join(dir, "cell-controller-manager")
		if err := kube.Build(ctx, root, "./cmd/controller-manager", s.operator); err != nil {
			return err
		}
	}
	return enterNetwork(ctx, append(os.Args[1:], "-operator="+s.operator))
}

func inside(ctx context.Context, s settings) error {
	klog.LogToStderr(false)
	klog.SetOutput(nothing{})
	if err := makeNetwork(ctx); err != nil {
		return err
	}
	began := time.Now()
	var all []figure
	for _, x := range scenarios {
		if s.only != "" && !strings.Contains(","+s.only+",", ","+x.name+",") {
			continue
		}
		progress("scenario %s", x.name)
		figures, err := x.run(ctx, s)
		if err != nil {
			return fmt.Errorf("scenario %s: %w", x.name, err)
		}
		all = append(all, figures...)
	}
	progress("done in %v", time.Since(began).Round(time.Second))
	fmt.Print(table(all))
	if !s.write {
		return nil
	}
	return writeDocument(all)
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
