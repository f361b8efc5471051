// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meta_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/meta"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

const after = 10 * time.Second

// ready makes a cluster say that it has been ready for a while.
func ready(since time.Duration) func(*v1alpha1.CellCluster) {
	return condition(metav1.ConditionTrue, since)
}

func unready(since time.Duration) func(*v1alpha1.CellCluster) {
	return condition(metav1.ConditionFalse, since)
}

func condition(status metav1.ConditionStatus, since time.Duration) func(*v1alpha1.CellCluster) {
	return func(c *v1alpha1.CellCluster) {
		c.Generation = 3
		c.Status.ClusterID = ClusterID
		c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status,
			ObservedGeneration: 3, LastTransitionTime: metav1.NewTime(Now().Add(-since))}}
	}
}

// nobody has no object that the caches lack.
type nobody struct{}

func (nobody) Pod(context.Context, string, string) (*corev1.Pod, error) { return nil, nil }

func (nobody) Claim(context.Context, string, string) (*corev1.PersistentVolumeClaim, error) {
	return nil, nil
}

func sync(t *testing.T, f *Fakes, c *v1alpha1.CellCluster, modify ...StateModifier) (manager.Result, error) {
	t.Helper()
	state := PDState(c, append([]StateModifier{Stores(c.Spec.Store.Replicas)}, modify...)...)
	return meta.NewManager(f.Controls(), nobody{}, after).Sync(t.Context(), f.View(c, state))
}

// bound makes the volume of a claim.
func bound(f *Fakes, component naming.Component, ordinal int32, volume string) {
	claim := f.Claims.Get(Namespace, naming.Claim("demo", component, ordinal)).DeepCopy()
	claim.UID = "uid-of-claim"
	f.Add(claim, &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: volume},
		Spec:       corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: Namespace, Name: claim.Name, UID: claim.UID}},
	})
}

// All that belongs to a member carries its id, once, and nothing is written again.
func TestLabels(t *testing.T) {
	c := Cluster("demo", Bootstrapped, ready(time.Minute))
	f := Settled(c)
	bound(f, naming.Store, 1, "pv-store-1")
	r, err := sync(t, f, c)
	require.NoError(t, err)
	assert.Equal(t, manager.Result{}, r)
	assert.ElementsMatch(t, []string{
		"patch Pod demo-pd-0", "patch Pod demo-pd-1", "patch Pod demo-pd-2",
		"patch Pod demo-store-0", "patch Pod demo-store-1", "patch Pod demo-store-2",
		"patch Pod demo-proxy-7d9f-0", "patch Pod demo-proxy-7d9f-1",
		"patch PersistentVolumeClaim data-demo-pd-0", "patch PersistentVolumeClaim data-demo-pd-1", "patch PersistentVolumeClaim data-demo-pd-2",
		"patch PersistentVolumeClaim data-demo-store-0", "patch PersistentVolumeClaim data-demo-store-1", "patch PersistentVolumeClaim data-demo-store-2",
		"patch PersistentVolume pv-store-1",
	}, f.Writes())
	has := func(o metav1.Object, labels map[string]string) {
		t.Helper()
		for k, v := range labels {
			assert.Equal(t, v, o.GetLabels()[k], "%s of %s", k, o.GetName())
		}
	}
	pd := map[string]string{naming.LabelClusterID: ClusterID, naming.LabelMemberID: "a1"}
	store := map[string]string{naming.LabelClusterID: ClusterID, naming.LabelStoreID: "2"}
	has(f.Pods.Get(Namespace, "demo-pd-1"), pd)
	has(f.Claims.Get(Namespace, "data-demo-pd-1"), pd)
	has(f.Pods.Get(Namespace, "demo-store-1"), store)
	has(f.Claims.Get(Namespace, "data-demo-store-1"), store)
	has(f.Volumes.Get("", "pv-store-1"), store)
	has(f.Pods.Get(Namespace, "demo-proxy-7d9f-0"), map[string]string{naming.LabelClusterID: ClusterID})
	assert.Equal(t, "demo", f.Pods.Get(Namespace, "demo-pd-1").Labels[naming.LabelInstance], "the others stay")

	f.Reset()
	_, err = sync(t, f, c)
	require.NoError(t, err)
	assert.Empty(t, f.Writes())

	// What is removed by hand is put right.
	pod := f.Pods.Get(Namespace, "demo-store-1").DeepCopy()
	delete(pod.Labels, naming.LabelStoreID)
	f.Add(pod)
	_, err = sync(t, f, c)
	require.NoError(t, err)
	assert.Equal(t, []string{"patch Pod demo-store-1"}, f.Writes())
	has(f.Pods.Get(Namespace, "demo-store-1"), store)
}

