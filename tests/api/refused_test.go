// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// refusal is an edit that the API server must refuse, with a message that names
// the field and says what to do.
type refusal struct {
	name string
	edit edit
	// field and says are both part of the message.
	field, says string
}

var refusedNew = []refusal{
	{"no pd", drop("spec.pd"), "spec.pd", "Required value"},
	{"no image", drop("spec.pd.image"), "spec.pd.image", "Required value"},
	{"empty image", set("spec.store.image", `""`), "spec.store.image", "set it to the image that holds the component's program"},
	{"image is a number", set("spec.proxy.image", "5"), "spec.proxy.image", "must be of type string"},
	{"no replicas", drop("spec.pd.replicas"), "spec.pd.replicas", "Required value"},
	{"0 PDs", set("spec.pd.replicas", "0"), "spec.pd.replicas", "greater than or equal to 1"},
	{"10 PDs", set("spec.pd.replicas", "10"), "spec.pd.replicas", "less than or equal to 9"},
	{"-1 proxies", set("spec.proxy.replicas", "-1"), "spec.proxy.replicas", "greater than or equal to 0"},
	{"fewer stores than replicas", set("spec.store.replicas", "2"), "spec.store.replicas", "raise spec.store.replicas or lower spec.pd.config.maxReplicas"},
	{"more replicas than stores", set("spec.pd.config", "{maxReplicas: 5}"), "spec.store.replicas", "raise spec.store.replicas or lower spec.pd.config.maxReplicas"},
	{"0 replicas", set("spec.pd.config", "{maxReplicas: 0}"), "spec.pd.config.maxReplicas", "greater than or equal to 1"},
	{"bad CPU", set("spec.pd.requests", "{cpu: lots}"), "spec.pd.requests.cpu", "lots"},
	{"bad memory", set("spec.store.limits", "{memory: 2 GB}"), "spec.store.limits.memory", "2 GB"},
	{"bad storage", set("spec.store.requests", "{storage: 10Gb}"), "spec.store.requests.storage", "10Gb"},
	{"unknown service type", set("spec.services", "[{name: proxy, type: Public}]"), "spec.services[0].type", `supported values: "ClusterIP", "NodePort", "LoadBalancer"`},
	{"unknown service", set("spec.services", "[{name: redis}]"), "spec.services[0].name", `supported values: "pd", "store", "proxy"`},
	{"unknown type of a component's service", set("spec.proxy.service", "{type: ExternalName}"), "spec.proxy.service.type", "supported values"},
	{"service twice", set("spec.services", "[{name: pd}, {name: proxy}, {name: pd}]"), "spec.services", "keep one entry for each of pd, store and proxy"},
	{"long name", set("metadata.name", strings.Repeat("a", 41)), "metadata.name", "choose a shorter or simpler name"},
	{"capitals", set("metadata.name", "Demo"), "metadata.name", "lowercase"},
	{"leading digit", set("metadata.name", "1demo"), "metadata.name", "begins with a letter"},
	{"dots", set("metadata.name", "demo.prod"), "metadata.name", "must be a DNS label"},
	{"3 workers", set("spec.proxy.config", "{workerCount: 3}"), "spec.proxy.config.workerCount", `supported values: "1", "2", "4", "8", "16"`},
	{"min above max", set("spec.proxy.autoscaling", "{minReplicas: 3, maxReplicas: 2}"), "spec.proxy.autoscaling", "lower minReplicas or raise maxReplicas"},
	{"autoscaling without a maximum", set("spec.proxy.autoscaling", "{}"), "spec.proxy.autoscaling.maxReplicas", "Required value"},
	{"unknown reclaim policy", set("spec.pvReclaimPolicy", "Keep"), "spec.pvReclaimPolicy", `supported values: "Retain", "Delete", "Recycle"`},
	{"unknown log level", set("spec.store.config", "{logLevel: loud}"), "spec.store.config.logLevel", "supported values"},
	{"0 cells", set("spec.store.initialCells", "{count: 0}"), "spec.store.initialCells.count", "greater than or equal to 1"},
	{"tiny cells", set("spec.store.initialCells", "{capacity: 1}"), "spec.store.initialCells.capacity", "greater than or equal to 1048576"},
	{"bad duration", set("spec.pd.config", "{leaderLease: soon}"), "spec.pd.config.leaderLease", "soon"},
	{"negative duration", set("spec.pd.config", "{leaderLease: -5s}"), "spec.pd.config.leaderLease", "above 0"},
	{"zero heartbeat", set("spec.store.config", "{storeHeartbeatInterval: 0s}"), "spec.store.config.storeHeartbeatInterval", "above 0"},
	{"negative storage", set("spec.store.requests", "{storage: -1Gi}"), "spec.store.requests.storage", "above 0"},
	{"node port out of range", set("spec.proxy.service", "{type: NodePort, nodePort: 70000}"), "spec.proxy.service.nodePort", "less than or equal to 65535"},
	{"unknown pull policy", set("spec.pd.imagePullPolicy", "Sometimes"), "spec.pd.imagePullPolicy", "supported values"},
	{"no time to stop", set("spec.pd.terminationGracePeriodSeconds", "0"), "spec.pd.terminationGracePeriodSeconds", "greater than or equal to 1"},
}

