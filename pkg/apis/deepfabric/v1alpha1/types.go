// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CellCluster is one Elasticell cluster: PDs that place data, stores that keep
// it in raft groups called cells, and proxies that speak Redis to clients.
//
// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=cellclusters,scope=Namespaced,shortName=cc,categories=all
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.store.replicas,statuspath=.status.store.replicas,selectorpath=.status.store.selector
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="PD",type=string,JSONPath=`.status.pd.summary`
// +kubebuilder:printcolumn:name="Store",type=string,JSONPath=`.status.store.summary`
// +kubebuilder:printcolumn:name="Proxy",type=string,JSONPath=`.status.proxy.summary`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40",message="metadata.name must be a DNS label that begins with a letter, of at most 40 characters, since Services and pods are named after it; choose a shorter or simpler name"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.spec.pd.requests) || !has(oldSelf.spec.pd.requests.storage) || (has(self.spec.pd.requests) && has(self.spec.pd.requests.storage) && string(self.spec.pd.requests.storage).matches('^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$') && (quantity(string(self.spec.pd.requests.storage)).compareTo(quantity(string(oldSelf.spec.pd.requests.storage))) >= 0 || (has(self.status) && has(self.status.pd) && has(self.status.pd.storage) && quantity(string(self.spec.pd.requests.storage)).compareTo(quantity(self.status.pd.storage)) >= 0)))",fieldPath=".spec.pd.requests.storage",message="spec.pd.requests.storage cannot shrink, since volumes only grow; set it back to the size that the volumes have, or more"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.spec.store.requests) || !has(oldSelf.spec.store.requests.storage) || (has(self.spec.store.requests) && has(self.spec.store.requests.storage) && string(self.spec.store.requests.storage).matches('^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$') && (quantity(string(self.spec.store.requests.storage)).compareTo(quantity(string(oldSelf.spec.store.requests.storage))) >= 0 || (has(self.status) && has(self.status.store) && has(self.status.store.storage) && quantity(string(self.spec.store.requests.storage)).compareTo(quantity(self.status.store.storage)) >= 0)))",fieldPath=".spec.store.requests.storage",message="spec.store.requests.storage cannot shrink, since volumes only grow; set it back to the size that the volumes have, or more"
type CellCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is what the user wants. The operator never writes it.
	Spec CellClusterSpec `json:"spec"`

	// Status is what the operator observed last.
	// +optional
	Status CellClusterStatus `json:"status,omitempty"`
}

// CellClusterList is a list of CellClusters.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type CellClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`

	// Items are the clusters.
	Items []CellCluster `json:"items"`
}

// CellClusterSpec is what a user asks of a cluster.
//
// +kubebuilder:validation:XValidation:rule="self.store.replicas >= (has(self.pd.config) && has(self.pd.config.maxReplicas) ? self.pd.config.maxReplicas : 3)",message="spec.store.replicas must not be below spec.pd.config.maxReplicas (default 3), else cells cannot have all their replicas; raise spec.store.replicas or lower spec.pd.config.maxReplicas"
// +kubebuilder:validation:XValidation:rule="!has(self.services) || self.services.all(s, self.services.filter(t, t.name == s.name).size() == 1)",message="spec.services names a component twice; keep one entry for each of pd, store and proxy"
type CellClusterSpec struct {
	// SchedulerName is the scheduler of all pods of the cluster, for example
	// cell-scheduler, the scheduler of the cell-operator chart. Empty means the
	// default scheduler of Kubernetes.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SchedulerName string `json:"schedulerName,omitempty"`

	// PVReclaimPolicy is what becomes of a volume when its claim is deleted. The
	// operator writes it to the persistent volumes of PDs and stores.
	// +optional
	// +kubebuilder:default=Retain
	// +kubebuilder:validation:Enum=Retain;Delete;Recycle
	PVReclaimPolicy corev1.PersistentVolumeReclaimPolicy `json:"pvReclaimPolicy,omitempty"`

	// EnablePVReclaim lets the operator delete the claims of members that were
	// removed by scaling in. False keeps them, out of the way of new members.
	// +optional
	EnablePVReclaim bool `json:"enablePVReclaim,omitempty"`

	// PersistentVolumeClaimRetentionPolicy says what becomes of the claims of PDs and stores.
	// +optional
	PersistentVolumeClaimRetentionPolicy *ClaimRetentionPolicy `json:"persistentVolumeClaimRetentionPolicy,omitempty"`

	// Timezone is the TZ environment variable of all containers.
	// +optional
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:MaxLength=64
	Timezone string `json:"timezone,omitempty"`

	// Services sets the type of the Services that are not headless.
	// spec.pd.service and spec.proxy.service win over an entry here. One for the stores has no effect: their Service is headless.
	// +optional
	// +kubebuilder:validation:MaxItems=3
	Services []Service `json:"services,omitempty"`

	// Paused stops every write of the operator to this cluster but its status.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// LauncherImage is the image that brings cell-launcher, the program that
	// starts each member. Empty means the image of the operator. A change of it
	// alone restarts no pod.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	LauncherImage string `json:"launcherImage,omitempty"`

	// PD is the placement driver: it places replicas, and holds the cluster's metadata in an embedded etcd.
	PD PDSpec `json:"pd"`

	// Store keeps the data.
	Store StoreSpec `json:"store"`

	// Proxy serves clients over the Redis protocol.
	Proxy ProxySpec `json:"proxy"`
}

// ClaimRetentionPolicy says what becomes of the volume claims of a cluster.
type ClaimRetentionPolicy struct {
	// WhenDeleted is what becomes of the claims of PDs and stores when the CellCluster is deleted: Retain keeps them,
	// and a new CellCluster of the same name finds the data again; Delete deletes them with the cluster.
	// +optional
	// +kubebuilder:default=Retain
	// +kubebuilder:validation:Enum=Retain;Delete
	WhenDeleted ClaimRetention `json:"whenDeleted,omitempty"`
}

// ClaimRetention is Retain or Delete.
type ClaimRetention string

const (
	// RetainClaims keeps volume claims.
	RetainClaims ClaimRetention = "Retain"
	// DeleteClaims deletes them with their owner.
	DeleteClaims ClaimRetention = "Delete"
)

// Service sets the type of a component's Service.
type Service struct {
	// Name is the component.
	// +kubebuilder:validation:Enum=pd;store;proxy
	Name string `json:"name"`

	// Type is the Service's type.
	// +optional
	// +kubebuilder:default=ClusterIP
	Type ServiceType `json:"type,omitempty"`
}

// ServiceType is a type of Service that a component can be reached by.
//
// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
type ServiceType string

// ServiceSpec describes a Service for clients.
type ServiceSpec struct {
	// Type is the Service's type. Empty means the entry of spec.services, or ClusterIP.
	// +optional
	Type ServiceType `json:"type,omitempty"`

	// Annotations are added to the Service, for example for a load balancer.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// NodePort is the port on every node, for the types NodePort and LoadBalancer.
	// 0 lets Kubernetes choose.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	NodePort int32 `json:"nodePort,omitempty"`

	// LoadBalancerSourceRanges are the CIDRs that may reach the load balancer.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	LoadBalancerSourceRanges []string `json:"loadBalancerSourceRanges,omitempty"`

	// ExternalTrafficPolicy is Local to keep clients' addresses, or Cluster.
	// +optional
	// +kubebuilder:validation:Enum=Cluster;Local
	ExternalTrafficPolicy corev1.ServiceExternalTrafficPolicy `json:"externalTrafficPolicy,omitempty"`
}
