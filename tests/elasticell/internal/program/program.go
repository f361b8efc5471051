// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package program is what the three programs' mains have in common: the log, the version, and how they end.
package program

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Version is the stand-in's own; CELL_VERSION in the environment replaces it, so that a demo can "upgrade".
const Version = "0.1.0"

// Flags are those that all three programs take.
type Flags struct {
	logFile  *string
	logLevel *string
	version  *bool
}

// AddFlags declares the common flags.
func AddFlags(fs *flag.FlagSet) *Flags {
	return &Flags{
		logFile:  fs.String("log-file", "", "The external log file. Default log to console."),
		logLevel: fs.String("log-level", "info", "The log level, default is info"),
		version:  fs.Bool("version", false, "Show version info"),
	}
}

// Begin prints the version and ends, if asked to, or else opens the log.
func (f *Flags) Begin(name string) {
	if *f.version {
		PrintVersion(os.Stdout, name)
		os.Exit(0)
	}
	out := io.Writer(os.Stdout)
	if *f.logFile != "" {
		file, err := os.OpenFile(*f.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			Fatal("open log file failed", "file", *f.logFile, "error", err)
		}
		out = file
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level(*f.logLevel)})))
	slog.Info("starting the stand-in for Elasticell", "program", name, "version", versionString())
}

// Debug says whether the log is to hold everything.
func (f *Flags) Debug() bool { return level(*f.logLevel) <= slog.LevelDebug }

func level(name string) slog.Level {
	switch strings.ToLower(name) {
	case "debug", "all":
		return slog.LevelDebug
	case "warn", "warning":
		return slog.LevelWarn
	case "error", "fatal", "none":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// PrintVersion writes the program's version.
func PrintVersion(w io.Writer, name string) {
	fmt.Fprintf(w, "%s (stand-in for Elasticell)\nVersion: %s\n", name, versionString())
}

func versionString() string {
	if v := os.Getenv("CELL_VERSION"); v != "" {
		return v
	}
	return Version
}

// Fatal logs and ends the process, as upstream's log.Fatal does.
func Fatal(msg string, args ...any) {
	slog.Error("FATAL "+msg, args...)
	os.Exit(1)
}

// Usage prints what is missing and ends with 255, as upstream does for a missing flag.
func Usage(msg string) {
	fmt.Println(msg)
	os.Exit(255)
}

// AwaitSignal waits for the signal to end, calls stop, and exits: 0 after SIGTERM, 1 after others, never in less than
// 1.1 s, which is how long the real programs take.
func AwaitSignal(stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	sig := <-signals
	begin := time.Now()
	done := make(chan struct{})
	go func() { defer close(done); stop() }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
	time.Sleep(1100*time.Millisecond - time.Since(begin))
	slog.Info("exit: bye", "signal", sig.String())
	if sig == syscall.SIGTERM {
		os.Exit(0)
	}
	os.Exit(1)
}
