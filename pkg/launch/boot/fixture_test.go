// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/membership"
)

// fakeNetwork answers from its fields; a test changes them while the launcher
// waits.
type fakeNetwork struct {
	mu     sync.Mutex
	hosts  map[string][]string
	listen map[string]bool
	lists  map[string][]membership.Member // by the name of who answers, with a quorum
	asked  []string
}

func (n *fakeNetwork) LookupHost(_ context.Context, host string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if ips, ok := n.hosts[host]; ok {
		return ips, nil
	}
	return nil, fmt.Errorf("lookup %s: no such host", host)
}

func (n *fakeNetwork) Dial(_ context.Context, address string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listen[address] {
		return nil
	}
	return fmt.Errorf("dial %s: connection refused", address)
}

func (n *fakeNetwork) Members(_ context.Context, from launch.JoinMember) membership.Answer {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, from.Name)
	if list, ok := n.lists[from.Name]; ok {
		return membership.Answer{From: from, Members: list, Quorum: true}
	}
	return membership.Answer{From: from, Err: errors.New("connection refused")}
}

func (n *fakeNetwork) change(do func(*fakeNetwork)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	do(n)
}

// logBuffer is a buffer that may be read while it is written.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// fixture is a launcher in a directory, in a synctest bubble.
type fixture struct {
	*testing.T
	dir      string
	network  *fakeNetwork
	launcher *Launcher
	log      *logBuffer
	stop     context.CancelFunc

	began   time.Time
	execed  []string // argv of the exec
	execErr error
	execAt  time.Duration
	ended   chan error
	done    bool
	err     error
}

// newFixture must be called within a bubble. The launcher is not yet running.
func newFixture(t *testing.T, component launch.Component, podName string) *fixture {
	f := &fixture{T: t, dir: t.TempDir(), log: &logBuffer{}, began: time.Now(), ended: make(chan error, 1)}
	f.network = &fakeNetwork{
		hosts:  map[string][]string{podName + ".peer": {"10.0.0.1"}},
		listen: map[string]bool{},
		lists:  map[string][]membership.Member{},
	}
	f.launcher = &Launcher{
		Component:       component,
		Pod:             Pod{Name: podName, Namespace: "cell", IP: "10.0.0.1", Node: "node-1"},
		PlanPath:        f.path("plan"),
		JoinPath:        f.path("join"),
		AnnotationsPath: f.path("annotations"),
		LocationWait:    10 * time.Second,
		Retry:           500 * time.Millisecond,
		Say:             10 * time.Second,
		Network:         f.network,
		Exec: func(program string, argv []string) error {
			assert.Equal(t, program, argv[0])
			f.execed, f.execAt = argv, time.Since(f.began)
			return f.execErr
		},
		Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})),
	}
	return f
}

func (f *fixture) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fixture) write(name, content string) {
	f.Helper()
	require.NoError(f, os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	require.NoError(f, os.WriteFile(f.path(name), []byte(content), 0o644))
}

func (f *fixture) writePlan(plan launch.Plan) {
	f.Helper()
	plan.Version, plan.Cluster = launch.PlanVersion, "cell/demo"
	text, err := launch.Encode(plan)
	require.NoError(f, err)
	f.write("plan", text)
}

func (f *fixture) writeJoin(join launch.Join) {
	f.Helper()
	text, err := launch.EncodeJoin(join)
	require.NoError(f, err)
	f.write("join", text)
}

// run starts the launcher; wait lets it work for a while of the bubble's time.
func (f *fixture) run() {
	ctx, cancel := context.WithCancel(f.Context())
	f.stop = cancel
	f.Cleanup(cancel)
	go func() { f.ended <- f.launcher.Run(ctx) }()
	f.wait(0)
}

func (f *fixture) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	select {
	case f.err = <-f.ended:
		f.done = true
	default:
	}
}

func (f *fixture) lines() []string {
	return strings.Split(strings.TrimSpace(f.log.String()), "\n")
}

// waitsFor asserts that the launcher still waits and that its newest line says so.
func (f *fixture) waitsFor(part string) {
	f.Helper()
	require.False(f, f.done, "ended with %v, exec %q", f.err, f.execed)
	lines := f.lines()
	assert.Contains(f, lines[len(lines)-1], part)
}

// started asserts that the launcher became the program with these arguments.
func (f *fixture) started(args ...string) {
	f.Helper()
	require.True(f, f.done, "still waiting: %s", f.log)
	require.NoError(f, f.err)
	require.NotEmpty(f, f.execed, "ended without a start: %s", f.log)
	assert.Equal(f, args, f.execed[1:])
}

func (f *fixture) failed(part string) {
	f.Helper()
	require.True(f, f.done, "still waiting: %s", f.log)
	require.ErrorContains(f, f.err, part)
}
