// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

// Pod is what the pod knows of itself, from the downward API.
type Pod struct {
	Name, Namespace, IP, Node string
}

// PodFromEnv reads POD_NAME, POD_NAMESPACE, POD_IP and NODE_NAME. The name is
// needed to find the plan and the IP to check the pod's DNS name; the others only
// where a plan uses them.
func PodFromEnv(getenv func(string) string) (Pod, error) {
	pod := Pod{
		Name:      getenv(launch.PodName),
		Namespace: getenv(launch.PodNamespace),
		IP:        getenv(launch.PodIP),
		Node:      getenv(launch.NodeName),
	}
	if pod.Name == "" {
		return Pod{}, errors.New("POD_NAME is empty: the container's environment must set it from metadata.name")
	}
	if _, err := netip.ParseAddr(pod.IP); err != nil {
		return Pod{}, fmt.Errorf("POD_IP %q is not an IP address: the container's environment must set it from status.podIP", pod.IP)
	}
	return pod, nil
}

func (p Pod) values() launch.Values {
	ip := p.IP
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]" // plans name it before a port
	}
	return launch.Values{
		launch.PodName:      p.Name,
		launch.PodNamespace: p.Namespace,
		launch.PodIP:        ip,
		launch.NodeName:     p.Node,
	}
}

// ownName waits until the pod's DNS name means this pod: until then the others
// would talk to nobody, or to the pod that had the name before.
func (l *Launcher) ownName(ctx context.Context, plan launch.Plan, values launch.Values) (*Wait, error) {
	if plan.Host == "" {
		return nil, nil
	}
	host, err := launch.Expand(plan.Host, values)
	if err != nil {
		return nil, fmt.Errorf("fill in host of the start plan: %w", err)
	}
	values[launch.Host] = host
	wait := &Wait{For: host + " to resolve to this pod's IP " + l.Pod.IP}
	addresses, err := l.Network.LookupHost(ctx, host)
	if err != nil {
		wait.Now = err.Error()
		return wait, nil
	}
	for _, address := range addresses {
		if sameIP(address, l.Pod.IP) {
			return nil, nil
		}
	}
	wait.Now = "it resolves to " + strings.Join(addresses, ", ")
	return wait, nil
}

func sameIP(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX == nil && errY == nil && x.Unmap() == y.Unmap()
}

// dialable waits for the addresses that the program needs at its start.
func (l *Launcher) dialable(ctx context.Context, plan launch.Plan, values launch.Values) (*Wait, error) {
	for _, address := range plan.WaitFor {
		address, err := launch.Expand(address, values)
		if err != nil {
			return nil, fmt.Errorf("fill in waitFor of the start plan: %w", err)
		}
		if err := l.Network.Dial(ctx, address); err != nil {
			return &Wait{For: address + " to accept connections", Now: err.Error()}, nil
		}
	}
	return nil, nil
}