func TestRefusedNew(t *testing.T) {
	ns := namespace(t)
	for _, test := range refusedNew {
		t.Run(test.name, func(t *testing.T) {
			o := parse(t, smallest)
			test.edit(t, o)
			_, err := cellClusters(ns).Create(t.Context(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			test.check(t, err)
		})
	}
}

func (r *refusal) check(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	assert.True(t, apierrors.IsInvalid(err), "%v", err)
	assert.ErrorContains(t, err, r.field)
	assert.ErrorContains(t, err, r.says)
}

func TestUnknownFieldsAreNamed(t *testing.T) {
	ns := namespace(t)
	o := parse(t, smallest)
	set("spec.pd.replica", "3")(t, o)
	_, err := cellClusters(ns).Create(t.Context(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	assert.ErrorContains(t, err, `unknown field "spec.pd.replica"`)
}

var refusedEdits = []refusal{
	{"shrinking PD's volume", set("spec.pd.requests.storage", "1Gi"), "spec.pd.requests.storage", "set it back to the size that the volumes have, or more"},
	{"shrinking the stores' volume", set("spec.store.requests.storage", "10G"), "spec.store.requests.storage", "set it back to the size that the volumes have, or more"},
	{"no size any more", drop("spec.store.requests"), "spec.store.requests.storage", "set it back to the size that the volumes have, or more"},
	{"another class", set("spec.store.storageClassName", "slow"), "spec.store.storageClassName", "create a new cluster with the other class"},
	{"no class any more", drop("spec.pd.storageClassName"), "spec.pd.storageClassName", "create a new cluster with the other class"},
	{"other initial cells", set("spec.store.initialCells.count", "8"), "spec.store.initialCells", "create a new cluster and copy the data"},
	{"other capacity of initial cells", set("spec.store.initialCells.capacity", "134217728"), "spec.store.initialCells", "create a new cluster and copy the data"},
	{"the default initial cells", drop("spec.store.initialCells"), "spec.store.initialCells", "create a new cluster and copy the data"},
	{"fewer stores than replicas", set("spec.store.replicas", "2"), "spec.store.replicas", "raise spec.store.replicas"},
	{"no PD", set("spec.pd.replicas", "0"), "spec.pd.replicas", "greater than or equal to 1"},
}

var allowedEdits = []struct {
	name string
	edit edit
}{
	{"image", set("spec.store.image", "store:2")},
	{"more stores", set("spec.store.replicas", "5")},
	{"more PDs", set("spec.pd.replicas", "5")},
	{"fewer PDs", set("spec.pd.replicas", "1")},
	{"an even number of PDs", set("spec.pd.replicas", "4")},
	{"no proxies", set("spec.proxy.replicas", "0")},
	{"larger volumes", both(set("spec.pd.requests.storage", "3Gi"), set("spec.store.requests.storage", "1Ti"))},
	{"the same size in other words", set("spec.store.requests.storage", "10240Mi")},
	{"resources", both(set("spec.pd.requests.cpu", "2"), set("spec.pd.limits", `{cpu: "1.5", memory: 1e9}`))},
	{"fewer replicas", both(set("spec.pd.config", "{maxReplicas: 1}"), set("spec.store.replicas", "1"))},
	{"paused", set("spec.paused", "true")},
	{"service", set("spec.proxy.service", "{type: NodePort, nodePort: 30001, annotations: {a: b}}")},
	{"reclaim policy", set("spec.pvReclaimPolicy", "Delete")},
	{"scheduler", set("spec.schedulerName", "other")},
	{"durations", set("spec.store.config", "{storeHeartbeatInterval: 1m30s, raftTickInterval: 50ms}")},
	{"autoscaling", set("spec.proxy.autoscaling", "{minReplicas: 2, maxReplicas: 2}")},
	{"a label on the cluster itself", set("metadata.labels", "{a: b}")},
}

func TestEdits(t *testing.T) {
	ns := namespace(t)
	live := create(t, ns, typical)
	dry := metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}}
	for _, test := range refusedEdits {
		t.Run("refused: "+test.name, func(t *testing.T) {
			o := live.DeepCopy()
			test.edit(t, o)
			_, err := cellClusters(ns).Update(t.Context(), o, dry)
			test.check(t, err)
		})
	}
	for _, test := range allowedEdits {
		t.Run("allowed: "+test.name, func(t *testing.T) {
			o := live.DeepCopy()
			test.edit(t, o)
			_, err := cellClusters(ns).Update(t.Context(), o, dry)
			assert.NoError(t, err)
		})
	}
}
