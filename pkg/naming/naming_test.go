// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package naming_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	. "github.com/deepfabric/elasticell-operator/pkg/naming"
)

func TestNames(t *testing.T) {
	assert.Equal(t, "demo-pd", Member("demo", PD))
	assert.Equal(t, "demo-store-peer", PeerService("demo", Store))
	assert.Equal(t, "demo-proxy", Service("demo", Proxy))
	assert.Equal(t, "demo-start", StartConfigMap("demo"))
	assert.Equal(t, "demo-store-12", Pod("demo", Store, 12))
	assert.Equal(t, "data-demo-store-12", Claim("demo", Store, 12))
	assert.Equal(t, "demo-pd-0.demo-pd-peer.ns.svc", Host("ns", "demo", PD, "demo-pd-0"))
	assert.Equal(t, "demo-pd.ns.svc", ServiceHost("ns", "demo", PD))
	assert.Equal(t, []Component{PD, Store, Proxy}, Components())
}

// No two clusters of different names share a name of any object, though one's
// name may begin like the other's.
func TestNamesDoNotCollide(t *testing.T) {
	owner := map[string]string{}
	for _, cluster := range []string{"a", "a-pd", "a-pd-peer", "a-start", "a-store", "a-store-0", "a-proxy"} {
		names := map[string]string{}
		for _, c := range Components() {
			names["StatefulSet "+Member(cluster, c)] = cluster
			names["Service "+PeerService(cluster, c)] = cluster
			names["Service "+Service(cluster, c)] = cluster
			names["Pod "+Pod(cluster, c, 0)] = cluster
			names["Claim "+Claim(cluster, c, 0)] = cluster
		}
		names["ConfigMap "+StartConfigMap(cluster)] = cluster
		for name := range names {
			assert.Empty(t, owner[name], "%s is of %s and of %s", name, owner[name], cluster)
			owner[name] = cluster
		}
	}
}

// The longest name that the schema lets pass leaves room for all that is added to it.
func TestLongestNames(t *testing.T) {
	const longest, greatest = 40, 1000
	cluster := strings.Repeat("c", longest)
	for _, c := range Components() {
		for _, name := range []string{PeerService(cluster, c), Service(cluster, c)} {
			assert.Empty(t, validation.IsDNS1035Label(name), name)
		}
		// A StatefulSet's pods carry their name in a label, and the name with a hash of the template in another.
		assert.Empty(t, validation.IsValidLabelValue(Pod(cluster, c, greatest)))
		assert.Empty(t, validation.IsValidLabelValue(Member(cluster, c)+"-1234567890"))
		assert.Empty(t, validation.IsDNS1123Subdomain(Claim(cluster, c, greatest)))
	}
	for key := range Labels(cluster, PD) {
		assert.Empty(t, validation.IsQualifiedName(key))
	}
	for _, key := range []string{AnnotationAppliedHash, AnnotationRestartHash, AnnotationHeartbeat, AnnotationZone, AnnotationRack, LabelMemberID, LabelStoreID, LabelClusterID} {
		assert.Empty(t, validation.IsQualifiedName(key))
	}
}

func TestOrdinal(t *testing.T) {
	tests := map[string]struct {
		ordinal int32
		ok      bool
	}{
		"demo-pd-0":                {0, true},
		"demo-store-117":           {117, true},
		"data-demo-store-2":        {2, true},
		"demo-pd-2147483647":       {2147483647, true},
		"demo-pd-2147483648":       {0, false},
		"demo-pd-00":               {0, false},
		"demo-pd-07":               {0, false},
		"demo-pd-+1":               {0, false},
		"demo-pd-":                 {0, false},
		"demo-pd":                  {0, false},
		"demo":                     {0, false},
		"":                         {0, false},
		"demo-proxy-7c9d8f6b5-x2x": {0, false},
	}
	for name, want := range tests {
		ordinal, ok := Ordinal(name)
		assert.Equal(t, want.ok, ok, name)
		assert.Equal(t, want.ordinal, ordinal, name)
	}
}

func TestPodOfHost(t *testing.T) {
	tests := map[string]string{
		"demo-store-0.demo-store-peer.ns.svc:10800":               "demo-store-0",
		"demo-store-0.demo-store-peer.ns.svc":                     "demo-store-0",
		"demo-store-0.demo-store-peer.ns.svc.cluster.local:10800": "demo-store-0",
		"10.244.1.7:10800":                                        "",
		"localhost:10800":                                         "",
		":10800":                                                  "",
		"":                                                        "",
	}
	for address, pod := range tests {
		assert.Equal(t, pod, PodOfHost(address), address)
	}
	assert.Equal(t, "demo-pd-1", PodOfHost(Host("ns", "demo", PD, "demo-pd-1")))
}

func TestLabels(t *testing.T) {
	for _, c := range Components() {
		all, selector := Labels("demo", c), SelectorLabels("demo", c)
		for key, value := range selector {
			assert.Equal(t, value, all[key], "the selector of %s must select what is labelled", c)
		}
		assert.NotEqual(t, SelectorLabels("other", c), selector, "clusters do not select each other's pods")
		assert.Equal(t, ManagedBy, all[LabelManagedBy])
	}
	assert.NotContains(t, Labels("demo", ""), LabelComponent)
	assert.Equal(t, "demo", Labels("demo", "")[LabelInstance])
}

// The launcher is a program of its own and spells these for itself.
func TestLauncherAgrees(t *testing.T) {
	assert.Equal(t, AnnotationZone, launch.ZoneAnnotation)
	assert.Equal(t, AnnotationRack, launch.RackAnnotation)
	assert.Equal(t, StartDir, launch.StartDir)
	assert.Equal(t, PodInfoDir+"/annotations", launch.AnnotationsPath)
	assert.EqualValues(t, PD, launch.PD)
	assert.EqualValues(t, Store, launch.Store)
	assert.EqualValues(t, Proxy, launch.Proxy)
	assert.True(t, strings.HasPrefix(LauncherPath, LauncherDir+"/"))
	assert.True(t, strings.HasPrefix(DataDir, StateDir+"/"), "a store's data directory must be empty at its first start, so what is remembered stands beside it")
}
