// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"path/filepath"
	"slices"
	"strings"
)

// Owned says by which signs a process is known to belong to a cluster.
type Owned struct {
	Recorded []Process // what `up` wrote down
	NetNS    []uint64  // inodes of the cluster's network namespaces
	StateDir string
	Programs []string // the programs that a cluster consists of
}

// Leftovers picks the processes that belong to a cluster: those that were recorded and are the same
// still, those in its network namespaces, and those programs of ours that name its state folder. A
// pid alone is never enough, nor is a mere mention of the folder: an editor may have a log open.
func Leftovers(all []Running, own Owned) []Running {
	var found []Running
	for _, p := range all {
		if slices.Contains(own.Recorded, p.Process) ||
			p.NetNS != 0 && slices.Contains(own.NetNS, p.NetNS) ||
			own.runsProgram(p.Args) {
			found = append(found, p)
		}
	}
	return found
}

func (own Owned) runsProgram(args []string) bool {
	if len(args) == 0 || !slices.Contains(own.Programs, filepath.Base(args[0])) {
		return false
	}
	return slices.ContainsFunc(args[1:], func(arg string) bool {
		i := strings.Index(arg, own.StateDir+"/")
		// The folder must begin where a path may begin: "/a/b" is not what "--dir=/x/a/b/c" names.
		return i == 0 || i > 0 &&
			(strings.IndexByte("=:,", arg[i-1]) >= 0 || strings.HasSuffix(arg[:i], "://"))
	})
}
