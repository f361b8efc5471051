// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plan decides the shape of a cluster: names, addresses, zones and folders. It is pure: it
// reads no file and asks no kernel, so everything in it is tested in tables.
package plan

import (
	"fmt"
	"net/netip"
	"regexp"
)

// Limits of one cluster on one machine.
const (
	MaxNodes     = 50   // real nodes; each costs about 200 MiB of memory
	MaxFakeNodes = 5000 // KWOK nodes; each costs a lease and a status now and then
	maxNameLen   = 20   // keeps the path of containerd's socket below the kernel's 107 bytes
)

// Addresses that are the same in every cluster. Clusters may share them, since each lives in network
// namespaces of its own, which nothing connects to the machine's.
const (
	HubIP         = "172.30.0.1"    // the control plane, and the bridge to the nodes
	HubPrefix     = "172.30.0.0/16" // the nodes' network
	HubPrefixBits = 16
	PodPrefix     = "10.244.0.0/16"
	ServicePrefix = "10.96.0.0/16"
	APIServiceIP  = "10.96.0.1"
	DNSServiceIP  = "10.96.0.10"
	DNSDomain     = "cluster.local"
)

// Options is what a user may choose.
type Options struct {
	Name           string `json:"name"`
	Nodes          int    `json:"nodes"`
	Zones          int    `json:"zones"` // 0: three, or as many as there are nodes
	FakeNodes      int    `json:"fakeNodes"`
	VolumesPerNode int    `json:"volumesPerNode"`
}

// Node is one real node.
type Node struct {
	Index int    `json:"index"` // from 1, never reused in a cluster's life
	Name  string `json:"name"`
	Zone  string `json:"zone"`
}

var clusterName = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// Validate says in one sentence what is wrong with the options and what to do.
func (o Options) Validate() error {
	switch {
	case !clusterName.MatchString(o.Name) || len(o.Name) > maxNameLen:
		return fmt.Errorf("--name %q: use up to %d lower-case letters, digits and '-', beginning with a letter", o.Name, maxNameLen)
	case o.Nodes < 0 || o.Nodes > MaxNodes:
		return fmt.Errorf("--nodes %d: use 0 to %d", o.Nodes, MaxNodes)
	case o.Zones < 0 || o.Nodes > 0 && o.Zones > o.Nodes:
		return fmt.Errorf("--zones %d: use 1 to the number of nodes (%d)", o.Zones, o.Nodes)
	case o.FakeNodes < 0 || o.FakeNodes > MaxFakeNodes:
		return fmt.Errorf("--kwok-nodes %d: use 0 to %d", o.FakeNodes, MaxFakeNodes)
	case o.VolumesPerNode < 0 || o.VolumesPerNode > 100:
		return fmt.Errorf("--volumes-per-node %d: use 0 to 100", o.VolumesPerNode)
	}
	return nil
}

// ZoneCount is the number of zones after the default has been filled in.
func (o Options) ZoneCount() int {
	const usual = 3
	switch {
	case o.Zones > 0:
		return o.Zones
	case o.Nodes > 0 && o.Nodes < usual:
		return o.Nodes
	}
	return usual
}

// RealNodes lists the nodes to begin with, spread evenly over the zones.
func (o Options) RealNodes() []Node {
	nodes := make([]Node, 0, o.Nodes)
	for i := 1; i <= o.Nodes; i++ {
		nodes = append(nodes, NewNode(i, Zone(i, o.ZoneCount())))
	}
	return nodes
}

// NewNode is the node with an index (from 1) in a zone.
func NewNode(index int, zone string) Node {
	return Node{Index: index, Name: fmt.Sprintf("node-%d", index), Zone: zone}
}

// Zone is the zone of the index-th node (from 1) when nodes go round the zones.
func Zone(index, zones int) string {
	return fmt.Sprintf("zone-%d", (index-1)%zones+1)
}

// IP is the node's address in the nodes' network.
func (n Node) IP() string {
	return netip.AddrFrom4([4]byte{172, 30, 1, byte(n.Index)}).String()
}

// PodRange is the range from which the node's pods get their addresses.
func (n Node) PodRange() string {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244, byte(n.Index), 0}), 24).String()
}

// Port is the name of the hub's end of the node's cable.
func (n Node) Port() string { return fmt.Sprintf("node-%d", n.Index) }

// netnsPrefix begins the name of each of our network namespaces. A cluster's name has no dot, so
// the clusters "a" and "a-b" cannot be taken for each other.
const netnsPrefix = "cellcluster."

// HubNetNS is the network namespace of the control plane and of the bridge between the nodes.
func HubNetNS(cluster string) string { return netnsPrefix + cluster }

// NodeNetNS is the network namespace of a node.
func NodeNetNS(cluster string, n Node) string { return HubNetNS(cluster) + "." + n.Name }

// OwnsNetNS tells whether a namespace belongs to a cluster.
func OwnsNetNS(cluster, netns string) bool {
	hub := HubNetNS(cluster)
	return netns == hub || len(netns) > len(hub) && netns[:len(hub)+1] == hub+"."
}
