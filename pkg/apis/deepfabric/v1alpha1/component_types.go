// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ComponentSpec is what PD, store and proxy have in common. A change of any
// field but the sizes of storage restarts the component's pods, one at a time.
type ComponentSpec struct {
	// Image holds the component's program at /usr/local/bin/{pd,cell,proxy}.
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="image is empty; set it to the image that holds the component's program"
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`

	// ImagePullPolicy of the pods' containers. Default IfNotPresent, also for the tag latest.
	// +optional
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`

	// Requests are the resources that are set aside for a pod; storage is the
	// size of its volume (PD and store).
	// +optional
	Requests *ResourceRequirement `json:"requests,omitempty"`

	// Limits are the resources that a pod cannot exceed; storage is ignored here.
	// +optional
	Limits *ResourceRequirement `json:"limits,omitempty"`

	// NodeSelector are labels that nodes must have. A value may be a list, separated by commas, of which one must match.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// NodeSelectorRequired false makes nodeSelector a preference.
	// +optional
	// +kubebuilder:default=true
	NodeSelectorRequired *bool `json:"nodeSelectorRequired,omitempty"`

	// Tolerations of the pods.
	// +optional
	// +kubebuilder:validation:MaxItems=64
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// Affinity of the pods. What nodeSelector asks is added to it.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`

	// TopologySpreadConstraints of the pods. When set, they replace those that the
	// operator writes. A constraint without labelSelector selects the component's pods.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`

	// Annotations of the pods.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// Labels of the pods, besides the operator's own, which win.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// Env are environment variables of the container. TZ here wins over spec.timezone.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:XValidation:rule="self.all(e, !(e.name in ['POD_NAME', 'POD_NAMESPACE', 'POD_IP', 'NODE_NAME', 'CELL_PLAN']))",message="POD_NAME, POD_NAMESPACE, POD_IP, NODE_NAME and CELL_PLAN are set by the operator; use other names"
	Env []corev1.EnvVar `json:"env,omitempty"`

	// PriorityClassName of the pods.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// ImagePullSecrets name the Secrets that images are pulled with.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// SecurityContext of the containers. Empty means no privileges beyond the image's user.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`

	// PodSecurityContext of the pods.
	// +optional
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext,omitempty"`

	// TerminationGracePeriodSeconds is how long a pod may take to stop, in seconds. Default 30.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`

	// ExtraArgs are added to the program's command line, after the operator's own.
	// +optional
	// +kubebuilder:validation:MaxItems=64
	ExtraArgs []string `json:"extraArgs,omitempty"`
}

// ResourceRequirement are amounts of resources, as Kubernetes quantities such as 500m or 2Gi.
type ResourceRequirement struct {
	// CPU in cores.
	// +optional
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$') && quantity(string(self)).compareTo(quantity('0')) > 0",message="must be a quantity above 0, such as 500m or 2Gi"
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// Memory in bytes.
	// +optional
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$') && quantity(string(self)).compareTo(quantity('0')) > 0",message="must be a quantity above 0, such as 500m or 2Gi"
	Memory *resource.Quantity `json:"memory,omitempty"`

	// Storage is the size of the pod's volume in bytes. Default 1Gi, which suits a trial at most.
	// +optional
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$') && quantity(string(self)).compareTo(quantity('0')) > 0",message="must be a quantity above 0, such as 500m or 2Gi"
	Storage *resource.Quantity `json:"storage,omitempty"`
}

// FailoverSpec bounds the replacement of members that do not come back.
type FailoverSpec struct {
	// Enabled allows the replacement.
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`

	// Period is how long a member must be gone before it is replaced. Default 5m.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	Period *metav1.Duration `json:"period,omitempty"`

	// MaxFailoverCount is the number of spare stores that may exist at a time. PDs are replaced one at a time, and not at all with 0. Default 3.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=16
	MaxFailoverCount *int32 `json:"maxFailoverCount,omitempty"`
}

// LogLevel is how much a program writes to its log.
//
// +kubebuilder:validation:Enum=debug;info;warn;warning;error;fatal
type LogLevel string

// PDSpec describes the PDs.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",message="spec.pd.storageClassName cannot be changed, since the class of a volume is fixed; create a new cluster with the other class"
type PDSpec struct {
	ComponentSpec `json:",inline"`

	// Replicas is the number of PDs. An even number survives no more failures than the odd one below it.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	Replicas int32 `json:"replicas"`

	// StorageClassName is the class of the PDs' volumes. Without it, it is the operator's default
	// class, or else that of Kubernetes. "" asks for volumes that have no class, and that somebody makes by hand.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`

	// Service describes the Service of the PDs.
	// +optional
	Service *ServiceSpec `json:"service,omitempty"`

	// Config is PD's configuration.
	// +optional
	Config *PDConfig `json:"config,omitempty"`

	// TopologyKeys name the node labels by whose values PDs are kept apart, as those of stores do.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=316
	TopologyKeys []string `json:"topologyKeys,omitempty"`

	// Failover bounds the replacement of dead PDs.
	// +optional
	Failover *FailoverSpec `json:"failover,omitempty"`
}

