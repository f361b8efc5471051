// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// bound is a field that shows in nothing but in when the operator does something.
type bound struct {
	name string
	// unset takes the field out of a spec, and a and b give it two values.
	unset, a, b func(*spec)
	// After how many seconds it is done with each; never where it is not done at all.
	unsetAfter, aAfter, bAfter int
	// disturb is what the operator has to do something about, and done tells whether it has.
	disturb func(*Run)
	done    func(*Run) bool
	fault   Fault
}

const (
	never = -1
	// watched is for how long it is looked whether something happens at all.
	watched = 700
	// late is how much later than bounded something may be done: a store that leads nothing is restarted before those that do.
	late = 60
)

func bounds() []bound {
	failover := func(name string, at func(*spec) **v1alpha1.FailoverSpec, disturb func(*Run), done func(*Run) bool, a, b *v1alpha1.FailoverSpec, aAfter, bAfter int) bound {
		put := func(f *v1alpha1.FailoverSpec) func(*spec) {
			return func(s *spec) { *at(s) = f.DeepCopy() }
		}
		return bound{
			name: name, unset: put(nil), a: put(a), b: put(b), unsetAfter: 300, aAfter: aAfter, bAfter: bAfter,
			disturb: disturb, done: done, fault: Fault{Harms: true},
		}
	}
	period := func(d time.Duration) *v1alpha1.FailoverSpec {
		return &v1alpha1.FailoverSpec{Period: &metav1.Duration{Duration: d}}
	}
	no, zero, one := false, int32(0), int32(1)
	store := func(s *spec) **v1alpha1.FailoverSpec { return &s.Store.Failover }
	pd := func(s *spec) **v1alpha1.FailoverSpec { return &s.PD.Failover }
	loseStore := func(r *Run) { r.World.Wipe(naming.Store, 1) }
	losePD := func(r *Run) { r.World.Wipe(naming.PD, 1) }
	evict := func(timeout time.Duration, policy v1alpha1.EvictLeaderTimeoutPolicy) func(*spec) {
		return func(s *spec) {
			s.Store.EvictLeaderTimeout, s.Store.EvictLeaderTimeoutPolicy = &metav1.Duration{Duration: timeout}, policy
		}
	}
	timeout, timedOut := upgradeOfLeaders()
	policy, goneOn := upgradeOfLeaders()
	unset := func(s *spec) { s.Store.EvictLeaderTimeout, s.Store.EvictLeaderTimeoutPolicy = nil, "" }
	return []bound{
		failover("store.failover.period", store, loseStore, spareAdded, period(time.Minute), period(3*time.Minute), 60, 180),
		failover("store.failover.enabled", store, loseStore, spareAdded,
			&v1alpha1.FailoverSpec{Enabled: &no, Period: period(time.Minute).Period}, period(time.Minute), never, 60),
		failover("store.failover.maxFailoverCount", store, loseStore, spareAdded,
			&v1alpha1.FailoverSpec{MaxFailoverCount: &zero}, &v1alpha1.FailoverSpec{MaxFailoverCount: &one}, never, 300),
		failover("pd.failover.period", pd, losePD, memberRemoved, period(time.Minute), period(3*time.Minute), 60, 180),
		failover("pd.failover.enabled", pd, losePD, memberRemoved,
			&v1alpha1.FailoverSpec{Enabled: &no, Period: period(time.Minute).Period}, period(time.Minute), never, 60),
		failover("pd.failover.maxFailoverCount", pd, losePD, memberRemoved,
			&v1alpha1.FailoverSpec{MaxFailoverCount: &zero}, &v1alpha1.FailoverSpec{MaxFailoverCount: &one}, never, 300),
		{
			name: "store.evictLeaderTimeout", unset: unset, a: evict(time.Minute, v1alpha1.EvictProceed), b: evict(3*time.Minute, v1alpha1.EvictProceed),
			unsetAfter: never, aAfter: 60, bAfter: 180, disturb: timeout, done: timedOut, fault: deafToTransfers,
		},
		{
			name: "store.evictLeaderTimeoutPolicy", unset: unset, a: evict(time.Minute, v1alpha1.EvictWait), b: evict(time.Minute, v1alpha1.EvictProceed),
			unsetAfter: never, aAfter: never, bAfter: 60, disturb: policy, done: goneOn, fault: deafToTransfers,
		},
	}
}

