// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/host"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

// bridge is the switch in the hub's namespace to which all nodes are cabled.
const bridge = "br0"

// routerSysctls make a namespace pass on what is not for itself. Bridged frames are left alone: a
// kernel with br_netfilter would else send them through the hub's Service rules.
var routerSysctls = map[string]string{
	"ipv4/ip_forward":                 "1",
	"ipv4/conf/all/rp_filter":         "0",
	"ipv4/conf/default/rp_filter":     "0",
	"bridge/bridge-nf-call-iptables":  "0",
	"bridge/bridge-nf-call-ip6tables": "0",
}

// addHub makes the namespace of the control plane, with the bridge.
func (c *Cluster) addHub(ctx context.Context) error {
	hub := plan.HubNetNS(c.name())
	if err := host.AddNetNS(ctx, hub); err != nil {
		return err
	}
	if err := host.SetSysctls(hub, routerSysctls); err != nil {
		return err
	}
	return host.IP(ctx, hub,
		"link add "+bridge+" type bridge",
		fmt.Sprintf("addr add %s/%d dev %s", plan.HubIP, plan.HubPrefixBits, bridge),
		"link set "+bridge+" up",
		// Any way will do: kube-proxy turns the address into a pod's before the packet leaves.
		"route add "+plan.ServicePrefix+" dev "+bridge,
	)
}

// addNodeNetwork makes a node's namespace and its cable to the bridge, and tells all others the way
// to the node's pods.
func (c *Cluster) addNodeNetwork(ctx context.Context, n plan.Node, others []plan.Node) error {
	hub, netns := plan.HubNetNS(c.name()), plan.NodeNetNS(c.name(), n)
	if err := host.AddNetNS(ctx, netns); err != nil {
		return err
	}
	if err := host.SetSysctls(netns, routerSysctls); err != nil {
		return err
	}
	err := host.IP(ctx, hub,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s", n.Port(), netns),
		fmt.Sprintf("link set %s master %s up", n.Port(), bridge),
		podRoute(n),
	)
	if err != nil {
		return err
	}
	lines := []string{
		fmt.Sprintf("addr add %s/%d dev eth0", n.IP(), plan.HubPrefixBits),
		"link set eth0 up",
		"route add default via " + plan.HubIP,
	}
	for _, other := range others {
		lines = append(lines, podRoute(other))
		if err := host.IP(ctx, plan.NodeNetNS(c.name(), other), podRoute(n)); err != nil {
			return err
		}
	}
	return host.IP(ctx, netns, lines...)
}

func podRoute(n plan.Node) string { return fmt.Sprintf("route add %s via %s", n.PodRange(), n.IP()) }

// setCable plugs a node's cable in or out, at the bridge: the node's own addresses and routes stay.
func (c *Cluster) setCable(ctx context.Context, n plan.Node, in bool) error {
	state := "down"
	if in {
		state = "up"
	}
	return host.IP(ctx, plan.HubNetNS(c.name()), fmt.Sprintf("link set %s %s", n.Port(), state))
}
