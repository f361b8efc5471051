// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func podOf(cluster, version string, uid types.UID) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: cluster + "-pod", ResourceVersion: version, UID: uid,
		Labels: map[string]string{naming.LabelInstance: cluster},
	}}
}

func showing(o metav1.Object) Lookup { return func(Ref) metav1.Object { return o } }

var demo, ref = types.NamespacedName{Namespace: "ns", Name: "demo"}, Ref{Kind: "Pod", Name: "demo-pod"}

func TestPending(t *testing.T) {
	terminating := podOf("demo", "10", "a")
	terminating.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	written := func(version string) func(*Pending) {
		return func(p *Pending) { p.wrote("Pod", podOf("demo", version, "a")) }
	}
	deleted := func(p *Pending) { p.deleted("Pod", podOf("demo", "10", "a")) }
	tests := map[string]struct {
		note    func(*Pending)
		cached  metav1.Object
		settled bool
	}{
		"nothing written":                         {func(*Pending) {}, nil, true},
		"a write, nothing cached":                 {written("10"), nil, false},
		"a write, an older version cached":        {written("10"), podOf("demo", "9", "a"), false},
		"a write, its version cached":             {written("10"), podOf("demo", "10", "a"), true},
		"a write, a newer version cached":         {written("9"), podOf("demo", "10", "a"), true},
		"versions are numbers, not text":          {written("100"), podOf("demo", "20", "a"), false},
		"two writes, the first cached":            {func(p *Pending) { written("10")(p); written("11")(p) }, podOf("demo", "10", "a"), false},
		"two writes, the second cached":           {func(p *Pending) { written("10")(p); written("11")(p) }, podOf("demo", "11", "a"), true},
		"a deletion, still cached":                {deleted, podOf("demo", "10", "a"), false},
		"a deletion, changed since":               {deleted, podOf("demo", "11", "a"), false},
		"a deletion, gone":                        {deleted, nil, true},
		"a deletion, on its way out":              {deleted, terminating, true},
		"a deletion, replaced":                    {deleted, podOf("demo", "11", "b"), true},
		"a write and a deletion, still cached":    {func(p *Pending) { written("10")(p); deleted(p) }, podOf("demo", "10", "a"), false},
		"a deletion and a new object, not cached": {func(p *Pending) { deleted(p); p.wrote("Pod", podOf("demo", "12", "b")) }, nil, false},
		"another cluster's write":                 {func(p *Pending) { p.wrote("Pod", podOf("other", "10", "a")) }, nil, true},
		"an object of no cluster": {func(p *Pending) {
			p.wrote("Pod", &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x", ResourceVersion: "1"}})
		}, nil, true},
		"an answer without a version": {written(""), nil, true},
		"a version that is no number": {written("abc"), nil, true},
		"the status of the cluster": {func(p *Pending) {
			p.wroteCluster(&v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo", ResourceVersion: "7"}})
		}, podOf("demo", "6", "a"), false},
		"forgotten": {func(p *Pending) { written("10")(p); p.Forget(demo) }, nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := NewPending(time.Now)
			test.note(p)
			settled, waiting := p.Settled(demo, showing(test.cached))
			assert.Equal(t, test.settled, settled)
			if settled {
				assert.Zero(t, waiting)
				again, _ := p.Settled(demo, showing(nil))
				assert.True(t, again, "what was seen is not awaited again")
			} else {
				assert.NotZero(t, waiting)
			}
		})
	}
}

// Several objects: all must be seen, and the one that is not is named.
func TestPendingNamesWhatIsMissing(t *testing.T) {
	p := NewPending(time.Now)
	p.wrote("Service", podOf("demo", "5", "a"))
	p.wrote("Pod", podOf("demo", "10", "a"))
	settled, waiting := p.Settled(demo, showing(podOf("demo", "7", "a")))
	assert.False(t, settled)
	assert.Equal(t, ref, waiting)
	settled, _ = p.Settled(demo, showing(podOf("demo", "10", "a")))
	assert.True(t, settled)
}

// A write that never shows, as of an object that somebody deleted at once, does
// not hold a cluster up for ever.
func TestPendingEnds(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(0, 0))
	p := NewPending(clock.Now)
	p.wrote("Pod", podOf("demo", "10", "a"))
	clock.SetTime(clock.Now().Add(29 * time.Second))
	settled, waiting := p.Settled(demo, showing(nil))
	assert.False(t, settled)
	assert.Equal(t, ref, waiting)
	p.wrote("Service", podOf("demo", "11", "a")) // a younger one has its own time
	clock.SetTime(clock.Now().Add(time.Second))
	settled, waiting = p.Settled(demo, showing(nil))
	assert.False(t, settled)
	assert.Equal(t, "Service", waiting.Kind)
	clock.SetTime(clock.Now().Add(30 * time.Second))
	settled, _ = p.Settled(demo, showing(nil))
	assert.True(t, settled)
}

// What has left the caches after a write does not hold its cluster up.
func TestPendingGone(t *testing.T) {
	for version, settled := range map[string]bool{"9": false, "10": true, "11": true} {
		p := NewPending(clocktesting.NewFakePassiveClock(time.Unix(1, 0)).Now)
		p.wrote("Pod", podOf("demo", "10", "a"))
		p.Gone(podOf("demo", version, "a"))
		got, _ := p.Settled(demo, showing(nil))
		assert.Equal(t, settled, got, "gone at version %s", version)
	}
}