// PDConfig is what PD takes as flags; a change restarts the PDs one by one.
type PDConfig struct {
	// MaxReplicas is the number of replicas of each cell.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`

	// MaxStoreDownTime is how long a store may be silent before PD gives its replicas to others. Default 1h.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	MaxStoreDownTime *metav1.Duration `json:"maxStoreDownTime,omitempty"`

	// LeaderLease is how long a dead PD leader keeps the others waiting. Default 5s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	LeaderLease *metav1.Duration `json:"leaderLease,omitempty"`

	// StorageThreshold is the share of a store's disk, in percent, above which it gets no new replicas. Default 80.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	StorageThreshold *int32 `json:"storageThreshold,omitempty"`

	// LogLevel of PD.
	// +optional
	// +kubebuilder:default=info
	LogLevel LogLevel `json:"logLevel,omitempty"`

	// Limits bound how much PD moves at a time.
	// +optional
	Limits *PDLimits `json:"limits,omitempty"`
}

// PDLimits bound PD's schedulers; each is a number of operations under way at a time.
type PDLimits struct {
	// Leader transfers. PD's own default is 16.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Leader *int32 `json:"leader,omitempty"`

	// Cell moves. PD's own default is 12.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Cell *int32 `json:"cell,omitempty"`

	// Replica additions and removals. PD's own default is 16.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Replica *int32 `json:"replica,omitempty"`
}

// StoreSpec describes the stores.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",message="spec.store.storageClassName cannot be changed, since the class of a volume is fixed; create a new cluster with the other class"
// +kubebuilder:validation:XValidation:rule="has(self.initialCells) == has(oldSelf.initialCells) && (!has(self.initialCells) || self.initialCells == oldSelf.initialCells)",message="spec.store.initialCells cannot be changed, since the number of initial cells decides for ever which cell holds a key; create a new cluster and copy the data"
type StoreSpec struct {
	ComponentSpec `json:",inline"`

	// Replicas is the number of stores.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Replicas int32 `json:"replicas"`

	// StorageClassName is the class of the stores' volumes. Without it, it is the operator's default
	// class, or else that of Kubernetes. "" asks for volumes that have no class, and that somebody makes by hand.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`

	// Config is the stores' configuration.
	// +optional
	Config *StoreConfig `json:"config,omitempty"`

	// LocationLabels name the node labels that tell where a store stands, so that the replicas of a cell are kept apart.
	// +optional
	LocationLabels *LocationLabels `json:"locationLabels,omitempty"`

	// InitialCells are the cells that the cluster begins with. Cannot be changed later.
	// +optional
	// +kubebuilder:default={count: 8, capacity: 67108864}
	InitialCells *InitialCells `json:"initialCells,omitempty"`

	// EvictLeaderTimeout bounds how long a store's leaders are moved away before it is restarted. Default 10m.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	EvictLeaderTimeout *metav1.Duration `json:"evictLeaderTimeout,omitempty"`

	// EvictLeaderTimeoutPolicy is what happens when evictLeaderTimeout has run out and leaders are left: Wait goes on moving them
	// away and says so; Proceed restarts the store with leaders on it, at which clients of their cells wait for an election.
	// +optional
	// +kubebuilder:default=Wait
	EvictLeaderTimeoutPolicy EvictLeaderTimeoutPolicy `json:"evictLeaderTimeoutPolicy,omitempty"`

	// TopologyKeys name the node labels by whose values stores are kept apart, the widest first. A label that no node has is passed over.
	// Default: topology.kubernetes.io/zone and kubernetes.io/hostname. The scheduler of the cell-operator chart holds to them strictly;
	// with any other the operator writes them as topologySpreadConstraints, which are a preference.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=316
	TopologyKeys []string `json:"topologyKeys,omitempty"`

	// Failover bounds the replacement of dead stores.
	// +optional
	Failover *FailoverSpec `json:"failover,omitempty"`
}

// EvictLeaderTimeoutPolicy is Wait or Proceed.
//
// +kubebuilder:validation:Enum=Wait;Proceed
type EvictLeaderTimeoutPolicy string

const (
	// EvictWait does not stop a store while it leads cells that others could lead.
	EvictWait EvictLeaderTimeoutPolicy = "Wait"
	// EvictProceed stops it when the time is up.
	EvictProceed EvictLeaderTimeoutPolicy = "Proceed"
)

// LocationLabels name node labels.
type LocationLabels struct {
	// Zone names the node label whose value is a store's zone.
	// +optional
	// +kubebuilder:default="topology.kubernetes.io/zone"
	// +kubebuilder:validation:MaxLength=316
	Zone string `json:"zone,omitempty"`

	// Rack names the node label whose value is a store's rack. Empty means the node's name.
	// +optional
	// +kubebuilder:validation:MaxLength=316
	Rack string `json:"rack,omitempty"`
}

