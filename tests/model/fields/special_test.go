// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/model/apiserver"
)

// Fields that are fixed with the creation show, and refuse every change.
func TestFixedFields(t *testing.T) {
	t.Parallel()
	values := map[string][2]string{
		"spec.pd.storageClassName":         {apiserver.Growing, apiserver.Fixed},
		"spec.store.storageClassName":      {apiserver.Fixed, apiserver.Growing},
		"spec.store.initialCells.count":    {"4", "16"},
		"spec.store.initialCells.capacity": {"33554432", "134217728"},
	}
	for i := range 2 {
		l := plane.New(t)
		l.Start(nil)
		var set apiserver.Edit = apiserver.All()
		for path, v := range values {
			set = apiserver.All(set, apiserver.Set(path, v[i]))
		}
		l.Create(apiserver.One, set)
		c := l.AwaitReady()
		assert.Len(t, l.World.PD(l.Key()).CellInfos(), []int{4, 16}[i])
		assert.EqualValues(t, []int{33554432, 134217728}[i], l.World.PD(l.Key()).Init().CellCapacity)
		for component, class := range map[string]string{"pd": *c.Spec.PD.StorageClassName, "store": *c.Spec.Store.StorageClassName} {
			claim, err := l.Kube.CoreV1().PersistentVolumeClaims(l.Namespace).Get(context.Background(), "data-demo-"+component+"-0", metav1.GetOptions{})
			require.NoError(t, err)
			assert.Equal(t, class, *claim.Spec.StorageClassName)
		}
		for path, v := range values {
			assert.ErrorContains(t, l.TryChange(apiserver.Set(path, v[1-i])), "create a new cluster", path)
			assert.ErrorContains(t, l.TryChange(apiserver.Drop(path)), "create a new cluster", "%s unset", path)
		}
	}
}

// Volumes grow, where their class lets them, and never shrink; what becomes of them is written on them.
func TestVolumeFields(t *testing.T) {
	t.Parallel()
	l := plane.New(t)
	l.Start(nil)
	l.Create(apiserver.One, apiserver.Set("spec.pd.storageClassName", apiserver.Growing), apiserver.Set("spec.store.storageClassName", apiserver.Fixed),
		apiserver.Set("spec.pd.requests", "{storage: 2Gi}"), apiserver.Set("spec.store.requests", "{storage: 3Gi}"))
	l.AwaitReady()
	size := func(component string) string {
		claim := l.Claim("demo-" + component + "-0")
		q := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		return q.String()
	}
	assert.Equal(t, []string{"2Gi", "3Gi"}, []string{size("pd"), size("store")})
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, l.Volume("demo-pd-0").Spec.PersistentVolumeReclaimPolicy)

	l.Change(apiserver.Set("spec.pd.requests.storage", "5Gi"))
	l.AwaitReady()
	assert.Equal(t, "5Gi", size("pd"))
	assert.Equal(t, "5Gi", look(t, l.State(), "StatefulSet/demo-pd:spec.volumeClaimTemplates[0].spec.resources.requests.storage", ""))
	for _, path := range []string{"spec.pd.requests", "spec.store.requests"} {
		assert.ErrorContains(t, l.TryChange(apiserver.Set(path+".storage", "1Gi")), "set it back to the size that the volumes have, or more")
		assert.ErrorContains(t, l.TryChange(apiserver.Drop(path)), "set it back to the size that the volumes have, or more")
	}
	l.Change(apiserver.Set("spec.store.requests.storage", "9Gi"))
	l.AwaitDegraded("InvalidSpec", "StorageClass "+apiserver.Fixed+" of volume claim data-demo-store-0 does not allow expansion")
	assert.Equal(t, "3Gi", size("store"))

	owners := func() int {
		return len(l.Claim("demo-pd-0").OwnerReferences) + len(l.Claim("demo-store-0").OwnerReferences)
	}
	assert.Zero(t, owners())
	for _, x := range []struct {
		policy, whenDeleted string
		owners              int
	}{{"Delete", "Delete", 2}, {"Retain", "Retain", 0}} {
		l.Change(apiserver.Set("spec.pvReclaimPolicy", x.policy), apiserver.Set("spec.persistentVolumeClaimRetentionPolicy", "{whenDeleted: "+x.whenDeleted+"}"))
		l.Until(func() bool {
			return owners() == x.owners && string(l.Volume("demo-pd-0").Spec.PersistentVolumeReclaimPolicy) == x.policy &&
				string(l.Volume("demo-store-0").Spec.PersistentVolumeReclaimPolicy) == x.policy
		}, func() string { return "claims are owned and volumes reclaimed as the spec says" })
	}
}

