// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"fmt"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

// Placed is an object with the path at which it is applied.
type Placed struct {
	Path string
	Body Object
}

// DNSUser is the user as which CoreDNS reads Services.
const DNSUser = "system:coredns"

// StorageClassName is the class of the local volumes.
const StorageClassName = "local-storage"

// VolumeCapacity is what a local volume says it holds; nothing enforces it.
const VolumeCapacity = "10Gi"

const rbacAPI = "rbac.authorization.k8s.io/v1"

// DNSObjects let CoreDNS read what it needs and give it the usual Service. It runs beside the control
// plane, so the Service has no selector but one fixed endpoint.
func DNSObjects() []Placed {
	const namespace = "kube-system"
	ports := func(key string, value any) []Object {
		return []Object{
			{"name": "dns", "protocol": "UDP", "port": 53, key: value},
			{"name": "dns-tcp", "protocol": "TCP", "port": 53, key: value},
		}
	}
	return []Placed{
		{"/apis/" + rbacAPI + "/clusterroles/" + DNSUser, Object{
			"apiVersion": rbacAPI, "kind": "ClusterRole", "metadata": Object{"name": DNSUser},
			"rules": []Object{
				{"apiGroups": []string{""}, "resources": []string{"services", "pods", "namespaces"}, "verbs": []string{"list", "watch"}},
				{"apiGroups": []string{"discovery.k8s.io"}, "resources": []string{"endpointslices"}, "verbs": []string{"list", "watch"}},
			},
		}},
		{"/apis/" + rbacAPI + "/clusterrolebindings/" + DNSUser, Object{
			"apiVersion": rbacAPI, "kind": "ClusterRoleBinding", "metadata": Object{"name": DNSUser},
			"roleRef":  Object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": DNSUser},
			"subjects": []Object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": DNSUser}},
		}},
		{"/api/v1/namespaces/" + namespace + "/services/kube-dns", Object{
			"apiVersion": "v1", "kind": "Service",
			"metadata": Object{"name": "kube-dns", "namespace": namespace},
			"spec":     Object{"clusterIP": plan.DNSServiceIP, "ports": ports("targetPort", 53)},
		}},
		{"/apis/discovery.k8s.io/v1/namespaces/" + namespace + "/endpointslices/kube-dns", Object{
			"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
			"metadata": Object{
				"name": "kube-dns", "namespace": namespace,
				"labels": Object{"kubernetes.io/service-name": "kube-dns"},
			},
			"addressType": "IPv4",
			"endpoints":   []Object{{"addresses": []string{plan.HubIP}, "conditions": Object{"ready": true}}},
			"ports":       ports("appProtocol", "dns"),
		}},
	}
}

// StorageClass is the class of the local volumes: bound when a pod is placed, and made by nobody.
func StorageClass() Placed {
	return Placed{"/apis/storage.k8s.io/v1/storageclasses/" + StorageClassName, Object{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata":          Object{"name": StorageClassName},
		"provisioner":       "kubernetes.io/no-provisioner",
		"volumeBindingMode": "WaitForFirstConsumer",
	}}
}

// VolumeName is the name of a node's index-th volume (from 1).
func VolumeName(node string, index int) string { return fmt.Sprintf("%s-volume-%d", node, index) }

// VolumePath is where the apiserver keeps a volume.
func VolumePath(name string) string { return "/api/v1/persistentvolumes/" + name }

// Volume is a local volume: a folder of a node.
func Volume(name, node, folder string) Placed {
	return Placed{VolumePath(name), Object{
		"apiVersion": "v1", "kind": "PersistentVolume",
		"metadata": Object{"name": name, "labels": Object{"kubernetes.io/hostname": node}},
		"spec": Object{
			"capacity":                      Object{"storage": VolumeCapacity},
			"accessModes":                   []string{"ReadWriteOnce"},
			"volumeMode":                    "Filesystem",
			"storageClassName":              StorageClassName,
			"persistentVolumeReclaimPolicy": "Retain",
			"local":                         Object{"path": folder},
			"nodeAffinity": Object{"required": Object{"nodeSelectorTerms": []Object{{
				"matchExpressions": []Object{{"key": "kubernetes.io/hostname", "operator": "In", "values": []string{node}}},
			}}}},
		},
	}}
}

// FakeNode is a node that KWOK plays. Beside real nodes it is tainted, so that only pods that ask for
// it are placed there.
func FakeNode(index, zones int, tainted bool, annotation, value string) Placed {
	name := fmt.Sprintf("kwok-%d", index)
	resources := Object{"cpu": "32", "memory": "256Gi", "pods": "110", "ephemeral-storage": "1Ti"}
	spec := Object{}
	if tainted {
		spec["taints"] = []Object{{"key": annotation, "value": value, "effect": "NoSchedule"}}
	}
	return Placed{"/api/v1/nodes/" + name, Object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": Object{
			"name":        name,
			"annotations": Object{annotation: value},
			"labels": Object{
				"type":                        "kwok",
				"kubernetes.io/hostname":      name,
				"kubernetes.io/os":            "linux",
				"topology.kubernetes.io/zone": plan.Zone(index, zones),
			},
		},
		"spec":   spec,
		"status": Object{"allocatable": resources, "capacity": resources},
	}}
}
