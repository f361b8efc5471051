// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/randfill"

	. "github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
)

func TestSetDefaults(t *testing.T) {
	c := &CellCluster{}
	SetDefaults(c)
	s := c.Spec

	assert.Equal(t, "UTC", s.Timezone)
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, s.PVReclaimPolicy)
	assert.False(t, s.EnablePVReclaim, "no data is deleted unless asked")
	for name, component := range map[string]ComponentSpec{"pd": s.PD.ComponentSpec, "store": s.Store.ComponentSpec, "proxy": s.Proxy.ComponentSpec} {
		assert.Equal(t, corev1.PullIfNotPresent, component.ImagePullPolicy, name)
		assert.True(t, *component.NodeSelectorRequired, name)
	}
	assert.EqualValues(t, 30, *s.PD.TerminationGracePeriodSeconds)
	assert.EqualValues(t, 30, *s.Store.TerminationGracePeriodSeconds)
	assert.EqualValues(t, 30, *s.Proxy.TerminationGracePeriodSeconds, "a proxy drains meanwhile")

	assert.Equal(t, &PDConfig{
		MaxReplicas:      new(int32(3)),
		MaxStoreDownTime: &metav1.Duration{Duration: time.Hour},
		LeaderLease:      &metav1.Duration{Duration: 5 * time.Second},
		StorageThreshold: new(int32(80)),
		LogLevel:         "info",
	}, s.PD.Config)
	assert.Equal(t, &StoreConfig{
		SyncLog:                new(true),
		LogLevel:               "info",
		CellCapacity:           new(int64(64 << 20)),
		StoreHeartbeatInterval: &metav1.Duration{Duration: 5 * time.Second},
		CellHeartbeatInterval:  &metav1.Duration{Duration: 2 * time.Second},
		RaftTickInterval:       &metav1.Duration{Duration: 80 * time.Millisecond},
		PeerDownTime:           &metav1.Duration{Duration: 5 * time.Minute},
	}, s.Store.Config)
	assert.Equal(t, &InitialCells{Count: 8, Capacity: 64 << 20}, s.Store.InitialCells)
	assert.Equal(t, &LocationLabels{Zone: "topology.kubernetes.io/zone"}, s.Store.LocationLabels)
	assert.Equal(t, 10*time.Minute, s.Store.EvictLeaderTimeout.Duration)
	assert.Equal(t, &ProxyConfig{
		LogLevel:      "info",
		MaxRetries:    new(int32(100)),
		RetryDuration: &metav1.Duration{Duration: 2 * time.Second},
		WorkerCount:   new(int32(2)),
	}, s.Proxy.Config)
	failover := &FailoverSpec{Enabled: new(true), Period: &metav1.Duration{Duration: 5 * time.Minute}, MaxFailoverCount: new(int32(3))}
	assert.Equal(t, failover, s.PD.Failover)
	assert.Equal(t, failover, s.Store.Failover)
	assert.Nil(t, s.Proxy.Autoscaling)
	assert.Nil(t, s.PD.StorageClassName, "nil is the default class; an empty name is not")
	assert.Nil(t, s.PD.Service)
}

