// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Defaults of fields that a user left empty. The schema sets those that it
// can; all of them are set again in memory, for objects that were stored
// before a field existed.
const (
	DefaultTimezone               = "UTC"
	DefaultMaxReplicas            = int32(3)
	DefaultMaxStoreDownTime       = time.Hour
	DefaultLeaderLease            = 5 * time.Second
	DefaultStorageThreshold       = int32(80)
	DefaultInitialCells           = int32(8)
	DefaultCellCapacity           = int64(64 << 20)
	DefaultStoreHeartbeat         = 5 * time.Second
	DefaultCellHeartbeat          = 2 * time.Second
	DefaultRaftTick               = 80 * time.Millisecond
	DefaultPeerDownTime           = 5 * time.Minute
	DefaultEvictLeaderTimeout     = 10 * time.Minute
	DefaultEvictTimeoutPolicy     = EvictWait
	DefaultLocationZoneLabel      = corev1.LabelTopologyZone
	DefaultFailoverPeriod         = 5 * time.Minute
	DefaultMaxFailoverCount       = int32(3)
	DefaultProxyRetries           = int32(100)
	DefaultProxyRetryDuration     = 2 * time.Second
	DefaultProxyWorkers           = int32(2)
	DefaultStopGraceSeconds       = int64(30)
	DefaultLogLevel               = LogLevel("info")
	DefaultPVReclaimPolicy        = corev1.PersistentVolumeReclaimRetain
	DefaultServiceType            = ServiceType(corev1.ServiceTypeClusterIP)
	defaultNodeSelectorRequired   = true
	defaultFailoverEnabled        = true
	defaultSyncLog                = true
	defaultImagePullPolicy        = corev1.PullIfNotPresent
	defaultAutoscalingMinReplicas = int32(1)
)

// SetDefaults fills every field that has a default and is empty. It is
// idempotent and changes nothing that a user has set.
func SetDefaults(c *CellCluster) {
	s := &c.Spec
	setIfZero(&s.Timezone, DefaultTimezone)
	setIfZero(&s.PVReclaimPolicy, DefaultPVReclaimPolicy)
	setIfNil(&s.PersistentVolumeClaimRetentionPolicy, ClaimRetentionPolicy{})
	setIfZero(&s.PersistentVolumeClaimRetentionPolicy.WhenDeleted, RetainClaims)
	for i := range s.Services {
		setIfZero(&s.Services[i].Type, DefaultServiceType)
	}
	setComponentDefaults(&s.PD.ComponentSpec, DefaultStopGraceSeconds)
	setComponentDefaults(&s.Store.ComponentSpec, DefaultStopGraceSeconds)
	setComponentDefaults(&s.Proxy.ComponentSpec, DefaultStopGraceSeconds)
	setPDDefaults(&s.PD)
	setStoreDefaults(&s.Store)
	setProxyDefaults(&s.Proxy)
}

func setComponentDefaults(s *ComponentSpec, grace int64) {
	setIfZero(&s.ImagePullPolicy, defaultImagePullPolicy)
	setIfNil(&s.NodeSelectorRequired, defaultNodeSelectorRequired)
	setIfNil(&s.TerminationGracePeriodSeconds, grace)
}

func setPDDefaults(s *PDSpec) {
	setIfNil(&s.Config, PDConfig{})
	setIfNil(&s.Config.MaxReplicas, DefaultMaxReplicas)
	setDuration(&s.Config.MaxStoreDownTime, DefaultMaxStoreDownTime)
	setDuration(&s.Config.LeaderLease, DefaultLeaderLease)
	setIfNil(&s.Config.StorageThreshold, DefaultStorageThreshold)
	setIfZero(&s.Config.LogLevel, DefaultLogLevel)
	setTopologyKeys(&s.TopologyKeys)
	setFailoverDefaults(&s.Failover)
}

func setTopologyKeys(keys *[]string) {
	if *keys == nil {
		*keys = []string{corev1.LabelTopologyZone, corev1.LabelHostname}
	}
}

func setStoreDefaults(s *StoreSpec) {
	setIfNil(&s.InitialCells, InitialCells{})
	setIfZero(&s.InitialCells.Count, DefaultInitialCells)
	setIfZero(&s.InitialCells.Capacity, DefaultCellCapacity)
	setIfNil(&s.LocationLabels, LocationLabels{})
	setIfZero(&s.LocationLabels.Zone, DefaultLocationZoneLabel)
	setIfNil(&s.Config, StoreConfig{})
	setIfNil(&s.Config.SyncLog, defaultSyncLog)
	setIfZero(&s.Config.LogLevel, DefaultLogLevel)
	setIfNil(&s.Config.CellCapacity, s.InitialCells.Capacity)
	setDuration(&s.Config.StoreHeartbeatInterval, DefaultStoreHeartbeat)
	setDuration(&s.Config.CellHeartbeatInterval, DefaultCellHeartbeat)
	setDuration(&s.Config.RaftTickInterval, DefaultRaftTick)
	setDuration(&s.Config.PeerDownTime, DefaultPeerDownTime)
	setDuration(&s.EvictLeaderTimeout, DefaultEvictLeaderTimeout)
	setIfZero(&s.EvictLeaderTimeoutPolicy, DefaultEvictTimeoutPolicy)
	setTopologyKeys(&s.TopologyKeys)
	setFailoverDefaults(&s.Failover)
}

func setProxyDefaults(s *ProxySpec) {
	setIfNil(&s.Config, ProxyConfig{})
	setIfZero(&s.Config.LogLevel, DefaultLogLevel)
	setIfNil(&s.Config.MaxRetries, DefaultProxyRetries)
	setDuration(&s.Config.RetryDuration, DefaultProxyRetryDuration)
	setIfNil(&s.Config.WorkerCount, DefaultProxyWorkers)
	if s.Autoscaling != nil {
		setIfNil(&s.Autoscaling.MinReplicas, defaultAutoscalingMinReplicas)
	}
}

func setFailoverDefaults(f **FailoverSpec) {
	setIfNil(f, FailoverSpec{})
	setIfNil(&(*f).Enabled, defaultFailoverEnabled)
	setDuration(&(*f).Period, DefaultFailoverPeriod)
	setIfNil(&(*f).MaxFailoverCount, DefaultMaxFailoverCount)
}

func setIfZero[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setIfNil[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

func setDuration(field **metav1.Duration, value time.Duration) {
	setIfNil(field, metav1.Duration{Duration: value})
}
