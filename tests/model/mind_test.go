// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

var (
	seed  = flag.Uint64("seed", 0, "the seed of the first sequence of edits; 0 for one by chance")
	seeds = flag.Int("seeds", 0, "how many sequences of edits are tried; 0 for as many as is usual")
)

// whims are what a user may change his mind about.
var whims = []func(*rand.Rand, *spec){
	func(r *rand.Rand, s *spec) { s.PD.Replicas = []int32{1, 2, 3, 4, 5}[r.IntN(5)] },
	func(r *rand.Rand, s *spec) { s.Store.Replicas = 3 + r.Int32N(3) },
	func(r *rand.Rand, s *spec) { s.PD.Image = fmt.Sprintf("pd:%d", r.IntN(3)) },
	func(r *rand.Rand, s *spec) { s.Store.Image = fmt.Sprintf("store:%d", r.IntN(3)) },
	func(r *rand.Rand, s *spec) { s.Store.Image = "missing/store" },
	func(r *rand.Rand, s *spec) { s.PD.Image = "crashing/pd" },
	func(r *rand.Rand, s *spec) { s.Proxy.Image = fmt.Sprintf("proxy:%d", r.IntN(3)) },
	func(r *rand.Rand, s *spec) { s.Proxy.Replicas = 1 + r.Int32N(3) },
	func(r *rand.Rand, s *spec) { s.Paused = !s.Paused },
	func(r *rand.Rand, s *spec) { s.EnablePVReclaim = !s.EnablePVReclaim },
	func(r *rand.Rand, s *spec) {
		if s.Proxy.Autoscaling = nil; r.IntN(2) == 0 {
			s.Proxy.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 4}
		}
	},
}

// Sequences of edits at moments of chance, with a crash of the operator now and
// then: whatever was asked for on the way, the last word holds in the end.
func TestChangesOfMind(t *testing.T) {
	n := 20
	if all() {
		n = 1500
	}
	if *seeds > 0 {
		n = *seeds
	}
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano()) % 1e9
	}
	const lanes = 2
	var tried, failures atomic.Int64
	t.Cleanup(func() {
		t.Logf("by chance, changes of mind: %d of %d schedules tried, %d failed", tried.Load(), n, failures.Load())
	})
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			failed := 0
			for i := lane; i < n && failed < maxFailures; i += lanes {
				s := first + uint64(i)
				triedTotal.Add(1)
				tried.Add(1)
				out := play(t, whimsical(s), crashes(s))
				if problem := out.problem(); problem != "" {
					failed++
					failures.Add(1)
					t.Errorf("seed %d: %s\nagain: go test -C tests ./model -run TestChangesOfMind -seed=%d -seeds=1", s, problem, s)
				}
			}
		})
	}
	t.Logf("seeds %d to %d", first, first+uint64(n)-1)
}

// whimsical is a workload of edits by chance, and a last one.
func whimsical(seed uint64) *Workload {
	dice := rand.New(rand.NewPCG(seed, 1))
	when := map[int][]func(*rand.Rand, *spec){}
	last := 0
	for range 2 + dice.IntN(6) {
		second := dice.IntN(100)
		last = max(last, second)
		when[second] = append(when[second], whims[dice.IntN(len(whims))])
	}
	last += 1 + dice.IntN(30)
	// In some, a volume is lost meanwhile.
	lost, component := -1, []naming.Component{naming.PD, naming.Store}[dice.IntN(2)]
	if dice.IntN(3) == 0 {
		lost = dice.IntN(last)
	}
	final := spec{}
	return &Workload{
		Name: fmt.Sprintf("seed %d", seed), Spec: soon, Least: last + 2, Spares: 2, Harms: lost >= 0,
		Do: func(r *Run) { final = *r.Object().Spec.DeepCopy() },
		Each: func(r *Run) {
			// Not where a quorum would be lost with it for good: of two PDs, or of three while one is away.
			if pod := naming.Pod(sim.Cluster, component, 1); lost >= 0 && r.Seconds >= lost && (component != naming.PD || r.memberOf(pod) != nil && r.World.QuorumWithout(pod)) {
				r.World.Wipe(component, 1)
				lost = -1
			}
			for _, whim := range when[r.Seconds] {
				r.Edit(func(s *spec) { whim(dice, s) })
			}
			if r.Seconds == last {
				r.Edit(func(s *spec) {
					*s = *final.DeepCopy()
					s.PD.Replicas, s.Store.Replicas = 1+2*dice.Int32N(3), 3+dice.Int32N(3)
					s.PD.Image, s.Store.Image, s.Proxy.Image = "pd:9", "store:9", "proxy:9"
				})
			}
		},
	}
}

// crashes lets the operator crash at some writes of chance.
func crashes(seed uint64) Fault {
	dice := rand.New(rand.NewPCG(seed, 2))
	return Fault{Name: "crashes by chance", Write: func(*Run, int, Write) Verdict {
		switch dice.IntN(30) {
		case 0:
			return CrashBefore
		case 1:
			return CrashAfter
		}
		return Verdict{}
	}}
}