// InitialCells are the cells at the birth of a cluster.
type InitialCells struct {
	// Count is the number of cells. With 1 cell keys are placed in their order, with more by their hash.
	// +optional
	// +kubebuilder:default=8
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4096
	Count int32 `json:"count,omitempty"`

	// Capacity of a cell in bytes; a cell that grows beyond it is split.
	// +optional
	// +kubebuilder:default=67108864
	// +kubebuilder:validation:Minimum=1048576
	Capacity int64 `json:"capacity,omitempty"`
}

// StoreConfig is what a store takes as flags; a change restarts the stores one by one.
type StoreConfig struct {
	// SyncLog writes the raft log through to the disk before a write is acknowledged. Without it a crash of a machine can lose acknowledged writes.
	// +optional
	// +kubebuilder:default=true
	SyncLog *bool `json:"syncLog,omitempty"`

	// LogLevel of the stores.
	// +optional
	// +kubebuilder:default=info
	LogLevel LogLevel `json:"logLevel,omitempty"`

	// CellCapacity is the size in bytes above which a cell is split. Default: initialCells.capacity.
	// +optional
	// +kubebuilder:validation:Minimum=1048576
	CellCapacity *int64 `json:"cellCapacity,omitempty"`

	// StoreHeartbeatInterval is the time between two reports of a store to PD. Default 5s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	StoreHeartbeatInterval *metav1.Duration `json:"storeHeartbeatInterval,omitempty"`

	// CellHeartbeatInterval is the time between two reports of a cell to PD; a cell's leader moves once a report. Default 2s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	CellHeartbeatInterval *metav1.Duration `json:"cellHeartbeatInterval,omitempty"`

	// RaftTickInterval is raft's clock; an election takes about ten. Default 80ms.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	RaftTickInterval *metav1.Duration `json:"raftTickInterval,omitempty"`

	// PeerDownTime is how long a replica must be silent before its cell reports it as down. Default 5m.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	PeerDownTime *metav1.Duration `json:"peerDownTime,omitempty"`
}

// ProxySpec describes the proxies.
type ProxySpec struct {
	ComponentSpec `json:",inline"`

	// Replicas is the number of proxies. With autoscaling it only counts at creation.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Replicas int32 `json:"replicas"`

	// StorageClassName has no effect, proxies have no volume; kept since the original operator had it.
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`

	// Service describes the Service that clients use.
	// +optional
	Service *ServiceSpec `json:"service,omitempty"`

	// Config is the proxies' configuration.
	// +optional
	Config *ProxyConfig `json:"config,omitempty"`

	// Failover has no effect: Kubernetes replaces proxies by itself.
	// +optional
	Failover *FailoverSpec `json:"failover,omitempty"`

	// Autoscaling lets the load choose the number of proxies.
	// +optional
	Autoscaling *AutoscalingSpec `json:"autoscaling,omitempty"`
}

// ProxyConfig is the proxies' configuration; a change restarts them.
type ProxyConfig struct {
	// LogLevel of the proxies.
	// +optional
	// +kubebuilder:default=info
	LogLevel LogLevel `json:"logLevel,omitempty"`

	// MaxRetries of a request. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxRetries *int32 `json:"maxRetries,omitempty"`

	// RetryDuration is the time between two retries. Default 2s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s') && duration(self) < duration('9000h')",message="must be a duration above 0 and below 9000h, such as 5s or 1m30s"
	RetryDuration *metav1.Duration `json:"retryDuration,omitempty"`

	// WorkerCount is the number of connections to each store, a power of two. Default 2.
	// +optional
	// +kubebuilder:validation:Enum=1;2;4;8;16;32;64;128
	WorkerCount *int32 `json:"workerCount,omitempty"`

	// SupportCMDs are the Redis commands that clients may use; the proxy refuses all others. Default: all that Elasticell has.
	// +optional
	// +kubebuilder:validation:MaxItems=512
	// +kubebuilder:validation:items:MaxLength=32
	SupportCMDs []string `json:"supportCMDs,omitempty"`
}

// AutoscalingSpec becomes a HorizontalPodAutoscaler of the proxies.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",message="spec.proxy.autoscaling.minReplicas is above maxReplicas; lower minReplicas or raise maxReplicas"
type AutoscalingSpec struct {
	// MinReplicas is the least number of proxies. Default 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// MaxReplicas is the greatest number of proxies.
	// +kubebuilder:validation:Minimum=1
	MaxReplicas int32 `json:"maxReplicas"`

	// Metrics that the number follows. Default: 80 % of the requested CPU.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	Metrics []autoscalingv2.MetricSpec `json:"metrics,omitempty"`

	// Behavior bounds how fast the number changes.
	// +optional
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`
}
