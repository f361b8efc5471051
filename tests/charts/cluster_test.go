// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
)

func renderCluster(t *testing.T, values string) v1alpha1.CellCluster {
	t.Helper()
	return decode[v1alpha1.CellCluster](t, one(t, render(t, clusterChart, values), "CellCluster"))
}

func TestClusterDefaults(t *testing.T) {
	c := renderCluster(t, "")
	assert.Equal(t, "demo", c.Name)
	assert.Equal(t, "cell", c.Namespace)
	assert.EqualValues(t, 3, c.Spec.PD.Replicas)
	assert.EqualValues(t, 3, c.Spec.Store.Replicas)
	assert.EqualValues(t, 2, c.Spec.Proxy.Replicas)
	assert.Equal(t, "local-storage", *c.Spec.PD.StorageClassName)
	assert.Equal(t, "1Gi", c.Spec.PD.Requests.Storage.String())
	assert.Equal(t, "10Gi", c.Spec.Store.Requests.Storage.String())
	assert.True(t, *c.Spec.Store.Config.SyncLog)
}

// TestClusterDefaultsAreTheOperators: what the chart sets by default beyond the
// original's values is what the operator would choose itself.
func TestClusterDefaultsAreTheOperators(t *testing.T) {
	got := renderCluster(t, "")
	bare := got.DeepCopy()
	bare.Spec.Timezone, bare.Spec.PVReclaimPolicy = "", ""
	bare.Spec.PD.Config, bare.Spec.Store.Config, bare.Spec.Proxy.Config = nil, nil, nil
	bare.Spec.Store.InitialCells, bare.Spec.Store.LocationLabels, bare.Spec.Store.EvictLeaderTimeout = nil, nil, nil
	for _, s := range []*v1alpha1.ComponentSpec{&bare.Spec.PD.ComponentSpec, &bare.Spec.Store.ComponentSpec, &bare.Spec.Proxy.ComponentSpec} {
		s.ImagePullPolicy, s.NodeSelectorRequired = "", nil
	}
	v1alpha1.SetDefaults(&got)
	v1alpha1.SetDefaults(bare)
	assert.Equal(t, *bare, got)
}

// ineffective are fields without effect, which the chart therefore lacks. PD and
// stores may set limits.storage, as in the original's values.
var ineffective = []string{
	"spec.proxy.storageClassName", "spec.proxy.failover",
	"spec.proxy.requests.storage", "spec.proxy.limits.storage",
}

// TestEveryFieldCanBeSet: testdata/cell-cluster.full.yaml sets every value, and
// with that every field of the types is set. A new field of the API fails here
// until the chart has it.
func TestEveryFieldCanBeSet(t *testing.T) {
	c := renderCluster(t, readTestdata(t, "cell-cluster.full.yaml"))
	requireSet(t, "spec", reflect.ValueOf(c.Spec))
}

// requireSet fails for each field below v that is empty, within the project's own types.
func requireSet(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type().PkgPath() != reflect.TypeFor[v1alpha1.CellCluster]().PkgPath() {
		return
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field := strings.TrimSuffix(path+"."+name, ".")
		if slices.Contains(ineffective, field) {
			continue
		}
		assert.False(t, v.Field(i).IsZero(), "%s is not set by the chart", field)
		requireSet(t, field, v.Field(i))
	}
}

func TestClusterMapping(t *testing.T) {
	c := renderCluster(t, readTestdata(t, "cell-cluster.full.yaml"))
	s := c.Spec
	assert.Equal(t, "full", c.Name)
	assert.Equal(t, v1alpha1.LogLevel("debug"), s.PD.Config.LogLevel)
	assert.EqualValues(t, 5, *s.PD.Config.MaxReplicas)
	assert.Equal(t, 30*time.Minute, s.PD.Config.MaxStoreDownTime.Duration)
	assert.Equal(t, 3*time.Second, s.PD.Config.LeaderLease.Duration)
	assert.Zero(t, *s.PD.Config.Limits.Replica, "0 is a value")
	assert.False(t, *s.PD.Failover.Enabled, "false is a value")
	assert.False(t, *s.PD.NodeSelectorRequired)
	assert.False(t, *s.Store.Config.SyncLog)
	assert.EqualValues(t, 1<<40, s.Store.InitialCells.Capacity, "big numbers stay whole")
	assert.EqualValues(t, 128<<20, *s.Store.Config.CellCapacity)
	assert.Equal(t, 90*time.Second, s.Store.Config.CellHeartbeatInterval.Duration)
	assert.Equal(t, "500m", s.Store.Requests.CPU.String())
	assert.Equal(t, "2", s.PD.Limits.CPU.String())
	assert.Equal(t, "1G", s.Store.Requests.Memory.String())
	assert.Equal(t, v1alpha1.ServiceType("LoadBalancer"), s.Proxy.Service.Type)
	assert.EqualValues(t, 8, *s.Proxy.Config.WorkerCount)
}

// TestEmptyValuesLeaveFieldsOut: an empty value means the operator's default, so
// it must not reach the CellCluster.
func TestEmptyValuesLeaveFieldsOut(t *testing.T) {
	c := renderCluster(t, `
services: []
pd: {storageClassName: "", resources: {}, service: {nodePort: null}, terminationGracePeriodSeconds: null}
store: {storageClassName: null, locationLabels: {zone: ""}, initialCells: null, config: {}}
proxy: {config: {}, autoscaling: {}, service: {type: ""}}
`)
	assert.Nil(t, c.Spec.Services)
	assert.Nil(t, c.Spec.PD.StorageClassName)
	assert.Nil(t, c.Spec.PD.Service)
	assert.Nil(t, c.Spec.PD.TerminationGracePeriodSeconds)
	assert.Nil(t, c.Spec.PD.Affinity)
	assert.Nil(t, c.Spec.Store.StorageClassName)
	assert.Nil(t, c.Spec.Store.LocationLabels)
	assert.Nil(t, c.Spec.Store.InitialCells)
	assert.Nil(t, c.Spec.Proxy.Service)
	assert.Nil(t, c.Spec.Proxy.Autoscaling)
}

func TestClusterNotes(t *testing.T) {
	cases := []struct {
		name, values, want string
	}{
		{"default", "", "port-forward service/demo-proxy 6379:6379"},
		{"node port", "proxy: {service: {type: NodePort}}", ".nodePort}"},
		{"load balancer by services", "services: [{name: proxy, type: LoadBalancer}]", "status.loadBalancer.ingress"},
		{"own type wins", "{services: [{name: proxy, type: LoadBalancer}], proxy: {service: {type: ClusterIP}}}", "port-forward"},
		{"type left out", "services: [{name: proxy}]", "port-forward"},
		{"paused", "paused: true", "is paused"},
		{"name", "clusterName: other", "kubectl --namespace=cell wait cc/other"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, err := renderFiles(clusterChart, c.values)
			require.NoError(t, err)
			assert.Contains(t, files["NOTES.txt"], c.want)
		})
	}
}
