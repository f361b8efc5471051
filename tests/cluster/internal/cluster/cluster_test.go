// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

// written is a cluster with a state folder and nothing that runs.
func written(t *testing.T) *Cluster {
	t.Helper()
	dirs := plan.Dirs(t.TempDir())
	c := &Cluster{dirs: dirs}
	require.NoError(t, c.update(func(s *State) {
		s.Setup = render.Setup{Options: plan.Options{Name: "test", Nodes: 2}, Dirs: dirs, OnHost: true}
		for _, n := range s.Setup.Options.RealNodes() {
			s.Nodes = append(s.Nodes, NodeState{Node: n})
		}
	}))
	require.NoError(t, c.makeDirs())
	return c
}

func TestStateIsWrittenDown(t *testing.T) {
	c := written(t)
	require.NoError(t, c.updateNode("node-2", func(n *NodeState) { n.Cut = true }))
	loaded, err := Load(c.dirs)
	require.NoError(t, err)
	assert.Equal(t, c.State(), loaded.State())
	n, err := loaded.node("node-2")
	require.NoError(t, err)
	assert.True(t, n.Cut)
	_, err = loaded.node("node-9")
	assert.ErrorContains(t, err, `no node "node-9": there are [node-1 node-2]`)
}

func TestLoad(t *testing.T) {
	dirs := plan.Dirs(t.TempDir())
	_, err := Load(dirs)
	require.ErrorIs(t, err, ErrNone)
	require.NoError(t, os.WriteFile(dirs.StateFile(), []byte("{"), 0o600))
	_, err = Load(dirs)
	require.Error(t, err)
	assert.NotErrorIs(t, err, ErrNone)
}

func TestReuse(t *testing.T) {
	self, err := host.ProcessOf(os.Getpid())
	require.NoError(t, err)
	alive := Component{Name: render.Etcd, Process: self}
	dead := Component{Name: render.Etcd, Process: host.Process{PID: self.PID, Start: self.Start + 1}}
	tests := []struct {
		name    string
		state   func(*State)
		change  func(*render.Setup)
		reused  bool
		wantErr string
	}{
		{"whole", func(s *State) { s.Complete, s.Components = true, []Component{alive} }, func(*render.Setup) {}, true, ""},
		{"other port", func(s *State) { s.Complete = true }, func(s *render.Setup) { s.Ports.API = 1 }, true, ""},
		{"cut short", func(s *State) { s.Components = []Component{alive} }, func(*render.Setup) {}, false, ""},
		{"something died", func(s *State) { s.Complete, s.Components = true, []Component{alive, dead} }, func(*render.Setup) {}, false, ""},
		{"other settings", func(s *State) { s.Complete = true }, func(s *render.Setup) { s.Options.Nodes = 5 }, false, "runs with other settings"},
		{"other settings of a dead one", func(s *State) { s.Complete, s.Components = true, []Component{dead} }, func(s *render.Setup) { s.Options.Nodes = 5 }, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := written(t)
			require.NoError(t, c.update(tt.state))
			setup := c.setup()
			tt.change(&setup)
			got, err := reuse(setup, NewReport(io.Discard))
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.reused, got != nil)
		})
	}
}

