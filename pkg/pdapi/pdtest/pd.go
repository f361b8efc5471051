// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pdtest is an in-memory PD with the habits of Elasticell's real one,
// served over HTTP (and etcd's membership over gRPC on the same port), for unit
// tests and benchmarks.
//
// Nothing in it happens by itself: the test plays the stores (AddStore,
// Heartbeat), the elections (Elect) and PD's scheduler (Step), and time comes
// from Config.Now. A PD costs a few kilobytes and no goroutine, so a thousand of
// them fit behind one listener (Farm).
package pdtest

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// Mode is how one member answers.
type Mode int

// The modes of a member.
const (
	// Well answers as a PD does.
	Well Mode = iota
	// Silent takes requests and never answers.
	Silent
	// Garbage answers 200 with something that is not PD's.
	Garbage
	// Refusing answers everything under /pd with code 1.
	Refusing
	// Panicking answers everything under /pd with HTTP 500 and a panic's text, whether there is a leader or not.
	Panicking
)

// Config of a PD. The zero value is one member, 3 replicas and the real time.
type Config struct {
	// Members are the names; "pd-0" by default. The first leads.
	Members []string
	// ClientURL and PeerURL give a member's advertised URLs; http://<name>:2379 and :2380 by default.
	ClientURL, PeerURL func(name string) string
	// ClusterID is the id of etcd's cluster; 1 by default.
	ClusterID uint64
	// Now is PD's clock.
	Now func() time.Time
	// MaxReplicas is 3 by default.
	MaxReplicas int
	// TransferLimit is how many transfers of leaders may be in flight; 1 by default.
	TransferLimit int
	// PendingSteps is for how many steps a new replica is pending; 1 by default, negative for none.
	PendingSteps int
	// MovesPerStep bounds how many cells one step moves off Down stores or refills; 2 by default.
	MovesPerStep int
	// PeerDownAfter is after how long cells report the peers on a stopped store as down; 5 min by default.
	PeerDownAfter time.Duration
	// DownAfter is the store's silence after which PD takes its peers away; 1 h by default.
	DownAfter time.Duration
	// MemberPause is how long etcd refuses a change of membership after another; 5 s by default, negative for not at all.
	MemberPause time.Duration
	// Quorum makes etcd refuse changes of the membership, and be unhealthy, without a majority of its members.
	Quorum bool
	// KeepCalls bounds how many calls are remembered; 1,000 by default, negative for none. They are counted all the same.
	KeepCalls int
	// OnCall is told of every request before it is answered.
	OnCall func(Call)
}

