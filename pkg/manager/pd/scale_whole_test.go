// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/controller"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/manager/volume"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// wholeOperator is what the controller does in a sync, with all that concerns members.
func wholeOperator(w *World) Sync {
	controls, nothing := w.Controls(), func(*view.Cluster) {}
	again := func(*view.Cluster, time.Duration) {}
	managers := []manager.Manager{pd.NewManager(controls, w.PDClient, nothing), store.NewManager(controls), volume.NewManager(controls)}
	operations := controller.Order(controls, w.PDClient, again)
	return func(ctx context.Context, c *view.Cluster) error {
		var r manager.Result
		var errs []error
		for _, m := range managers {
			_, err := m.Sync(ctx, c)
			errs = append(errs, err)
		}
		errs = append(errs, manager.Advance(ctx, c, operations, &r))
		return errors.Join(errs...)
	}
}

func pds(n int32) func(*v1alpha1.CellCluster) {
	return func(c *v1alpha1.CellCluster) { c.Spec.PD.Replicas = n }
}

func pdImage(c *v1alpha1.CellCluster) { c.Spec.PD.Image = "pd:2" }

// memberPods are the pods of PD's members, sorted, those that never started with a "?".
func memberPods(w *World) []string {
	var out []string
	for _, m := range w.State.Members {
		mark := ""
		if len(m.ClientURLs) == 0 {
			mark = "?"
		}
		out = append(out, w.View().PDPodOfMember(&m)+mark)
	}
	slices.Sort(out)
	return out
}

func podNames(n int32) []string {
	var out []string
	for i := range n {
		out = append(out, naming.Pod("demo", naming.PD, i))
	}
	return out
}

// ended checks that PD is as the spec asks and stays so.
func ended(t *testing.T, w *World) {
	t.Helper()
	w.RunUntil("PD is as it should be", 300, w.Settled)
	w.RunUntil("it is at rest", 60, atRest(w))
	n := w.Cluster.Spec.PD.Replicas
	assert.Equal(t, podNames(n), memberPods(w))
	for i := range n {
		assert.False(t, member.Retired(w.Claim(naming.PD, i)), "claim %d of a member is marked as that of a removed one", i)
	}
}

// atRest tells when nothing was written for 16 s.
func atRest(w *World) func() bool {
	last, still := -1, 0
	return func() bool {
		if n := w.WriteCount() + len(w.Writes()); n != last {
			last, still = n, 0
		}
		still++
		w.Pass(4 * time.Second)
		return still > 3
	}
}

func TestPDsScale(t *testing.T) {
	for _, ways := range [][]int32{{3, 5, 3}, {5, 7, 5}, {7, 3}, {1, 2, 1}, {2, 1, 3}, {1, 3, 1}, {3, 2, 4}} {
		t.Run(fmt.Sprint(ways), func(t *testing.T) {
			w := NewWorld(t, wholeOperator, pds(ways[0]))
			for _, n := range ways[1:] {
				w.Cluster.Spec.PD.Replicas = n
				ended(t, w)
			}
		})
	}
}

func TestPDsReclaimVolumes(t *testing.T) {
	w := NewWorld(t, wholeOperator, pds(5), func(c *v1alpha1.CellCluster) { c.Spec.EnablePVReclaim = true })
	w.Cluster.Spec.PD.Replicas = 3
	ended(t, w)
	assert.Nil(t, w.Claim(naming.PD, 3))
	assert.Nil(t, w.Claim(naming.PD, 4))
	assert.NotNil(t, w.Claim(naming.PD, 2))
}

// A removed leader goes on as leader until its process ends.
func TestPDsLeaderIsRemoved(t *testing.T) {
	for _, ways := range [][]int32{{4, 3}, {2, 1}} {
		t.Run(fmt.Sprint(ways), func(t *testing.T) {
			w := NewWorld(t, wholeOperator, pds(ways[0]))
			last := naming.Pod("demo", naming.PD, ways[0]-1)
			require.NoError(t, w.PD.Elect(last))
			w.RunUntil("its leader is known", 60, w.Settled)
			w.Cluster.Spec.PD.Replicas = ways[1]
			ended(t, w)
			assert.NotEqual(t, last, w.PD.Leader())
		})
	}
}