func TestLabelsWait(t *testing.T) {
	tests := map[string]struct {
		cluster []func(*v1alpha1.CellCluster)
		state   StateModifier
		again   time.Duration
	}{
		"not ready":                {[]func(*v1alpha1.CellCluster){unready(time.Second)}, nil, after},
		"never reported":           {nil, nil, 0},
		"ready since a moment ago": {[]func(*v1alpha1.CellCluster){ready(4 * time.Second)}, nil, 6 * time.Second},
		"ready for an older spec":  {[]func(*v1alpha1.CellCluster){ready(time.Minute), func(c *v1alpha1.CellCluster) { c.Generation++ }}, nil, after},
		"the id is not known":      {[]func(*v1alpha1.CellCluster){ready(time.Minute), func(c *v1alpha1.CellCluster) { c.Status.ClusterID = "" }}, nil, 0},
		"PD is silent":             {[]func(*v1alpha1.CellCluster){ready(time.Minute)}, Unreachable, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", append(test.cluster, func(c *v1alpha1.CellCluster) { c.Status.Bootstrapped = true })...)
			f := Settled(c)
			var modify []StateModifier
			if test.state != nil {
				modify = append(modify, test.state)
			}
			r, err := sync(t, f, c, modify...)
			require.NoError(t, err)
			assert.Empty(t, f.Writes())
			assert.Equal(t, test.again, r.Again)
		})
	}
}

// A cluster that is never Ready has data, too, and is known by its claims when it is made again.
func TestLabelsOfOneThatIsNeverReady(t *testing.T) {
	c := Cluster("demo", unready(time.Minute), func(c *v1alpha1.CellCluster) { c.Status.Bootstrapped = true })
	f := Settled(c)
	_, err := sync(t, f, c)
	require.NoError(t, err)
	assert.NotEmpty(t, f.Claims.Get(Namespace, "data-demo-pd-0").Labels[naming.LabelMemberID])
	assert.NotEmpty(t, f.Claims.Get(Namespace, "data-demo-store-0").Labels[naming.LabelStoreID])
}

// Claims of members that are gone keep the ids that they had.
func TestLabelsOfThoseThatAreGone(t *testing.T) {
	c := Cluster("demo", Bootstrapped, ready(time.Minute))
	f := Settled(c)
	replacing := func(p *corev1.PersistentVolumeClaim) {
		p.Annotations = map[string]string{naming.AnnotationReplacing: "9"}
	}
	f.Add(Claim(c, naming.Store, 3, Retired), Claim(c, naming.PD, 3), Claim(c, naming.Store, 0, replacing))
	require.NoError(t, second(sync(t, f, c, func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Members = s.Members[:2] })))
	for _, name := range []string{"data-demo-store-3", "data-demo-pd-3", "data-demo-store-0"} {
		assert.NotContains(t, f.Writes(), "patch PersistentVolumeClaim "+name)
	}
	pod := f.Pods.Get(Namespace, "demo-pd-2")
	assert.Equal(t, ClusterID, pod.Labels[naming.LabelClusterID])
	assert.NotContains(t, pod.Labels, naming.LabelMemberID, "PD does not know this one")
}

func second[T any](_ T, err error) error { return err }

func TestLabelsThatCannotBeWritten(t *testing.T) {
	c := Cluster("demo", Bootstrapped, ready(time.Minute))
	f := Settled(c)
	bound(f, naming.PD, 0, "pv-pd-0")
	f.Volumes.SetError(Patch, apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumes"}, "pv-pd-0", errors.New("no")))
	m := meta.NewManager(f.Controls(), nobody{}, after)
	for range 3 {
		_, err := m.Sync(t.Context(), f.View(c, PDState(c, Stores(3))))
		require.NoError(t, err, "where volumes may only be read they go without")
	}
	assert.Equal(t, 1, f.Volumes.Count(Patch), "and nobody is asked again")

	f = Settled(c)
	f.Pods.SetError(Patch, errors.New("etcd is gone"))
	_, err := sync(t, f, c)
	assert.ErrorContains(t, err, "etcd is gone")
	assert.Contains(t, f.Writes(), "patch PersistentVolumeClaim data-demo-pd-0", "the others are written all the same")
}