// wrote tells whether the operator has made a write of a kind.
func wrote(r *Run, kind, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.writes {
		if w.kind() == kind && strings.HasPrefix(w.Name, name) {
			return true
		}
	}
	return false
}

func memberRemoved(r *Run) bool { return wrote(r, "remove member", "") }
func spareAdded(r *Run) bool {
	return *r.set(naming.Store).Spec.Replicas > r.Object().Spec.Store.Replicas
}

// upgradeOfLeaders gives the stores another image, and tells whether one was stopped of those that led cells then.
func upgradeOfLeaders() (disturb func(*Run), done func(*Run) bool) {
	var led []string
	disturb = func(r *Run) {
		led = nil
		for _, s := range r.World.PD.StoreInfos() {
			if r.World.Leads(s.ID) > 0 {
				led = append(led, naming.PodOfHost(s.Address))
			}
		}
		assert.NotEmpty(r.T, led)
		r.Edit(func(s *spec) { s.Store.Image = "store:2" })
	}
	return disturb, func(r *Run) bool {
		return slices.ContainsFunc(led, func(pod string) bool { return wrote(r, "delete pods", pod) })
	}
}

// deafToTransfers is a PD that takes each order to move a leader and moves none.
var deafToTransfers = Fault{PD: func(_ *Run, next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodGet || !strings.HasPrefix(q.URL.Path, "/pd/api/v1/cells/") {
			next.ServeHTTP(out, q)
			return
		}
		_, _ = out.Write([]byte(`{"code":0,"error":"","value":null}`))
	})
}}

// after makes a cluster with the first value and gives it the others one after the other. It tells after how
// many seconds the operator has done something about what disturbs the cluster then.
func (b *bound) after(t *testing.T, first func(*spec), others ...func(*spec)) (seconds int) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, &Workload{Name: b.name, Spec: first, Spares: 1, MayLead: true})
		r.op = r.startOperator()
		defer func() { r.op.stop() }()
		r.create()
		if !r.until(settling, r.Ready) {
			t.Fatal("the cluster does not come up")
		}
		for _, edit := range others {
			r.Edit(edit)
			if !r.until(settling, r.Ready) {
				t.Fatalf("an edit is not carried out\n%s", strings.Join(r.describe(), "\n"))
			}
		}
		r.pass(12)
		r.arm(b.fault)
		b.disturb(r)
		if seconds = never; r.until(watched, func() bool { return b.done(r) }) {
			seconds = r.Seconds
		}
		assert.Empty(t, r.breaches)
	})
	return seconds
}

// Fields that bound what the operator decides take effect when they are set, changed, changed back and unset.
func TestFieldsThatBound(t *testing.T) {
	for _, b := range bounds() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			tried, failed := 0, 0
			for _, step := range []struct {
				name   string
				first  func(*spec)
				others []func(*spec)
				want   int
				quick  bool
			}{
				{"never set", b.unset, nil, b.unsetAfter, false},
				{"set from the beginning", b.b, nil, b.bAfter, false},
				{"set to A", b.unset, []func(*spec){b.a}, b.aAfter, false},
				{"changed from A to B", b.a, []func(*spec){b.b}, b.bAfter, false},
				{"and back to A", b.a, []func(*spec){b.b, b.a}, b.aAfter, true},
				{"unset", b.a, []func(*spec){b.unset}, b.unsetAfter, true},
			} {
				if !step.quick && !all() {
					continue
				}
				triedTotal.Add(1)
				tried++
				have := b.after(t, step.first, step.others...)
				if in := have >= step.want && have <= step.want+late; step.want == never && have != never || step.want != never && !in {
					failed++
					t.Errorf("%s: the operator acts after %d s, and was to after %d (%d: not in %d s)", step.name, have, step.want, never, watched)
				}
			}
			t.Logf("%s, fields that bound decisions: %d of %d schedules tried, %d failed", b.name, tried, tried, failed)
		})
	}
}