// A preference for nodes is one, and becomes a demand and none again.
func TestPreferredNodes(t *testing.T) {
	t.Parallel()
	l := plane.New(t)
	l.Start(nil)
	var prefer, demand, drop apiserver.Edit = apiserver.All(), apiserver.All(), apiserver.All()
	for _, c := range components {
		prefer = apiserver.All(prefer, apiserver.Set("spec."+c+".nodeSelector", "{disk: ssd}"), apiserver.Set("spec."+c+".nodeSelectorRequired", "false"))
		demand = apiserver.All(demand, apiserver.Set("spec."+c+".nodeSelectorRequired", "true"))
		drop = apiserver.All(drop, apiserver.Drop("spec."+c+".nodeSelectorRequired"))
	}
	term := apiserver.Value(t, "[{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]")
	preferred := apiserver.Value(t, "[{preference: {matchExpressions: [{key: disk, operator: In, values: [ssd]}]}, weight: 100}]")
	is := func(want any, at string) {
		t.Helper()
		l.AwaitReady()
		s := l.State()
		for _, c := range components {
			affinity := look(t, s, template+"affinity.nodeAffinity", c)
			assert.Len(t, affinity, 1)
			assert.True(t, holds(want, walkTo(affinity, at)), "%s: %v", c, affinity)
		}
	}
	const required = "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
	l.Create(apiserver.One, prefer)
	is(preferred, "preferredDuringSchedulingIgnoredDuringExecution")
	l.Change(demand)
	is(term, required)
	l.Change(prefer)
	is(preferred, "preferredDuringSchedulingIgnoredDuringExecution")
	l.Change(drop)
	is(term, required)
}

// A store is restarted to be told the zone and the rack that the labels say.
func TestLocationLabels(t *testing.T) {
	t.Parallel()
	l := plane.New(t)
	l.Start(nil)
	l.Create(apiserver.One)
	node := func() string {
		p, err := l.Kube.CoreV1().Pods(l.Namespace).Get(context.Background(), "demo-store-0", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ""
		}
		require.NoError(t, err)
		return p.Annotations[naming.AnnotationZone] + " " + p.Annotations[naming.AnnotationRack]
	}
	l.AwaitReady()
	assert.Equal(t, "zone-1 node-1", node())
	for _, x := range []struct{ labels, location string }{
		{"{zone: kubernetes.io/hostname, rack: topology.kubernetes.io/zone}", "node-1 zone-1"},
		{"{zone: no.such/label, rack: kubernetes.io/hostname}", "default node-1"},
	} {
		l.Change(apiserver.Set("spec.store.locationLabels", x.labels))
		l.Until(func() bool { return node() == x.location }, func() string { return "the store is at " + x.location + ", not at " + node() })
		l.AwaitReady()
	}
}