// After whichever step the user changes his mind, PD ends as he wants it last.
func TestPDsChangeOfMind(t *testing.T) {
	for _, ways := range [][]int32{{3, 4, 3}, {4, 3, 4}, {4, 3, 5}, {1, 2, 1}, {2, 1, 2}, {2, 1, 3}} {
		t.Run(fmt.Sprint(ways), func(t *testing.T) {
			t.Parallel()
			probe := NewWorld(t, wholeOperator, pds(ways[0]))
			probe.Cluster.Spec.PD.Replicas = ways[1]
			seconds, moments, writes := 0, []int{}, 0
			probe.RunUntil("it ends", 100, func() bool {
				seconds++
				if n := probe.WriteCount(); n != writes {
					moments, writes = append(moments, seconds), n
				}
				return probe.Settled()
			})
			require.NotEmpty(t, moments)
			for _, after := range moments {
				w := NewWorld(t, wholeOperator, pds(ways[0]))
				w.Cluster.Spec.PD.Replicas = ways[1]
				for range after {
					w.Step()
				}
				w.Cluster.Spec.PD.Replicas = ways[2]
				ended(t, w)
				if t.Failed() {
					t.Fatalf("after %d s", after)
				}
			}
		})
	}
}

// A PD that cannot start, as for want of a node, can be taken back.
func TestPDThatNeverStartsIsTakenBack(t *testing.T) {
	w := NewWorld(t, wholeOperator, pds(3))
	w.Stuck["demo-pd-3"] = true
	w.Cluster.Spec.PD.Replicas = 4
	for range 30 {
		w.Step()
	}
	require.Equal(t, []string{"demo-pd-0", "demo-pd-1", "demo-pd-2", "demo-pd-3?"}, memberPods(w))
	w.Cluster.Spec.PD.Replicas = 3
	ended(t, w)
}

// The same while another PD is gone for good, which is replaced only afterwards.
func TestScaleOutIsTakenBackWhileAPDIsGone(t *testing.T) {
	w := NewWorld(t, wholeOperator, pds(3))
	w.Cluster.Spec.PD.Failover.Period = &metav1.Duration{Duration: 30 * time.Second}
	w.Stuck["demo-pd-4"] = true
	w.Cluster.Spec.PD.Replicas = 5
	w.RunUntil("the fifth is a member that does not start", 200, func() bool { return slices.Contains(memberPods(w), "demo-pd-4?") })
	w.Wipe("demo-pd-1")
	for range 60 {
		w.Step()
	}
	w.Cluster.Spec.PD.Replicas = 3
	ended(t, w)
}

func TestPDsUpgrade(t *testing.T) {
	for _, n := range []int32{1, 2, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := NewWorld(t, wholeOperator, pds(n))
			first := naming.Pod("demo", naming.PD, n-1) // the one that would go first by its ordinal
			require.NoError(t, w.PD.Elect(first))
			w.RunUntil("its leader is known", 60, w.Settled)
			w.Cluster.Spec.PD.Image = "pd:2"
			ended(t, w)
			var deleted []string
			for _, line := range w.Writes() {
				if name, found := strings.CutPrefix(line, "delete Pod "); found {
					deleted = append(deleted, name)
				}
			}
			require.Len(t, deleted, int(n))
			assert.Equal(t, first, deleted[n-1], "the leader goes last")
		})
	}
}

func TestPDsUpgradeAndScale(t *testing.T) {
	for _, ways := range [][]int32{{3, 5}, {5, 3}} {
		t.Run(fmt.Sprint(ways), func(t *testing.T) {
			w := NewWorld(t, wholeOperator, pds(ways[0]))
			w.Cluster.Spec.PD.Replicas, w.Cluster.Spec.PD.Image = ways[1], "pd:2"
			ended(t, w)
		})
	}
}

// Wherever the operator crashes, the next one ends in the same state.
func TestPDsCrashes(t *testing.T) {
	tests := map[string]struct {
		from int32
		ask  func(*v1alpha1.CellCluster)
	}{
		"3 to 4": {3, pds(4)}, "4 to 3": {4, pds(3)}, "1 to 2": {1, pds(2)}, "2 to 1": {2, pds(1)}, "upgrade": {3, pdImage},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := NewWorld(t, wholeOperator, pds(test.from))
			test.ask(w.Cluster)
			ended(t, w)
			total := w.WriteCount()
			require.NotZero(t, total)
			// A crash before a write is one after the write before it, but for the first.
			for k := range total + 1 {
				w := NewWorld(t, wholeOperator, pds(test.from))
				w.CrashAt(max(k, 1), k > 0)
				test.ask(w.Cluster)
				ended(t, w)
				if t.Failed() {
					t.Fatalf("crash at write %d", k)
				}
			}
		})
	}
}

// Whoever deletes the StatefulSet in the middle of a change, with its pods or
// without, does not keep it from ending.
func TestPDsSetIsLost(t *testing.T) {
	for _, ways := range [][]int32{{3, 4}, {4, 3}, {2, 1}} {
		for after := 1; after < 12; after += 2 {
			t.Run(fmt.Sprintf("%v after %d s", ways, after), func(t *testing.T) {
				w := NewWorld(t, wholeOperator, pds(ways[0]))
				w.Cluster.Spec.PD.Replicas = ways[1]
				for range after {
					w.Step()
				}
				w.Lose(naming.PD, after%4 == 1)
				ended(t, w)
			})
		}
	}
}
