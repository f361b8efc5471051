// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// cluster is the inside of one cell cluster: its PDs and the stores they know.
type cluster struct {
	pd    *pdtest.PD
	calls atomic.Int64

	mu      sync.Mutex
	members map[string]bool      // PD pods that run
	disks   map[types.UID]*disk  // by claim; they outlive the pods
	running map[string]types.UID // the disk of each pod that runs
	lost    map[uint64]bool      // members whose data was wiped
}

// disk is what a member has written to its volume: its id, 0 for none.
type disk struct{ member, store uint64 }

// cluster finds a cluster, or makes it of the membership that its first PD is told.
func (w *World) cluster(key types.NamespacedName, plan launch.Plan, join launch.Join) *cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.clusters[key]; c != nil {
		return c
	}
	c := &cluster{members: map[string]bool{}, disks: map[types.UID]*disk{}, running: map[string]types.UID{}, lost: map[uint64]bool{}}
	var names []string
	for _, m := range join.Members {
		names = append(names, m.Name)
	}
	url := func(port int) func(string) string {
		return func(name string) string {
			return fmt.Sprintf("http://%s:%d", naming.Host(key.Namespace, key.Name, naming.PD, name), port)
		}
	}
	config := pdtest.Config{
		Members:   names,
		ClientURL: url(naming.PDClientPort),
		PeerURL:   url(naming.PDPeerPort),
		// A cluster that was deleted and made again has another id.
		ClusterID:   uint64(time.Now().UnixNano()),
		MaxReplicas: replicas(plan),
		KeepCalls:   -1,
		OnCall:      func(pdtest.Call) { c.calls.Add(1) },
	}
	if w.Configure != nil {
		w.Configure(&config)
	}
	c.pd = pdtest.New(config)
	c.pd.Expire()
	for _, name := range names {
		c.pd.StopMember(name)
	}
	w.clusters[key] = c
	return c
}

// replicas reads PD's flag.
func replicas(plan launch.Plan) int {
	for _, arg := range plan.Args {
		if text, ok := strings.CutPrefix(arg, "-limit-replicas="); ok {
			n, _ := strconv.Atoi(text)
			return n
		}
	}
	return 0
}

func (c *cluster) disk(uid types.UID) *disk {
	d := c.disks[uid]
	if d == nil {
		d = &disk{}
		c.disks[uid] = d
	}
	return d
}

// listed is the member of a pod on etcd's list; nil if there is none.
func (c *cluster) listed(pod string) *pdtest.MemberInfo {
	for _, m := range c.pd.MemberInfos() {
		if naming.PodOfHost(strings.TrimPrefix(m.PeerURL, "http://")) == pod {
			return &m
		}
	}
	return nil
}

// startPD starts a member, and has it elected if it completes the quorum. It is
// false for one that its launcher keeps waiting: with data, if it is no member any more;
// without, if the member of its name has started before.
func (c *cluster) startPD(pod string, claim types.UID, replicas int) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, member := c.disk(claim), c.listed(pod)
	switch {
	case member == nil, d.member != 0 && d.member != member.ID, d.member == 0 && member.Started && !c.fresh(member.ID):
		return false, nil
	}
	if err := c.pd.StartMember(pod); err != nil {
		return false, err
	}
	c.pd.SetLimits(replicas, 0, 0)
	d.member = member.ID
	c.members[pod], c.running[pod] = true, claim
	return true, c.elect()
}

// fresh tells whether no disk holds a member's data. The first members count as started from the beginning.
func (c *cluster) fresh(id uint64) bool {
	for _, d := range c.disks {
		if d.member == id {
			return false
		}
	}
	return !c.lost[id]
}

// elect gives PD a leader if it has none and a majority of its members run.
func (c *cluster) elect() error {
	var running []string
	listed := c.pd.MemberInfos()
	for _, m := range listed {
		if c.members[m.Name] {
			running = append(running, m.Name)
		}
	}
	if slices.Contains(running, c.pd.Leader()) || 2*len(running) <= len(listed) {
		return nil
	}
	if err := c.pd.Elect(running[0]); err != nil {
		return err
	}
	c.pd.Heartbeat()
	return nil
}

// startStore starts a store on its disk, new or old. Its error is what its process dies of.
func (c *cluster) startStore(pod string, claim types.UID, host, zone, rack string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := pdtest.Store{Address: host + ":10800", ClientAddress: host + ":6379", Zone: zone, Rack: rack}
	d := c.disk(claim)
	if d.store != 0 {
		if err := c.pd.StartStore(d.store, s); err != nil {
			return err
		}
		c.running[pod] = claim
		return nil
	}
	id, err := c.pd.AddStore(s)
	if err != nil {
		return err
	}
	d.store = id
	c.running[pod] = claim
	if len(c.pd.StoreInfos()) <= c.pd.Replicas() {
		c.pd.Settle() // the first ones are filled at once
	}
	return nil
}

// stop ends the process of a pod.
func (c *cluster) stop(pod string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.disks[c.running[pod]]; d != nil && d.store != 0 {
		c.pd.StopStore(d.store)
	}
	delete(c.running, pod)
	if c.members[pod] {
		delete(c.members, pod)
		c.pd.StopMember(pod)
		_ = c.elect() // fails only for a member that does not run
	}
}

// wipe ends the process of a pod and empties its disk.
func (c *cluster) wipe(pod string) {
	c.mu.Lock()
	d := c.disks[c.running[pod]]
	c.mu.Unlock()
	c.stop(pod)
	c.mu.Lock()
	defer c.mu.Unlock()
	if d != nil {
		c.lost[d.member] = d.member != 0
		*d = disk{}
	}
}

// beat is a round of heartbeats, in which PD finds a leader if it needs one.
func (c *cluster) beat() {
	c.mu.Lock()
	_ = c.elect() // fails only for a member that does not run
	c.mu.Unlock()
	c.pd.Tick()
}

// PD is the PD of a cluster; nil before its first pod runs.
func (w *World) PD(key types.NamespacedName) *pdtest.PD {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.clusters[key]; c != nil {
		return c.pd
	}
	return nil
}

// Calls counts the requests that all PDs got so far.
func (w *World) Calls() int64 {
	sum := int64(0)
	for _, c := range w.all() {
		sum += c.calls.Load()
	}
	return sum
}

func (w *World) all() []*cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]*cluster, 0, len(w.clusters))
	for _, c := range w.clusters {
		out = append(out, c)
	}
	return out
}
