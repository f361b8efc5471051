// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Types of conditions.
const (
	// ConditionReady is True when every member that the spec asks for is ready and runs the current spec.
	ConditionReady = "Ready"
	// ConditionAvailable is True when clients can read and write.
	ConditionAvailable = "Available"
	// ConditionProgressing is True while the operator acts or waits; its reason says for what.
	ConditionProgressing = "Progressing"
	// ConditionDegraded is True when something is broken; its message names it and the remedy.
	ConditionDegraded = "Degraded"
	// ConditionSpread is True when the loss of one node, or of one zone where there are three, costs no quorum of PD and no majority of a cell.
	ConditionSpread = "Spread"
	// ConditionPaused is True while spec.paused is.
	ConditionPaused = "Paused"
)

// Reasons of conditions. This list is all there are.
const (
	// ReasonAsExpected: nothing to do and nothing wrong.
	ReasonAsExpected = "AsExpected"
	// ReasonSettled: everything is as the spec asks.
	ReasonSettled = "Settled"
	// ReasonPaused: spec.paused is true.
	ReasonPaused = "Paused"
	// ReasonDeleting: the CellCluster is being deleted.
	ReasonDeleting = "Deleting"

	// ReasonWaitingForPD: PD has no quorum or no leader yet.
	ReasonWaitingForPD = "WaitingForPD"
	// ReasonInitializing: PD is being told the initial cells.
	ReasonInitializing = "Initializing"
	// ReasonWaitingForBootstrap: the first store is creating the first cells.
	ReasonWaitingForBootstrap = "WaitingForBootstrap"
	// ReasonWaitingForStores: fewer stores are up than a cell has replicas.
	ReasonWaitingForStores = "WaitingForStores"
	// ReasonWaitingForReplicas: a cell lacks replicas, or some are pending or down.
	ReasonWaitingForReplicas = "WaitingForReplicas"
	// ReasonWaitingForPods: pods are not ready yet.
	ReasonWaitingForPods = "WaitingForPods"
	// ReasonWaitingForVolume: a volume does not exist or is not bound yet.
	ReasonWaitingForVolume = "WaitingForVolume"
	// ReasonRollingUpdate: pods are being restarted with a new spec.
	ReasonRollingUpdate = "RollingUpdate"
	// ReasonScaling: members are being added or removed.
	ReasonScaling = "Scaling"
	// ReasonReplacing: a member and its volume are being replaced.
	ReasonReplacing = "Replacing"
	// ReasonNodeDrain: leaders are being moved away from a node that is cordoned.
	ReasonNodeDrain = "NodeDrain"
	// ReasonRepairing: a pod is being restarted, with a corrected spec or since only that cures it.
	ReasonRepairing = "Repairing"

	// ReasonPDUnknown: PD does not answer, has no leader, or its answer is too old; nothing is concluded from that.
	ReasonPDUnknown = "PDUnknown"
	// ReasonPDClusterChanged: PD answers with another cluster id than before, so it has lost its data.
	ReasonPDClusterChanged = "PDClusterChanged"
	// ReasonPodFailing: a container cannot start or keeps crashing.
	ReasonPodFailing = "PodFailing"
	// ReasonUnschedulable: no node takes a pod.
	ReasonUnschedulable = "Unschedulable"
	// ReasonStoreDown: a store does not report to PD.
	ReasonStoreDown = "StoreDown"
	// ReasonStoreFull: a store's disk is so full that PD gives it no new replicas.
	ReasonStoreFull = "StoreFull"
	// ReasonMembersNotReady: not exactly the members that the spec asks for are ready.
	ReasonMembersNotReady = "MembersNotReady"
	// ReasonCannotReplace: a member that is gone cannot be replaced.
	ReasonCannotReplace = "CannotReplace"
	// ReasonSpread: members stand so that no single loss harms the cluster.
	ReasonSpread = "Spread"
	// ReasonTooFewDomains: there are too few nodes or zones to keep members apart.
	ReasonTooFewDomains = "TooFewDomains"
	// ReasonCrowded: a node or zone holds more members than can be lost with it.
	ReasonCrowded = "Crowded"
	// ReasonInvalidSpec: the spec cannot be carried out.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonNameConflict: an object of another owner has a name that the cluster needs.
	ReasonNameConflict = "NameConflict"
	// ReasonWriteFailed: Kubernetes or PD refused a write.
	ReasonWriteFailed = "WriteFailed"
)