func TestSetDefaultsFollowOtherFields(t *testing.T) {
	tests := map[string]struct {
		set  func(*CellClusterSpec)
		want func(*testing.T, *CellClusterSpec)
	}{
		"a cell is split at its initial capacity": {
			func(s *CellClusterSpec) { s.Store.InitialCells = &InitialCells{Capacity: 1 << 30} },
			func(t *testing.T, s *CellClusterSpec) {
				assert.EqualValues(t, 1<<30, *s.Store.Config.CellCapacity)
				assert.EqualValues(t, 8, s.Store.InitialCells.Count)
			},
		},
		"a service without a type": {
			func(s *CellClusterSpec) { s.Services = []Service{{Name: "pd"}, {Name: "proxy", Type: "NodePort"}} },
			func(t *testing.T, s *CellClusterSpec) {
				assert.Equal(t, []Service{{Name: "pd", Type: "ClusterIP"}, {Name: "proxy", Type: "NodePort"}}, s.Services)
			},
		},
		"autoscaling without a least number": {
			func(s *CellClusterSpec) { s.Proxy.Autoscaling = &AutoscalingSpec{MaxReplicas: 5} },
			func(t *testing.T, s *CellClusterSpec) { assert.EqualValues(t, 1, *s.Proxy.Autoscaling.MinReplicas) },
		},
		"false is a value": {
			func(s *CellClusterSpec) {
				s.Store.Config = &StoreConfig{SyncLog: new(false)}
				s.PD.NodeSelectorRequired = new(false)
				s.PD.Failover = &FailoverSpec{Enabled: new(false)}
			},
			func(t *testing.T, s *CellClusterSpec) {
				assert.False(t, *s.Store.Config.SyncLog)
				assert.False(t, *s.PD.NodeSelectorRequired)
				assert.False(t, *s.PD.Failover.Enabled)
			},
		},
		"zero behind a pointer is a value": {
			func(s *CellClusterSpec) {
				s.Proxy.Config = &ProxyConfig{MaxRetries: new(int32(0)), RetryDuration: &metav1.Duration{}}
				s.Store.Failover = &FailoverSpec{MaxFailoverCount: new(int32(0))}
			},
			func(t *testing.T, s *CellClusterSpec) {
				assert.Zero(t, *s.Proxy.Config.MaxRetries)
				assert.Zero(t, s.Proxy.Config.RetryDuration.Duration)
				assert.Zero(t, *s.Store.Failover.MaxFailoverCount)
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := &CellCluster{}
			test.set(&c.Spec)
			SetDefaults(c)
			test.want(t, &c.Spec)
		})
	}
}

// Over random objects: twice is as once, nothing that is set changes, and
// nothing outside of the spec is touched.
func FuzzSetDefaults(f *testing.F) {
	for seed := range int64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed int64) {
		before := randomCluster(seed)
		once := before.DeepCopy()
		SetDefaults(once)
		twice := once.DeepCopy()
		SetDefaults(twice)
		require.Equal(t, once, twice, "SetDefaults is idempotent")
		require.Empty(t, changed("", reflect.ValueOf(*before), reflect.ValueOf(*once)), "SetDefaults changes only what is empty")
		require.Equal(t, before.ObjectMeta, once.ObjectMeta)
		require.Equal(t, before.Status, once.Status)
	})
}

// changed lists the fields that are set in before and differ in after.
func changed(path string, before, after reflect.Value) []string {
	if before.IsZero() {
		return nil
	}
	switch before.Kind() {
	case reflect.Struct:
		if _, opaque := before.Interface().(resource.Quantity); opaque {
			break
		}
		var out []string
		for i := range before.NumField() {
			if before.Type().Field(i).IsExported() {
				out = append(out, changed(path+"."+before.Type().Field(i).Name, before.Field(i), after.Field(i))...)
			}
		}
		return out
	case reflect.Pointer:
		if after.IsNil() {
			return []string{path}
		}
		return changed(path, before.Elem(), after.Elem())
	case reflect.Slice:
		if before.Len() != after.Len() {
			return []string{path}
		}
		var out []string
		for i := range before.Len() {
			out = append(out, changed(path+"[]", before.Index(i), after.Index(i))...)
		}
		return out
	}
	if !reflect.DeepEqual(before.Interface(), after.Interface()) {
		return []string{path}
	}
	return nil
}

// randomCluster fills about half of all fields with values that survive JSON.
func randomCluster(seed int64) *CellCluster {
	c := &CellCluster{}
	randfill.NewWithSeed(seed).NilChance(0.5).NumElements(0, 3).MaxDepth(12).Funcs(
		func(q *resource.Quantity, r randfill.Continue) {
			*q = *resource.NewQuantity(r.Int63n(1<<40), resource.BinarySI)
		},
		func(d *metav1.Duration, r randfill.Continue) { d.Duration = time.Duration(r.Int63n(1 << 40)) },
		func(now *metav1.Time, r randfill.Continue) { now.Time = time.Unix(r.Int63n(1<<31), 0).Local() },
		func(m *metav1.TypeMeta, r randfill.Continue) {
			*m = metav1.TypeMeta{APIVersion: SchemeGroupVersion.String(), Kind: Kind}
		},
		func(m *metav1.FieldsV1, r randfill.Continue) { m.SetRawBytes([]byte("{}")) },
		func(m *autoscalingv2.MetricSpec, r randfill.Continue) {
			m.Type = autoscalingv2.ResourceMetricSourceType
		},
	).Fill(c)
	return c
}
