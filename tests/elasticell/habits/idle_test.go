// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package habits

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/testcluster"
)

// The demo runs two clusters beside a Kubernetes on two cores: at rest a process must cost next to nothing.
func TestIdleCost(t *testing.T) {
	if os.Getenv("CELL_TEST_RACE") != "" {
		t.Skip("the race detector has its own price")
	}
	c := testcluster.New(t, testcluster.Options{InitCells: 8})
	c.Up()
	time.Sleep(5 * time.Second) // let the balance and the garbage of the start settle
	var all []*testcluster.Process
	for _, p := range c.PDs {
		all = append(all, p.Process)
	}
	for _, p := range c.Stores {
		all = append(all, p.Process)
	}
	for _, p := range c.Proxies {
		all = append(all, p.Process)
	}
	before := map[string]time.Duration{}
	for _, p := range all {
		before[p.Name] = cpu(t, p.Pid())
	}
	const watched = 10 * time.Second
	time.Sleep(watched)
	for _, p := range all {
		share := float64(cpu(t, p.Pid())-before[p.Name]) / float64(watched)
		mb := residentMB(t, p.Pid())
		t.Logf("%-7s %5.2f %% of a core, %d MB", p.Name, 100*share, mb)
		assert.Less(t, share, 0.03, "%s at rest", p.Name)
		assert.Less(t, mb, 60, "%s's memory in MB", p.Name)
	}
}

// cpu is the time a process has spent so far.
func cpu(t *testing.T, pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func residentMB(t *testing.T, pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kb / 1024
		}
	}
	return 0
}
