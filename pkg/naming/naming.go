// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package naming is the only place that spells names, labels, annotations and
// ports. It holds no logic beyond putting them together.
package naming

import (
	"fmt"
	"strconv"
	"strings"
)

// Component is one of the three kinds of members of a cluster.
type Component string

// The components.
const (
	PD    Component = "pd"
	Store Component = "store"
	Proxy Component = "proxy"
)

// Components are all components in the order in which they depend on each other.
func Components() []Component { return []Component{PD, Store, Proxy} }

// FieldManager is the operator's name in server-side apply and in events.
const FieldManager = "cell-operator"

// Labels, as Kubernetes recommends them.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelInstance  = "app.kubernetes.io/instance"
	LabelComponent = "app.kubernetes.io/component"
	LabelManagedBy = "app.kubernetes.io/managed-by"

	// AppName is the value of LabelName.
	AppName = "elasticell"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "cell-operator"
)

// Labels and annotations of our own.
const (
	prefix = "cell.deepfabric.com/"

	// LabelMemberID is the id of a PD member in hexadecimal.
	LabelMemberID = prefix + "member-id"
	// LabelStoreID is the id of a store.
	LabelStoreID = prefix + "store-id"
	// LabelClusterID is the id of PD's cluster.
	LabelClusterID = prefix + "cluster-id"

	// LabelEvictable is on the one pod of a store that may be evicted from its node.
	LabelEvictable = prefix + "evictable"

	// AnnotationAppliedHash is the hash of what the operator applied last to an object.
	AnnotationAppliedHash = prefix + "applied-hash"
	// AnnotationRestartHash is the hash of what in a pod template deserves a restart.
	AnnotationRestartHash = prefix + "restart-hash"
	// AnnotationHeartbeat tells how often the store in a pod reports to PD, a duration of Go.
	AnnotationHeartbeat = prefix + "heartbeat"
	// AnnotationZone tells a store's pod its zone.
	AnnotationZone = prefix + "zone"
	// AnnotationEvicting is when the leaders of a store's pod began to be moved away, in RFC 3339, and for what.
	AnnotationEvicting = prefix + "evicting"
	// AnnotationRetired marks the volume claim of a removed member with the member's id.
	AnnotationRetired = prefix + "retired"
	// AnnotationReplace on a volume claim asks for the replacement of the member that uses it; any value but "" and "false" does.
	AnnotationReplace = prefix + "replace"
	// AnnotationReplacing marks the volume claim of a member that is being replaced with the member's id.
	AnnotationReplacing = prefix + "replacing"
	// AnnotationGaveUpPD marks the pod of a proxy that may have given PD up, so that it must be restarted.
	AnnotationGaveUpPD = prefix + "gave-up-pd"
	// AnnotationAutoscaled marks a Deployment whose replicas are an autoscaler's.
	AnnotationAutoscaled = prefix + "autoscaled"
	// AnnotationRack tells a store's pod its rack.
	AnnotationRack = prefix + "rack"
)

// Ports of the components.
const (
	PDClientPort    = 2379
	PDPeerPort      = 2380
	PDRPCPort       = 20800
	StoreRaftPort   = 10800
	StoreClientPort = 6379
	ProxyRedisPort  = 6379
	ProxyNotifyPort = 9998
)

// Names of ports.
const (
	PortClient = "client"
	PortPeer   = "peer"
	PortRPC    = "rpc"
	PortRaft   = "raft"
	PortRedis  = "redis"
	PortNotify = "notify"
)

// Paths and names inside a pod.
const (
	// InitContainerName is that of the launcher; the other container is called as its component: pd, store, proxy.
	InitContainerName = "install-launcher"
	LauncherVolume    = "launcher"
	LauncherDir       = "/launcher"
	LauncherPath      = "/launcher/cell-launcher"
	StartVolume       = "start"
	StartDir          = "/etc/cell/start"
	PodInfoVolume     = "podinfo"
	PodInfoDir        = "/etc/cell/pod"
	ConfigVolume      = "config"
	ConfigDir         = "/etc/cell/config"
	DataVolume        = "data"
	StateDir          = "/var/lib/cell"
	DataDir           = "/var/lib/cell/data"
)

// Member is the name of a component's StatefulSet or Deployment.
func Member(cluster string, c Component) string { return cluster + "-" + string(c) }

// PeerService is the name of a component's headless Service.
func PeerService(cluster string, c Component) string { return Member(cluster, c) + "-peer" }

// Service is the name of a component's Service for clients.
func Service(cluster string, c Component) string { return Member(cluster, c) }

// EvictableBudget is the name of the disruption budget of the store that may be evicted.
func EvictableBudget(cluster string) string { return Member(cluster, Store) + "-evictable" }

// StartConfigMap is the name of the ConfigMap with the membership that PDs start with.
func StartConfigMap(cluster string) string { return cluster + "-start" }

// Pod is the name of the pod of an ordinal.
func Pod(cluster string, c Component, ordinal int32) string {
	return fmt.Sprintf("%s-%d", Member(cluster, c), ordinal)
}

// Claim is the name of the volume claim of an ordinal.
func Claim(cluster string, c Component, ordinal int32) string {
	return DataVolume + "-" + Pod(cluster, c, ordinal)
}

// Ordinal is the ordinal at the end of the name of a pod or claim; ok is false if there is none.
func Ordinal(name string) (ordinal int32, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(name[i+1:], 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != name[i+1:] {
		return 0, false
	}
	return int32(n), true
}

// Host is the DNS name of a pod for life. It resolves in the pod's own Kubernetes cluster whatever the cluster domain is.
func Host(namespace, cluster string, c Component, pod string) string {
	return fmt.Sprintf("%s.%s.%s.svc", pod, PeerService(cluster, c), namespace)
}

// ServiceHost is the DNS name of a component's Service for clients.
func ServiceHost(namespace, cluster string, c Component) string {
	return fmt.Sprintf("%s.%s.svc", Service(cluster, c), namespace)
}

// PodOfHost is the pod in an address such as pod.service.namespace.svc:port; "" if the address is not a name.
func PodOfHost(address string) string {
	pod, rest, found := strings.Cut(address, ".")
	if !found || !strings.Contains(rest, ".svc") {
		return ""
	}
	return pod
}

// SelectorLabels select the pods of a component of a cluster. They never change.
func SelectorLabels(cluster string, c Component) map[string]string {
	return map[string]string{
		LabelName:      AppName,
		LabelInstance:  cluster,
		LabelComponent: string(c),
	}
}

// Labels are those of each object of a component of a cluster; c may be empty for objects of the whole cluster.
func Labels(cluster string, c Component) map[string]string {
	l := map[string]string{
		LabelName:      AppName,
		LabelInstance:  cluster,
		LabelManagedBy: ManagedBy,
	}
	if c != "" {
		l[LabelComponent] = string(c)
	}
	return l
}