func (c *Config) setDefaults() {
	if len(c.Members) == 0 {
		c.Members = []string{"pd-0"}
	}
	if c.ClientURL == nil {
		c.ClientURL = func(name string) string { return "http://" + name + ":2379" }
	}
	if c.PeerURL == nil {
		c.PeerURL = func(name string) string { return "http://" + name + ":2380" }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.ClusterID, 1)
	setDefault(&c.MaxReplicas, 3)
	setDefault(&c.TransferLimit, 1)
	setDefault(&c.PendingSteps, 1)
	setDefault(&c.MovesPerStep, 2)
	setDefault(&c.PeerDownAfter, 5*time.Minute)
	setDefault(&c.DownAfter, time.Hour)
	setDefault(&c.MemberPause, 5*time.Second)
	setDefault(&c.KeepCalls, 1000)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// PD is one cluster's placement driver, all its members together.
type PD struct {
	config Config

	mu      sync.Mutex
	members []*member
	// leader is the name in the leader's record; it stays there when that process dies, until the next election.
	leader       string
	memberChange time.Time
	etcd         *grpc.Server

	bootstrapped bool
	init         *wireInit
	stores       []*store
	cells        []*cell
	operators    []*operator
	lastID       uint64

	calls calls
}

// member is one PD process, and its place in etcd's membership.
type member struct {
	id      uint64
	name    string
	peerURL string
	client  string

	started bool // it has been running at least once: etcd knows its name
	running bool
	removed bool // from the membership; the process may go on
	wedged  bool // lost its leadership without its process ending: never campaigns again
	// anyAddress: started with -urls-client on 0.0.0.0, so that a follower forwards to itself.
	anyAddress bool
	mode       Mode
	changed    chan struct{} // closed when the mode changes, to free those who wait
}

// New makes a PD with all its members running and the first one leading.
func New(config Config) *PD {
	config.setDefaults()
	pd := &PD{config: config, lastID: 0}
	pd.calls.keep = config.KeepCalls
	for _, name := range config.Members {
		m := pd.newMember(name, config.PeerURL(name))
		m.started, m.running = true, true
		pd.members = append(pd.members, m)
	}
	pd.leader = config.Members[0]
	return pd
}

func (pd *PD) newMember(name, peerURL string) *member {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", peerURL, pd.config.Now().UnixNano())
	return &member{id: h.Sum64(), name: name, peerURL: peerURL, client: pd.config.ClientURL(name), changed: make(chan struct{})}
}

// member finds a process by name, the newest first; a removed one is found too.
func (pd *PD) member(name string) *member {
	for i := len(pd.members) - 1; i >= 0; i-- {
		if pd.members[i].name == name {
			return pd.members[i]
		}
	}
	panic("pdtest: there is no member " + name)
}

// listed are the members in etcd's membership.
func (pd *PD) listed() []*member {
	out := make([]*member, 0, len(pd.members))
	for _, m := range pd.members {
		if !m.removed {
			out = append(out, m)
		}
	}
	return out
}

// Endpoints are the advertised client URLs of all listed members that have started.
func (pd *PD) Endpoints() []string {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	var urls []string
	for _, m := range pd.listed() {
		if m.started {
			urls = append(urls, m.client)
		}
	}
	return urls
}

// Leader is the name in the leader's record, "" if there is none.
func (pd *PD) Leader() string {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return pd.leader
}

// SetMode changes how a member answers, from the next request on; requests that a silent member holds are dropped.
func (pd *PD) SetMode(name string, mode Mode) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	m := pd.member(name)
	m.mode = mode
	close(m.changed)
	m.changed = make(chan struct{})
}

// SetModes changes how all members answer.
func (pd *PD) SetModes(mode Mode) {
	for _, m := range pd.processes() {
		pd.SetMode(m, mode)
	}
}

func (pd *PD) processes() []string {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	var names []string
	for _, m := range pd.members {
		if m.name != "" {
			names = append(names, m.name)
		}
	}
	return names
}

// ListenOnAnyAddress makes a member's record say 0.0.0.0: while it leads, every follower answers "redirect to not leader".
func (pd *PD) ListenOnAnyAddress(name string) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	pd.member(name).anyAddress = true
}

// StopMember ends a process. If it led, its record stays until the next election: followers answer "redirect failed".
func (pd *PD) StopMember(name string) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	m := pd.member(name)
	m.running, m.wedged = false, false
}

// StartMember starts a process, for the first time (after MemberAdd) or again.
// One that is not on the list fails, as the real one exits.
func (pd *PD) StartMember(name string) error {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	peerURL := pd.config.PeerURL(name)
	for _, m := range pd.listed() {
		if m.peerURL != peerURL {
			continue
		}
		m.name, m.client = name, pd.config.ClientURL(name)
		m.started, m.running = true, true
		return nil
	}
	return fmt.Errorf("member %s is not on the list of members: add %s first", name, peerURL)
}

// Expire is the end of the leader's lease: its record is gone, and every member answers with a panic.
func (pd *PD) Expire() {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	pd.leader = ""
}

// Wedge takes the leadership from a member without its process ending; it never campaigns again until it is restarted.
func (pd *PD) Wedge(name string) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	pd.member(name).wedged = true
	if pd.leader == name {
		pd.leader = ""
	}
}

// Elect makes a member the leader. It knows no heartbeat and no statistics of
// any store, no leader of any cell, no operator, and takes ids from a new
// thousand. A wedged, removed or stopped member is not elected.
func (pd *PD) Elect(name string) error {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	m := pd.member(name)
	if m.wedged || m.removed || !m.running {
		return fmt.Errorf("member %s cannot be elected: wedged %v, removed %v, running %v", name, m.wedged, m.removed, m.running)
	}
	pd.leader = name
	pd.operators = nil
	pd.lastID = (pd.lastID/1000 + 1) * 1000
	for _, s := range pd.stores {
		s.forget()
	}
	for _, c := range pd.cells {
		c.reported = false
	}
	return nil
}