func TestStartAndAwait(t *testing.T) {
	c := written(t)
	sleeper, err := c.start(launch{name: "sleeper", args: []string{"sleep", "60"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = sleeper.Process.Kill() })
	require.NoError(t, sleeper.await(t.Context(), time.Minute, "wait", func(context.Context) error { return nil }))
	loaded, err := Load(c.dirs)
	require.NoError(t, err)
	assert.Equal(t, []Component{sleeper.Component}, loaded.State().Components)
	assert.Empty(t, loaded.State().dead())

	broken, err := c.start(launch{name: "broken", args: []string{"sh", "-c", "echo no such luck; exit 1"}})
	require.NoError(t, err)
	err = broken.await(t.Context(), time.Minute, "wait for it", func(context.Context) error { return errors.New("not ready") })
	for _, part := range []string{"wait for it", "not ready", "the program ended", "no such luck", broken.Log} {
		assert.ErrorContains(t, err, part)
	}
	assert.Equal(t, []Component{broken.Component}, c.State().dead())

	err = sleeper.await(t.Context(), time.Millisecond, "wait", func(context.Context) error { return errors.New("not ready") })
	assert.ErrorIs(t, err, context.DeadlineExceeded)

	again, err := c.start(launch{name: "broken", args: []string{"true"}})
	require.NoError(t, err)
	<-again.ended
	assert.Len(t, c.State().Components, 2, "a component that is started again takes its own place")
	require.NoError(t, c.forget(""))
	assert.Empty(t, c.State().Components)
}

func TestStatusShowsTheDead(t *testing.T) {
	c := written(t)
	log := c.dirs.Log(render.Scheduler, "")
	require.NoError(t, os.WriteFile(log, []byte("early\n1\n2\n3\n4\npanic: out of luck\n"), 0o600))
	require.NoError(t, c.update(func(s *State) {
		s.Complete = true
		s.Components = []Component{{Name: render.Scheduler, Process: host.Process{PID: -1}, Log: log}}
	}))
	status := c.Status(t.Context())
	assert.False(t, status.Healthy)
	assert.Error(t, status.Err())
	var out bytes.Buffer
	require.NoError(t, status.Write(&out))
	assert.Contains(t, out.String(), "DEAD")
	assert.Contains(t, out.String(), "panic: out of luck")
	assert.NotContains(t, out.String(), "early", "the end of the log alone")
}

func TestCommanded(t *testing.T) {
	assert.Equal(t, "running", commanded(NodeState{}))
	assert.Equal(t, "stopped", commanded(NodeState{Stopped: true}))
	assert.Equal(t, "cut", commanded(NodeState{Cut: true}))
	assert.Equal(t, "stopped,cut", commanded(NodeState{Stopped: true, Cut: true}))
}

func TestRefuseForeign(t *testing.T) {
	dirs := plan.Dirs(t.TempDir())
	require.NoError(t, refuseForeign(dirs), "empty")
	require.NoError(t, refuseForeign(dirs+"/none"), "absent")
	require.NoError(t, os.WriteFile(filepath.Join(string(dirs), "precious"), nil, 0o600))
	require.ErrorContains(t, refuseForeign(dirs), "no cluster's")
	require.NoError(t, os.WriteFile(dirs.StateFile()+newSuffix, nil, 0o600))
	require.NoError(t, refuseForeign(dirs), "an up that was killed while it wrote its first state")
}

func TestWhatContainersLeave(t *testing.T) {
	dirs := plan.Dirs(t.TempDir())
	socket := filepath.Join(t.TempDir(), "shim")
	for _, file := range []string{
		taskDir(dirs, "node-1") + "/c1/address", taskDir(dirs, "node-2") + "/c2/address", socket,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte("unix://"+socket), 0o600))
	}
	assert.Equal(t, []string{"c1", "c2"}, containerIDs(dirs, "*"))
	assert.Equal(t, []string{"c2"}, containerIDs(dirs, "node-2"))
	removeShimSockets(dirs, "node-1")
	assert.NoFileExists(t, socket)
}

func TestReportPhases(t *testing.T) {
	var out bytes.Buffer
	r := NewReport(&out)
	require.NoError(t, r.Phase("first", func() error { return nil }))
	require.Error(t, r.Phase("second", func() error { return errors.New("no") }))
	require.Len(t, r.Phases(), 1)
	assert.Equal(t, "first", r.Phases()[0].Name)
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
}

func TestBareAPIServerHasNoNodes(t *testing.T) {
	c := written(t)
	_, err := c.AddNode(t.Context(), "")
	assert.ErrorContains(t, err, "bare apiserver")
	_, err = c.LoadImages(t.Context(), []string{"x"})
	assert.ErrorContains(t, err, "bare apiserver")
	_, _, err = c.RunCommand("", []string{"true"})
	assert.ErrorContains(t, err, "bare apiserver")
}
