// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/program"
)

// raftLog is the log as raft reads it: in memory, and written to the file by the loop. Snapshots are built aside.
type raftLog struct {
	*raft.MemoryStorage
	snapshot func() (*raftpb.Snapshot, error)
}

// Snapshot returns one that is ready, or says that it is not yet.
func (l *raftLog) Snapshot() (*raftpb.Snapshot, error) { return l.snapshot() }

// lastIndex never fails: MemoryStorage knows it.
func (l *raftLog) lastIndex() uint64 {
	i, _ := l.LastIndex()
	return i
}

// restoreLog makes the log of what was found on disk.
func restoreLog(s saved) (*raft.MemoryStorage, error) {
	ms := raft.NewMemoryStorage()
	if len(s.Voters) > 0 {
		meta := raftpb.SnapshotMetadata{Index: &s.TruncIndex, Term: &s.TruncTerm, ConfState: &raftpb.ConfState{Voters: s.Voters}}
		if err := ms.ApplySnapshot(&raftpb.Snapshot{Metadata: &meta}); err != nil {
			return nil, fmt.Errorf("restore log of cell %d: %w", s.Cell.ID, err)
		}
	}
	if err := ms.Append(s.entries); err != nil {
		return nil, fmt.Errorf("restore log of cell %d: %w", s.Cell.ID, err)
	}
	return ms, ms.SetHardState(s.hard)
}

// quietLogger lets only raft's worries through.
type quietLogger struct{}

func (quietLogger) Debug(...any)            {}
func (quietLogger) Debugf(string, ...any)   {}
func (quietLogger) Info(...any)             {}
func (quietLogger) Infof(string, ...any)    {}
func (quietLogger) Warning(...any)          {}
func (quietLogger) Warningf(string, ...any) {}
func (quietLogger) Error(v ...any)          { slog.Error("raft: " + fmt.Sprint(v...)) }
func (quietLogger) Errorf(format string, v ...any) {
	slog.Error("raft: " + fmt.Sprintf(format, v...))
}
func (quietLogger) Fatal(v ...any) { program.Fatal("raft: " + fmt.Sprint(v...)) }
func (quietLogger) Fatalf(format string, v ...any) {
	program.Fatal("raft: " + fmt.Sprintf(format, v...))
}
func (quietLogger) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (quietLogger) Panicf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