// A new launcher restarts nobody, and comes with the next change that restarts a pod anyway.
func TestLauncherImage(t *testing.T) {
	t.Parallel()
	l := plane.New(t)
	l.Start(nil)
	l.Create(apiserver.One)
	l.AwaitReady()
	before, pods := l.State(), l.Pods()
	launcher := template + "initContainers[0].image"
	l.Change(apiserver.Set("spec.launcherImage", "launcher:2"))
	l.AwaitReady()
	apiserver.Same(t, before, l.State(), "a launcher changes nothing by itself")
	assert.Equal(t, pods, l.Pods(), "and restarts nobody")
	l.Change(apiserver.Set("spec.store.image", "store:2"))
	l.AwaitReady()
	assert.Equal(t, "launcher:2", look(t, l.State(), launcher, "store"))
	assert.Equal(t, apiserver.LauncherImage, look(t, l.State(), launcher, "pd"))
	l.Change(apiserver.Drop("spec.launcherImage"), apiserver.Set("spec.pd.image", "pd:2"))
	l.AwaitReady()
	assert.Equal(t, "launcher:2", look(t, l.State(), launcher, "store"))
	assert.Equal(t, apiserver.LauncherImage, look(t, l.State(), launcher, "pd"))
	assert.Equal(t, pods["proxy"], l.Pods()["proxy"])
}

// What is accepted and cannot be carried out is said, and a good value heals it.
func TestGoodHealsBad(t *testing.T) {
	tests := []struct{ name, path, bad, good, reason, words string }{
		{"PD's image", "spec.pd.image", "missing/pd", "pd:2", "PodFailing", "ImagePullBackOff"},
		{"a PD's program", "spec.pd.image", "crashing/pd", "pd:2", "PodFailing", "CrashLoopBackOff"},
		{"a store's program", "spec.store.image", "crashing/store", "store:2", "PodFailing", "CrashLoopBackOff"},
		{"a proxy's image", "spec.proxy.image", "crashing/proxy", "proxy:2", "PodFailing", "CrashLoopBackOff"},
		{"a store's resources", "spec.store.requests", "{cpu: 99}", "{cpu: 1}", "Unschedulable", "Insufficient cpu"},
		{"a label that is none", "spec.store.labels", `{"not a label": x}`, "{a: b}", "WriteFailed", "not a label"},
		{"a value of a label", "spec.proxy.labels", `{a: "not a value"}`, "{a: b}", "WriteFailed", "not a value"},
		{"an annotation that is none", "spec.pd.annotations", `{"not a key": x}`, "{a: b}", "WriteFailed", "not a key"},
		{"a variable that is none", "spec.pd.env", "[{name: A, value: a, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", "[{name: A, value: a}]", "WriteFailed", "may not be specified when `value` is not empty"},
		{"requests above limits", "spec.store.limits", "{cpu: 10m}", "{cpu: 2}", "WriteFailed", "must be less than or equal to cpu limit"},
		{"a toleration that is none", "spec.proxy.tolerations", "[{operator: Equal}]", "[{operator: Exists}]", "WriteFailed", "tolerations"},
		{"a context that contradicts itself", "spec.store.securityContext", "{privileged: true, allowPrivilegeEscalation: false}", "{privileged: false}", "WriteFailed", "allowPrivilegeEscalation"},
		{"a source range that is none", "spec.proxy.service", "{type: LoadBalancer, loadBalancerSourceRanges: [here]}", "{type: ClusterIP}", "WriteFailed", "LoadBalancerSourceRanges"},
		{"a metric that is none", "spec.proxy.autoscaling", "{maxReplicas: 2, metrics: [{type: Resource}]}", "{maxReplicas: 2}", "WriteFailed", "metrics"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := plane.New(t)
			l.Start(nil)
			l.Create(apiserver.One, apiserver.Set("spec.store.requests", "{cpu: 100m}"))
			l.AwaitReady()
			err := l.TryChange(apiserver.Set(test.path, test.bad))
			if err != nil {
				t.Logf("refused at once: %v", err)
				assert.ErrorContains(t, err, test.words)
				return
			}
			l.AwaitDegraded(test.reason, test.words)
			l.Change(apiserver.Set(test.path, test.good))
			l.AwaitReady()
			healed := l.State()

			fresh := plane.New(t)
			fresh.Start(nil)
			fresh.Create(apiserver.One, apiserver.Set("spec.store.requests", "{cpu: 100m}"), apiserver.Set(test.path, test.good))
			fresh.AwaitReady()
			apiserver.Same(t, fresh.State(), healed, "as if it had never been broken")
		})
	}
}
