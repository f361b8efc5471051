// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// No restart takes the volume of a store that serves along.
func TestNoRestartTakesAVolume(t *testing.T) {
	c := withStores(3)
	f := upgrading(c, 1)
	f.Add(Claim(c, naming.Store, 1, deletedClaim))
	r := newRoom(t, c, f)
	u := store.NewUpgrader(r.Controls(), r.client, r.lookAgain)
	for range 10 {
		step := r.act(u)
		require.NotNil(t, step)
		assert.Empty(t, step.Do)
		assert.Contains(t, step.Message, "volume claim data-demo-store-1 has been deleted")
		assert.Empty(t, r.Writes())
		r.pass(time.Second)
	}

	f = Settled(c)
	for i := range int32(3) {
		f.Add(Pod(c, naming.Store, i, Age(time.Hour), Ready))
	}
	f.Add(Claim(c, naming.Store, 1, deletedClaim))
	a := store.NewAwakener(nil, nil)
	assert.Nil(t, a.Decide(f.View(c, PDState(c, Stores(3), silentFor(2, 10*time.Minute), ledFor(time.Hour)))))

	node := Node("node-1")
	node.Spec.Unschedulable = true
	f.Add(node)
	assert.Nil(t, store.NewNodeDrain(nil, nil, nil).Decide(f.View(c, PDState(c, Stores(3)))))

	// The same while it is being replaced or removed: its store is not empty yet.
	for _, mark := range []string{naming.AnnotationReplacing, naming.AnnotationRetired} {
		f.Add(Claim(c, naming.Store, 1, deletedClaim, annotated(mark, "2")))
		assert.Nil(t, a.Decide(f.View(c, PDState(c, Stores(3), silentFor(2, 10*time.Minute), ledFor(time.Hour)))), mark)
		assert.Nil(t, store.NewNodeDrain(nil, nil, nil).Decide(f.View(c, PDState(c, Stores(3)))), mark)
		f.Add(Pod(c, naming.Store, 1, Age(time.Hour), Ready, On("node-1"), func(p *corev1.Pod) { p.Labels[naming.LabelEvictable] = "true" }))
		step := store.NewNodeDrain(nil, nil, nil).Hold().Decide(f.View(c, PDState(c, Stores(3))))
		require.NotNil(t, step, mark)
		assert.Equal(t, manager.Verb("Hold"), step.Do)
		assert.Contains(t, step.Message, "its volume would go with it")
	}
}

// The pod of a replaced store crashes all the time, and so changes; it is deleted together with its
// claim nevertheless, before another start succeeds on the volume that goes.
func TestPodOfAReplacedStoreGoesWithItsVolume(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*corev1.Pod)
		want   []string
	}{
		"it is as it was seen": {nil, []string{"delete PersistentVolumeClaim data-demo-store-1", "delete Pod demo-store-1"}},
		"it has crashed again": {func(*corev1.Pod) {}, []string{"delete PersistentVolumeClaim data-demo-store-1", "delete Pod demo-store-1"}},
		"it is another":        {func(p *corev1.Pod) { p.UID = "another" }, []string{"delete PersistentVolumeClaim data-demo-store-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := withStores(3)
			r := newRoom(t, c, Settled(c))
			require.NoError(t, r.pd.Tombstone(r.ids[1]))
			claim := Claim(c, naming.Store, 1)
			annotated(naming.AnnotationReplacing, strconv.FormatUint(r.ids[1], 10))(claim)
			r.Add(claim)
			v := r.view()
			x := store.NewFailover(r.Controls(), r.client, r.lookAgain)
			step := x.Decide(v)
			require.NotNil(t, step)
			require.Equal(t, manager.Verb("DeleteVolumeClaim"), step.Do, step.Message)
			if test.change != nil {
				pod := r.Pods.Get(Namespace, "demo-store-1").DeepCopy()
				test.change(pod)
				r.Add(pod)
			}
			r.Reset()
			require.NoError(t, x.Act(t.Context(), v, step))
			assert.Equal(t, test.want, r.Writes())
		})
	}
}

// Of stores that gave PD up the next is restarted when the last is back.
func TestAwakenOneAtATime(t *testing.T) {
	c := withStores(3)
	f := Settled(c)
	for i := range int32(3) {
		f.Add(Pod(c, naming.Store, i, Age(time.Hour), Ready))
	}
	state := PDState(c, Stores(3), silentFor(2, 10*time.Minute), silentFor(3, 10*time.Minute), ledFor(time.Hour))
	a := store.NewAwakener(nil, nil)
	step := a.Decide(f.View(c, state))
	require.NotNil(t, step)
	assert.Equal(t, manager.Verb("Restart"), step.Do)
	assert.Equal(t, "demo-store-1", step.Target)
	f.Pods.Remove(f.Pods.Get(Namespace, "demo-store-1"))
	assert.Nil(t, a.Decide(f.View(c, state)))
}

// One that is away keeps stores that gave PD up from their restart until it counts as gone: PD repairs nothing without them.
func TestAwakenerChooses(t *testing.T) {
	for name, test := range map[string]struct {
		away PodModifier // what demo-store-0 is like
		want bool
	}{
		"it has been away for a minute": {both(Age(time.Minute), Running), false},
		"it counts as gone":             {both(Age(time.Hour), Running), true},
		"its node holds it":             {func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: Now().Add(-time.Hour)} }, true},
		"it is being deleted":           {Terminating, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := withStores(3)
			f := Settled(c)
			for i := range int32(3) {
				f.Add(Pod(c, naming.Store, i, Age(time.Hour), Ready))
			}
			p := Pod(c, naming.Store, 0, test.away)
			f.Add(p)
			v := f.View(c, PDState(c, Stores(3), silentFor(1, 10*time.Minute), silentFor(2, 10*time.Minute), ledFor(time.Hour)))
			step := store.NewAwakener(nil, nil).Decide(v)
			if !test.want {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, "demo-store-1", step.Target)
			assert.Len(t, store.GaveUp(v), 1, "nobody knows of one that is not ready whether it gave PD up")
		})
	}
}

func both(a, b PodModifier) PodModifier { return func(p *corev1.Pod) { a(p); b(p) } }

// A store that gave PD up is restarted, unless it reports after all, by PD's answer of that moment.
func TestAwaken(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(r *room)
		want      []string
	}{
		"it stays silent":      {func(*room) {}, []string{"delete Pod demo-store-1"}},
		"it reports after all": {func(r *room) { require.NoError(r.t, r.pd.StartStore(r.ids[1], pdtest.Store{})) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := withStores(3)
			f := Settled(c)
			for i := range int32(3) {
				f.Add(Pod(c, naming.Store, i, Age(time.Hour), Ready))
			}
			r := newRoom(t, c, f)
			r.pd.StopStore(r.ids[1]) // it tells PD nothing; its pod is well
			r.pass(5 * time.Minute)
			a := store.NewAwakener(r.Controls(), r.client)
			v := r.view()
			step := a.Decide(v)
			require.NotNil(t, step)
			assert.Equal(t, "demo-store-1", step.Target)
			test.meanwhile(r)
			r.Reset()
			require.NoError(t, a.Act(t.Context(), v, step))
			assert.Equal(t, test.want, r.Writes())
		})
	}
}
