// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 8 0 4711 1000 2000"
	tests := []struct {
		name, data string
		want       stat
		wantErr    string
	}{
		{"usual", "12 (etcd)" + rest, stat{'S', 4711}, ""},
		{"a name with blanks and parentheses", "12 (a) R (b c)" + rest, stat{'S', 4711}, ""},
		{"no name", "12", stat{}, "no command name"},
		{"cut short", "12 (etcd) S 1", stat{}, "too few fields"},
		{"no number", "12 (etcd)" + strings.Replace(rest, "4711", "x", 1), stat{}, "start time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStat([]byte(tt.data))
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestChildThatEndedAtOnce(t *testing.T) {
	child := exec.Command("true")
	require.NoError(t, child.Start())
	t.Cleanup(func() { _ = child.Wait() })
	// It has ended, and is left for Wait.
	require.NoError(t, unix.Waitid(unix.P_PID, child.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	process, err := childOf(child.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, child.Process.Pid, process.PID)
	assert.False(t, process.Alive())
	_, err = ProcessOf(child.Process.Pid)
	assert.ErrorContains(t, err, "it has ended")
}

func TestLeftovers(t *testing.T) {
	const dir = "/var/lib/cell-cluster/cell"
	own := Owned{
		Recorded: []Process{{PID: 10, Start: 100}},
		NetNS:    []uint64{77, 0}, // 0: one that is gone already
		StateDir: dir,
		Programs: []string{"etcd", "containerd"},
	}
	process := func(pid int, start, netns uint64, args ...string) Running {
		return Running{Process: Process{PID: pid, Start: start}, NetNS: netns, Args: args}
	}
	tests := []struct {
		name string
		p    Running
		want bool
	}{
		{"recorded", process(10, 100, 1, "anything"), true},
		{"the pid was given to another", process(10, 101, 1, "anything"), false},
		{"in our namespace", process(11, 1, 77, "sh"), true},
		{"namespace unknown", process(11, 1, 0, "sh"), false},
		{"our program with our folder", process(12, 1, 1, "/bin/etcd", "--data-dir="+dir+"/etcd"), true},
		{"folder in a URL", process(12, 1, 1, "containerd", "-address", "unix://"+dir+"/c.sock"), true},
		{"folder alone", process(12, 1, 1, "containerd", "-address", dir+"/c.sock"), true},
		{"our program with another's folder", process(12, 1, 1, "etcd", "--data-dir="+dir+"-2/etcd"), false},
		{"our program with a longer path", process(12, 1, 1, "etcd", "--data-dir=/backup"+dir+"/etcd"), false},
		{"somebody reads a log", process(13, 1, 1, "less", dir+"/logs/etcd.log"), false},
		{"a kernel thread", process(14, 1, 1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, len(Leftovers([]Running{tt.p}, own)) == 1)
		})
	}
}

func TestParseMountinfo(t *testing.T) {
	const mounts = `22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:5 / /state/cell/nodes/a rw shared:1 - tmpfs tmpfs rw
31 30 0:6 / /state/cell/nodes/a/b\040c rw - tmpfs tmpfs rw
32 22 0:7 / /state/cell-2/x rw - tmpfs tmpfs rw
33 22 0:8 / /state/cell rw - tmpfs tmpfs rw
`
	got, err := parseMountinfo(strings.NewReader(mounts), "/state/cell")
	require.NoError(t, err)
	assert.Equal(t, []string{"/state/cell/nodes/a", "/state/cell/nodes/a/b c"}, got)

	_, err = parseMountinfo(strings.NewReader("odd line\n"), "/state/cell")
	assert.ErrorContains(t, err, "too few fields")
}

func TestUnescape(t *testing.T) {
	assert.Equal(t, `a b\c`, unescape(`a\040b\134c`))
	assert.Equal(t, `ends with \04`, unescape(`ends with \04`))
	assert.Equal(t, `\xyz`, unescape(`\xyz`))
}

func TestDaemonLivesAndIsKilled(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	process, ended, err := Daemon{Args: []string{"sh", "-c", "echo $GREETING; exec sleep 60"}, Env: []string{"GREETING=hello"}, Log: log}.Start()
	require.NoError(t, err)
	assert.True(t, process.Alive())
	assert.False(t, Process{PID: process.PID, Start: process.Start + 1}.Alive(), "another process of that pid")
	require.Eventually(t, func() bool { return strings.Join(Tail(log, 5), "") == "hello" }, 10*time.Second, time.Millisecond)

	all, err := Processes()
	require.NoError(t, err)
	assert.Len(t, Leftovers(all, Owned{Recorded: []Process{process}}), 1)

	require.NoError(t, KillAll([]Process{process}, 10*time.Second))
	<-ended
	assert.False(t, process.Alive())
	require.NoError(t, process.Kill(), "a second time")
}

func TestDaemonThatCannotStart(t *testing.T) {
	_, _, err := Daemon{Args: []string{"/no/such/program"}, Log: filepath.Join(t.TempDir(), "log")}.Start()
	assert.ErrorContains(t, err, "/no/such/program")
}

func TestTail(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	assert.Contains(t, Tail(file, 3)[0], "no such file")
	require.NoError(t, os.WriteFile(file, []byte("1\n2\n3\n4\n"), 0o600))
	assert.Equal(t, []string{"3", "4"}, Tail(file, 2))
	assert.Equal(t, []string{"1", "2", "3", "4"}, Tail(file, 9))
	require.NoError(t, os.WriteFile(file, append(bytes.Repeat([]byte("long line\n"), 100_000), "end"...), 0o600))
	assert.Equal(t, []string{"long line", "end"}, Tail(file, 2))
}

func TestRunTellsWhatTheProgramSaid(t *testing.T) {
	err := Run(t.Context(), "sh", "-c", "echo out; echo broken >&2; exit 3")
	require.ErrorContains(t, err, "exit status 3: broken")
	var exit *exec.ExitError
	assert.ErrorAs(t, err, &exit)
	assert.ErrorContains(t, Run(t.Context(), "sh", "-c", "echo out; exit 3"), "out")
	assert.NoError(t, RunWithInput(t.Context(), strings.NewReader("x"), "grep", "-q", "x"))
}

func TestLockIsTakenOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "lock")
	unlock, err := Lock(t.Context(), file, nil)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	_, err = Lock(ctx, file, cancel) // the wait itself ends the wait
	require.ErrorIs(t, err, context.Canceled)

	unlock()
	unlock, err = Lock(t.Context(), file, func() { t.Error("nobody has it") })
	require.NoError(t, err)
	unlock()
}

func TestSettingsAreRestored(t *testing.T) {
	root := t.TempDir()
	set := func(key, value string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, key)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, key), []byte(value+"\n"), 0o600))
	}
	set("kernel/panic", "0")
	set("vm/overcommit_memory", "1") // what a kubelet wants: another cluster may have set it
	before := settingsToRestore(root)
	assert.Equal(t, map[string]string{"kernel/panic": "0"}, before)

	set("kernel/panic", "10")
	before["kernel/core_pattern"] = "|/bin/evil"
	require.NoError(t, restoreSettings(root, before))
	value, err := os.ReadFile(filepath.Join(root, "kernel/panic"))
	require.NoError(t, err)
	assert.Equal(t, "0", string(value))
	assert.NoFileExists(t, filepath.Join(root, "kernel/core_pattern"))
}
