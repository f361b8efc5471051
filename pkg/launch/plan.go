// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"strconv"
)

// PlanVersion is the newest plan that this package reads.
const PlanVersion = 1

// Where the launcher finds what it reads.
const (
	// PlanVariable is the environment variable that may carry the plan; it goes
	// before any file.
	PlanVariable = "CELL_PLAN"
	// PlanDir holds the plans of a cluster, where these are a mounted ConfigMap.
	PlanDir = "/etc/cell/plan"
	// StartDir holds the membership of PD, a mounted ConfigMap with the key JoinKey.
	StartDir = "/etc/cell/start"
	// AnnotationsPath is the pod's annotations, written by the downward API.
	AnnotationsPath = "/etc/cell/pod/annotations"
	// ZoneAnnotation and RackAnnotation are put on a scheduled pod by the operator.
	ZoneAnnotation = "cell.deepfabric.com/zone"
	RackAnnotation = "cell.deepfabric.com/rack"
)

// Component is what a plan starts.
type Component string

// The three programs of Elasticell.
const (
	PD    Component = "pd"
	Store Component = "store"
	Proxy Component = "proxy"
)

// Key is the plan's key in a ConfigMap of plans: stores share one plan, so do proxies,
// while each PD has its own, named like its pod.
func Key(component Component, podName string) string {
	if component == PD {
		return podName
	}
	return string(component)
}

// Plan says how one pod starts. Program, Args and the content of Files may hold
// placeholders.
type Plan struct {
	Version   int       `json:"version"`
	Component Component `json:"component"`
	// Cluster is "namespace/name"; it appears in messages only.
	Cluster string `json:"cluster"`
	// Program is the absolute path of the program to become.
	Program string   `json:"program"`
	Args    []string `json:"args,omitempty"`
	// Host is the pod's own DNS name. It must resolve to the pod's IP before the
	// start, since Elasticell resolves the names it listens on once, at start.
	Host string `json:"host,omitempty"`
	// Files are written before the start, each one atomically.
	Files []File `json:"files,omitempty"`
	// DataDir is where the program keeps its data, for PD its -data.
	DataDir string `json:"dataDir,omitempty"`
	// StateDir is on the same volume but outside of DataDir, so that a store's
	// empty data directory stays empty; the launcher remembers the location there.
	StateDir string `json:"stateDir,omitempty"`
	// Location makes the launcher wait for the zone and rack of the pod's node.
	Location bool `json:"location,omitempty"`
	// WaitFor lists host:port addresses that must each accept a TCP connection
	// before the start: a program that dies without PD waits better than it crashes.
	WaitFor []string `json:"waitFor,omitempty"`
	// Join is PD's membership; PD only. Where it is left out, the launcher reads it
	// from StartDir: it changes while pods live, unlike the rest of a plan.
	Join *Join `json:"join,omitempty"`
}

// File is written before the start.
type File struct {
	Path    string `json:"path"`
	Mode    Mode   `json:"mode"`
	Content string `json:"content"`
}

// Mode is a file's permission bits, written in octal ("0644").
type Mode uint32

// MarshalText writes the mode in octal.
func (m Mode) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%04o", uint32(m)), nil
}

// UnmarshalText reads an octal mode.
func (m *Mode) UnmarshalText(text []byte) error {
	bits, err := strconv.ParseUint(string(text), 8, 32)
	if err != nil || bits > 0o777 {
		return fmt.Errorf("read file mode %q: want permission bits in octal, like \"0644\"", text)
	}
	*m = Mode(bits)
	return nil
}

// JoinState says whether PD's cluster is yet to be formed.
type JoinState string

// The states have the names of etcd's -initial-cluster-state.
const (
	// JoinNew lets a PD without data form the cluster with the plan's members.
	JoinNew JoinState = "new"
	// JoinExisting lets a PD without data start only once the members list it.
	JoinExisting JoinState = "existing"
)

// Join is the membership of PD as the operator knows it.
type Join struct {
	State JoinState `json:"state"`
	// Members holds every member; a pod that is not among them waits until it is.
	Members []JoinMember `json:"members"`
}

// Member returns the member of that name.
func (j Join) Member(name string) (JoinMember, bool) {
	for _, m := range j.Members {
		if m.Name == name {
			return m, true
		}
	}
	return JoinMember{}, false
}

// JoinMember is one PD; its name is that of its pod.
type JoinMember struct {
	Name      string `json:"name"`
	PeerURL   string `json:"peerURL"`
	ClientURL string `json:"clientURL"`
}
