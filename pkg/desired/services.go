// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Services are the Services of a component.
func Services(c *v1alpha1.CellCluster, component naming.Component) []*corev1.Service {
	switch component {
	case naming.PD:
		return []*corev1.Service{
			peerService(c, component,
				servicePort(naming.PortClient, naming.PDClientPort),
				servicePort(naming.PortPeer, naming.PDPeerPort),
				servicePort(naming.PortRPC, naming.PDRPCPort)),
			clientService(c, component, c.Spec.PD.Service,
				servicePort(naming.PortClient, naming.PDClientPort),
				servicePort(naming.PortRPC, naming.PDRPCPort)),
		}
	case naming.Store:
		return []*corev1.Service{
			peerService(c, component,
				servicePort(naming.PortRaft, naming.StoreRaftPort),
				servicePort(naming.PortClient, naming.StoreClientPort)),
		}
	default:
		return []*corev1.Service{
			clientService(c, component, c.Spec.Proxy.Service,
				servicePort(naming.PortRedis, naming.ProxyRedisPort)),
		}
	}
}

// peerService is the headless Service that names each pod. Members must find
// each other before they are ready, so it publishes all of them.
func peerService(c *v1alpha1.CellCluster, component naming.Component, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: meta(c, naming.PeerService(c.Name, component), component),
		Spec: corev1.ServiceSpec{
			Type:                     corev1.ServiceTypeClusterIP,
			ClusterIP:                corev1.ClusterIPNone,
			PublishNotReadyAddresses: true,
			Selector:                 naming.SelectorLabels(c.Name, component),
			Ports:                    ports,
		},
	}
}

func clientService(c *v1alpha1.CellCluster, component naming.Component, s *v1alpha1.ServiceSpec, ports ...corev1.ServicePort) *corev1.Service {
	if s == nil {
		s = &v1alpha1.ServiceSpec{}
	}
	service := &corev1.Service{
		ObjectMeta: meta(c, naming.Service(c.Name, component), component),
		Spec: corev1.ServiceSpec{
			Type:     serviceType(c, component, s),
			Selector: naming.SelectorLabels(c.Name, component),
			Ports:    ports,
		},
	}
	if len(s.Annotations) > 0 {
		service.Annotations = merged(s.Annotations, nil)
	}
	// Kubernetes refuses what has no meaning for a type.
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		service.Spec.LoadBalancerSourceRanges = s.LoadBalancerSourceRanges
	}
	if service.Spec.Type != corev1.ServiceTypeClusterIP {
		service.Spec.ExternalTrafficPolicy = s.ExternalTrafficPolicy
		service.Spec.Ports[0].NodePort = s.NodePort
	}
	return service
}

// serviceType is the component's own setting, else that of spec.services, else ClusterIP.
func serviceType(c *v1alpha1.CellCluster, component naming.Component, s *v1alpha1.ServiceSpec) corev1.ServiceType {
	if s.Type != "" {
		return corev1.ServiceType(s.Type)
	}
	for _, entry := range c.Spec.Services {
		if entry.Name == string(component) && entry.Type != "" {
			return corev1.ServiceType(entry.Type)
		}
	}
	return corev1.ServiceTypeClusterIP
}

func servicePort(name string, number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, TargetPort: intstr.FromString(name), Protocol: corev1.ProtocolTCP}
}
