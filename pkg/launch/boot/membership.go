// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/membership"
)

// membership lets a PD start only when it may, see package membership.
func (l *Launcher) membership(ctx context.Context, plan launch.Plan, values launch.Values) (*Wait, error) {
	if plan.Component != launch.PD {
		return nil, nil
	}
	join, wait, err := l.readJoin(plan)
	if wait != nil || err != nil {
		return wait, err
	}
	data, err := readData(plan.DataDir)
	if err != nil {
		return nil, err
	}
	verdict := membership.Decide(membership.Facts{
		Self:    l.Pod.Name,
		Join:    join,
		Data:    data,
		Answers: l.ask(ctx, join),
	})
	if !verdict.Start {
		return &Wait{For: verdict.For, Now: verdict.Now}, nil
	}
	for _, host := range verdict.Resolve {
		if _, err := l.Network.LookupHost(ctx, host); err != nil {
			return &Wait{For: host + " to have an address, as a joining PD needs of each member", Now: err.Error()}, nil
		}
	}
	if data.Leftover {
		l.Log.Warn("the data directory holds leftovers of a start that failed; PD starts afresh over them", "dir", plan.DataDir)
	}
	values[launch.InitialCluster] = verdict.InitialCluster
	values[launch.InitialClusterState] = string(join.State)
	return nil, nil
}

func (l *Launcher) readJoin(plan launch.Plan) (launch.Join, *Wait, error) {
	if plan.Join != nil {
		return *plan.Join, nil, nil
	}
	data, wait, err := readMounted(l.JoinPath, "the membership of PD")
	if wait != nil || err != nil {
		return launch.Join{}, wait, err
	}
	join, err := launch.DecodeJoin(data)
	if err != nil {
		return launch.Join{}, nil, fmt.Errorf("%s: %w", l.JoinPath, err)
	}
	return join, nil, nil
}

// ask asks all other members at once.
func (l *Launcher) ask(ctx context.Context, join launch.Join) []membership.Answer {
	var others []launch.JoinMember
	for _, m := range join.Members {
		if m.Name != l.Pod.Name {
			others = append(others, m)
		}
	}
	answers := make([]membership.Answer, len(others))
	var asked sync.WaitGroup
	for i, m := range others {
		asked.Go(func() { answers[i] = l.Network.Members(ctx, m) })
	}
	asked.Wait()
	return answers
}

// readData looks at what etcd left in PD's -data: member/wal holds its log in
// segments named *.wal, and is renamed into place complete.
func readData(dir string) (membership.Data, error) {
	member := filepath.Join(dir, "member")
	if _, err := os.Stat(member); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return membership.Data{}, nil
		}
		return membership.Data{}, fmt.Errorf("look for PD's data: %w", err)
	}
	entries, err := os.ReadDir(filepath.Join(member, "wal"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return membership.Data{}, fmt.Errorf("look for PD's data: %w", err)
	}
	if len(entries) == 0 {
		return membership.Data{Leftover: true}, nil
	}
	data := membership.Data{Present: true}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".wal") {
			continue
		}
		// The first segment that can be read will do: each names the member. None
		// is no error: then the peer URL has to tell whose data this is.
		if id, err := readWAL(filepath.Join(member, "wal", entry.Name())); err == nil {
			data.MemberID = id
			break
		}
	}
	return data, nil
}

func readWAL(path string) (uint64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, membership.HeadSize))
	if err != nil {
		return 0, err
	}
	return membership.WALMember(head)
}
