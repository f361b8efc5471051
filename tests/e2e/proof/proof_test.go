// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/e2e/ledger"
)

func TestRowsAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows")
	t.Setenv(Enable, file)
	planned := NewRow("upgrade", 62*time.Second, ledger.Report{Writes: 100, Reads: 30, Closed: 2, Longest: 480 * time.Millisecond}, ledger.Verdict{Keys: 7})
	planned.Planned, planned.Within, planned.Load = true, true, 1.5
	killed := NewRow("node killed", 90*time.Second, ledger.Report{Writes: 50, Failed: make([]ledger.Failure, 3), Longest: 4 * time.Second}, ledger.Verdict{Lost: []string{"k"}})
	killed.Load = 2
	require.NoError(t, Note(planned))
	require.NoError(t, Note(killed))
	rows, err := Read(file)
	require.NoError(t, err)
	assert.Equal(t, []Row{planned, killed}, rows)
	text := Tables(rows)
	assert.Contains(t, text, "| upgrade | 62 s | 100, 30 | 0 | 0 | 0.48 s | 0 | 2 | 1.5 | met |\n")
	assert.Contains(t, text, "| node killed | 90 s | 50, 0 | 1 | 0 | 4.00 s | 3 | 0 | 2.0 | **missed** |\n")
}

func TestNothingIsKeptUnasked(t *testing.T) {
	t.Setenv(Enable, "")
	require.NoError(t, Note(Row{}))
	rows, err := Read(filepath.Join(t.TempDir(), "none"))
	require.NoError(t, err)
	assert.Empty(t, rows)
}

func TestPlannedWorkOutsideItsBarsIsMissed(t *testing.T) {
	assert.Equal(t, "**missed**", Row{Planned: true}.verdict())
	assert.Equal(t, "met", Row{Planned: true, Within: true}.verdict())
	assert.Equal(t, "met", Row{Failed: 100}.verdict())
	assert.Equal(t, "**missed**", Row{Inconsistent: 1}.verdict())
}

func TestInsert(t *testing.T) {
	got, err := Insert([]byte("a\n"+Begin+"old\n"+End+"b\n"), "new\n\n")
	require.NoError(t, err)
	assert.Equal(t, "a\n"+Begin+"\nnew\n\n"+End+"b\n", string(got))
	_, err = Insert([]byte(End+Begin), "new")
	require.ErrorContains(t, err, "not there")
}

func TestModel(t *testing.T) {
	log := `=== RUN   TestCrash
    campaign.go:90: create, crash after each write: 40 of 40 schedules tried, 0 failed
    campaign.go:90: PD 1->3, crash after each write: 60 of 120 schedules tried, 1 failed
    campaign.go:90: create, stale view: 7 of 7 schedules tried, 0 failed
107 schedules were tried
`
	m := ReadModel(log + "12 passed, 1 failed in 3 suites\n")
	assert.Equal(t, []Schedules{{"crash after each write", 2, 100, 160, 1}, {"stale view", 1, 7, 7, 0}}, m.Faults)
	assert.Contains(t, m.String(), "107 schedules were tried. Tests: 12 passed, 1 failed in 3 suites.\n")
	assert.Contains(t, m.String(), "| crash after each write | 2 | 100 | 160 | 1 |\n")
	assert.Equal(t, "Not run.\n", ReadModel("ok").String())
}
