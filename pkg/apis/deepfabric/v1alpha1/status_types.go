// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CellClusterStatus is what the operator observed last. What changes by itself
// (leader counts, heartbeats, sizes) is not here: PD tells it.
type CellClusterStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Phase sums the cluster up in a word, for people.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// Message says in one line what is wrong, or else what is awaited.
	// +optional
	Message string `json:"message,omitempty"`

	// Conditions are Ready, Available, Progressing, Degraded, Spread and Paused.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// ClusterID is the id of PD's cluster, in hexadecimal. Once seen it never changes; another one means that PD lost its data.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`

	// Bootstrapped is true for ever once the first store has created the first cells. No PD may form a new cluster after that.
	// +optional
	Bootstrapped bool `json:"bootstrapped,omitempty"`

	// Operation is what the operator is doing to the members, for people; it is never read back.
	// +optional
	Operation *Operation `json:"operation,omitempty"`

	// PD is the state of the PDs.
	// +optional
	PD PDStatus `json:"pd,omitempty"`

	// Store is the state of the stores.
	// +optional
	Store StoreStatus `json:"store,omitempty"`

	// Proxy is the state of the proxies.
	// +optional
	Proxy ProxyStatus `json:"proxy,omitempty"`
}

// Phase sums a cluster or a component up in a word.
type Phase string

const (
	// PhaseCreating is a cluster or component that has not been complete yet.
	PhaseCreating Phase = "Creating"
	// PhaseNormal is as the spec asks.
	PhaseNormal Phase = "Normal"
	// PhaseUpgrade is under way from one template to another.
	PhaseUpgrade Phase = "Upgrade"
	// PhaseScale is under way from one number of members to another.
	PhaseScale Phase = "Scale"
	// PhaseRepair has members that are being replaced.
	PhaseRepair Phase = "Repair"
	// PhaseDegraded has something broken; status.message says what.
	PhaseDegraded Phase = "Degraded"
	// PhasePaused is left alone, as the spec asks.
	PhasePaused Phase = "Paused"
	// PhaseDeleting is on its way out.
	PhaseDeleting Phase = "Deleting"
)

// Operation is one voluntary or repairing act that takes several steps.
type Operation struct {
	// Type is the kind of operation, one of the reasons of conditions, for example Scaling.
	Type string `json:"type"`

	// Target is the pod or component it is done to.
	// +optional
	Target string `json:"target,omitempty"`

	// Step is where it stands.
	// +optional
	Step string `json:"step,omitempty"`

	// Message says what it waits for.
	// +optional
	Message string `json:"message,omitempty"`

	// Since is when the operation reached this step.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}

// ComponentStatus is what the states of PD, store and proxy have in common.
type ComponentStatus struct {
	// Phase of the component.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// Replicas is the number of pods that exist.
	// +optional
	Replicas int32 `json:"replicas"`

	// ReadyReplicas is the number of pods that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas"`

	// UpdatedReplicas is the number of pods that run the current spec.
	// +optional
	UpdatedReplicas int32 `json:"updatedReplicas"`

	// Summary is ready/desired, for the printer columns.
	// +optional
	Summary string `json:"summary,omitempty"`

	// Selector selects the component's pods, for the scale subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
}

// PDStatus is the state of the PDs.
type PDStatus struct {
	ComponentStatus `json:",inline"`

	// Storage is the size of the greatest volume claim, to which spec.pd.requests.storage can go back after a growth that is not possible.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Storage string `json:"storage,omitempty"`

	// Leader is the pod whose PD leads. Empty while unknown.
	// +optional
	Leader string `json:"leader,omitempty"`

	// Members are the members of PD's etcd, by pod name.
	// +optional
	Members map[string]PDMember `json:"members,omitempty"`

	// FailureMembers are the members that were given up, by pod name.
	// +optional
	FailureMembers map[string]FailureMember `json:"failureMembers,omitempty"`
}

// PDMember is a member of PD's etcd.
type PDMember struct {
	// ID of the member, in hexadecimal.
	ID string `json:"id"`

	// ClientURL is where its HTTP API is served.
	// +optional
	ClientURL string `json:"clientURL,omitempty"`

	// Health is true while its pod is ready.
	Health bool `json:"health"`
}

// StoreStatus is the state of the stores.
type StoreStatus struct {
	ComponentStatus `json:",inline"`

	// Storage is the size of the greatest volume claim, to which spec.store.requests.storage can go back after a growth that is not possible.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Storage string `json:"storage,omitempty"`

	// Stores are the stores that PD knows and that are not tombstones, by store id.
	// +optional
	Stores map[string]Store `json:"stores,omitempty"`

	// TombstoneStores are the ids of stores that were removed, with the pod they belonged to.
	// +optional
	TombstoneStores map[string]Store `json:"tombstoneStores,omitempty"`

	// FailureStores are the stores that were given up, by store id.
	// +optional
	FailureStores map[string]FailureMember `json:"failureStores,omitempty"`
}

// StoreState is PD's word for the state of a store.
//
// +kubebuilder:validation:Enum=Up;Down;Tombstone
type StoreState string

const (
	// StoreUp serves. A store that died is still Up in PD's words.
	StoreUp StoreState = "Up"
	// StoreDown is on its way out; it never returns to Up.
	StoreDown StoreState = "Down"
	// StoreTombstone is gone for ever.
	StoreTombstone StoreState = "Tombstone"
)

// Store is a store as PD knows it.
type Store struct {
	// PodName is the pod it runs in.
	// +optional
	PodName string `json:"podName,omitempty"`

	// Address is where other stores reach it.
	// +optional
	Address string `json:"address,omitempty"`

	// State is PD's word for it.
	State StoreState `json:"state"`

	// Zone is the zone that it told PD.
	// +optional
	Zone string `json:"zone,omitempty"`

	// Rack is the rack that it told PD.
	// +optional
	Rack string `json:"rack,omitempty"`
}

// FailureMember is a member that was given up and replaced.
type FailureMember struct {
	// PodName is the pod it ran in.
	PodName string `json:"podName"`

	// MemberID is the id that PD knew it by.
	// +optional
	MemberID string `json:"memberID,omitempty"`

	// PVCUID is the UID of the claim that held its data.
	// +optional
	PVCUID string `json:"pvcUID,omitempty"`

	// Since is when it was given up.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}

// ProxyStatus is the state of the proxies.
type ProxyStatus struct {
	ComponentStatus `json:",inline"`
}
