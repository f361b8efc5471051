// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// cluster is the inside of one cell cluster: its PDs and the stores they know.
type cluster struct {
	pd    *pdtest.PD
	calls atomic.Int64

	mu      sync.Mutex
	members map[string]bool   // PD pods that run
	size    int               // of the membership
	stores  map[string]uint64 // ids by pod; they outlive the pods, as their disks do
}

// cluster finds a cluster, or makes it of the membership that its first PD is told.
func (w *World) cluster(key types.NamespacedName, plan launch.Plan, join launch.Join) *cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.clusters[key]; c != nil {
		return c
	}
	c := &cluster{members: map[string]bool{}, stores: map[string]uint64{}, size: len(join.Members)}
	urls := map[string]launch.JoinMember{}
	var names []string
	for _, m := range join.Members {
		names = append(names, m.Name)
		urls[m.Name] = m
	}
	c.pd = pdtest.New(pdtest.Config{
		Members:     names,
		ClientURL:   func(name string) string { return urls[name].ClientURL },
		PeerURL:     func(name string) string { return urls[name].PeerURL },
		MaxReplicas: replicas(plan),
		KeepCalls:   -1,
		OnCall:      func(pdtest.Call) { c.calls.Add(1) },
	})
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

// startPD starts a member, and has it elected if it completes the quorum.
func (c *cluster) startPD(pod string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.pd.StartMember(pod); err != nil {
		return err
	}
	c.members[pod] = true
	return c.elect()
}

// elect gives PD a leader if it has none and a majority of its members run.
func (c *cluster) elect() error {
	if leader := c.pd.Leader(); c.members[leader] || 2*len(c.members) <= c.size {
		return nil
	}
	for pod := range c.members {
		if err := c.pd.Elect(pod); err != nil {
			return err
		}
		c.pd.Heartbeat()
		return nil
	}
	return nil
}

// startStore starts a store on its disk, new or old.
func (c *cluster) startStore(pod, host, zone, rack string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := pdtest.Store{Address: host + ":10800", ClientAddress: host + ":6379", Zone: zone, Rack: rack}
	if id, ok := c.stores[pod]; ok {
		return c.pd.StartStore(id, s)
	}
	id, err := c.pd.AddStore(s)
	if err != nil {
		return err
	}
	c.stores[pod] = id
	c.pd.Settle()
	return nil
}

// stop ends the process of a pod.
func (c *cluster) stop(pod string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := c.stores[pod]; ok {
		c.pd.StopStore(id)
		return
	}
	if c.members[pod] {
		delete(c.members, pod)
		c.pd.StopMember(pod)
		_ = c.elect() // fails only for a member that does not run
	}
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
