// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

func metaOf(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: Namespace, Name: name, Labels: naming.Labels("demo", naming.PD)}
}

// room is a PD manager with fakes around it, and a PD to talk to.
type room struct {
	*Fakes
	pd        *pdtest.PD
	manager   *pd.Manager
	refreshed int
}

func newRoom(t *testing.T, f *Fakes) *room {
	t.Helper()
	r := &room{Fakes: f, pd: NewPD(Cluster("demo"))}
	factory := PDFactory(t, r.pd)
	client := func(*view.Cluster) pdapi.Client { return factory(r.pd.Endpoints()) }
	r.manager = pd.NewManager(f.Controls(), client, func(*view.Cluster) { r.refreshed++ })
	return r
}

func (r *room) sync(t *testing.T, c *v1alpha1.CellCluster, state *pdstate.Snapshot) manager.Result {
	t.Helper()
	r.Reset()
	result, err := r.manager.Sync(t.Context(), r.View(c, state))
	require.NoError(t, err)
	return result
}

// The order in which PD's objects come to be: names before who uses them, the
// membership before the pods that start with it.
func TestCreation(t *testing.T) {
	r, c := newRoom(t, New()), Cluster("demo")
	result := r.sync(t, c, nil)
	assert.Equal(t, []string{
		"apply Service demo-pd-peer", "apply Service demo-pd", "apply PodDisruptionBudget demo-pd",
		"apply ConfigMap demo-start", "apply StatefulSet demo-pd",
	}, r.Writes())
	assert.Equal(t, []string{"Normal Created: Created StatefulSet demo-pd with 3 of pd"}, r.Events.All())
	assert.Empty(t, result.Problems)
	reasons := reasonsOf(result)
	assert.Contains(t, reasons, v1alpha1.ReasonWaitingForPD)
	assert.Contains(t, reasons, v1alpha1.ReasonWaitingForPods)

	r.sync(t, c, nil)
	assert.Empty(t, r.Writes(), "once is enough")
	assert.Empty(t, r.Events.All())
	assert.Zero(t, r.pd.CallCount(), "nobody talks to a PD that does not exist")
}

func reasonsOf(r manager.Result) []string {
	var out []string
	for _, w := range r.Waits {
		out = append(out, w.Reason)
	}
	return out
}

func TestSettledClusterCostsNothing(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	r := newRoom(t, Settled(c))
	result := r.sync(t, c, PDState(c, Stores(3)))
	assert.Empty(t, r.Writes())
	assert.Empty(t, r.Events.All())
	assert.Equal(t, manager.Result{}, result)
	assert.Zero(t, r.pd.CallCount())
	assert.Zero(t, r.refreshed)
}

func TestInitialize(t *testing.T) {
	c := Cluster("demo")
	t.Run("PD is told once", func(t *testing.T) {
		r := newRoom(t, New())
		r.sync(t, c, nil)
		result := r.sync(t, c, PDState(c))
		posts := func() int {
			return len(slices.DeleteFunc(r.pd.Calls(), func(c pdtest.Call) bool { return c.Method != "POST" }))
		}
		assert.Equal(t, 1, posts())
		assert.Equal(t, 1, r.refreshed)
		assert.Contains(t, reasonsOf(result), v1alpha1.ReasonInitializing)
		assert.Equal(t, []string{"Normal Initializing: Told PD the 8 initial cells"}, r.Events.All())

		r.sync(t, c, PDState(c))
		assert.Equal(t, 1, posts(), "a view that is older than that changes nothing")
		assert.Empty(t, r.Events.All())

		calls := r.pd.CallCount()
		r.sync(t, c, PDState(c, Initialized))
		assert.Equal(t, calls, r.pd.CallCount())
	})
	t.Run("a store was faster", func(t *testing.T) {
		r := newRoom(t, New())
		_, err := r.pd.AddStore(pdtest.Store{Address: "a:1", ClientAddress: "a:2"})
		require.NoError(t, err)
		r.sync(t, c, PDState(c))
		assert.NotContains(t, r.Events.All(), "Normal Initializing: Told PD the 8 initial cells")
	})
	t.Run("PD refuses", func(t *testing.T) {
		r := newRoom(t, New())
		r.pd.SetModes(pdtest.Refusing)
		_, err := r.manager.Sync(t.Context(), r.View(c, PDState(c)))
		assert.ErrorContains(t, err, "initial cells: ")
		assert.Equal(t, 1, r.refreshed, "what became of it is looked at")
		assert.Contains(t, r.Writes(), "apply StatefulSet demo-pd", "the rest goes on")
	})
}

// After the bootstrap the membership follows PD, and is kept while PD is silent.
func TestMembershipIsWritten(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	r := newRoom(t, Settled(c))
	r.sync(t, c, PDState(c, Stores(3), members(PDMember(c, 0), PDMember(c, 1))))
	require.Equal(t, []string{"apply ConfigMap demo-start"}, r.Writes())
	have, err := launch.DecodeJoin([]byte(r.ConfigMaps.Get("ns", "demo-start").Data[launch.JoinKey]))
	require.NoError(t, err)
	assert.Equal(t, join(t, c, launch.JoinExisting, 0, 1), have)

	r.sync(t, c, nil)
	assert.Empty(t, r.Writes(), "an operator that has just started and knows nothing of PD changes nothing")
	r.sync(t, c, PDState(c, Unreachable, members(PDMember(c, 0), PDMember(c, 1))))
	assert.Empty(t, r.Writes())
}

func TestNotes(t *testing.T) {
	fresh, old := Cluster("demo"), Cluster("demo", Bootstrapped)
	failing := func(for_ time.Duration) StateModifier {
		return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			Unreachable(c, s)
			s.FailedSince = Now().Add(-for_)
		}
	}
	tests := map[string]struct {
		cluster        *v1alpha1.CellCluster
		state          *pdstate.Snapshot
		wait, problem  string
		message        string
		looksAgainSoon bool
	}{
		"all is well":                       {old, PDState(old, Stores(3)), "", "", "", false},
		"a new PD without a leader":         {fresh, nil, v1alpha1.ReasonWaitingForPD, "", "waiting for PD to have a quorum and a leader: PD has not answered yet", false},
		"a new PD that does not answer":     {fresh, PDState(fresh, Unreachable), v1alpha1.ReasonWaitingForPD, "", "connection refused", false},
		"an operator that has just started": {old, nil, v1alpha1.ReasonWaitingForPD, "", "waiting for PD to have a leader", true},
		"an election":                       {old, PDState(old, Stores(3), failing(7*time.Second)), v1alpha1.ReasonWaitingForPD, "", "waiting for PD to have a leader", true},
		"an outage":                         {old, PDState(old, Stores(3), failing(time.Minute)), "", v1alpha1.ReasonPDUnknown, "connection refused", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, Settled(test.cluster))
			if !test.cluster.Status.Bootstrapped {
				r.sync(t, test.cluster, test.state) // writes the membership of a new cluster
			}
			result := r.sync(t, test.cluster, test.state)
			check(t, result.Waits, test.wait, test.message)
			check(t, result.Problems, test.problem, test.message)
			assert.Equal(t, test.looksAgainSoon, result.Again > 0)
			assert.Empty(t, r.Writes())
		})
	}
}

func check(t *testing.T, notes []manager.Note, reason, message string) {
	t.Helper()
	if reason == "" {
		assert.Empty(t, notes)
		return
	}
	require.Len(t, notes, 1)
	assert.Equal(t, reason, notes[0].Reason)
	assert.Contains(t, notes[0].Message, message)
}

func TestStrangersName(t *testing.T) {
	r, c := newRoom(t, New()), Cluster("demo")
	r.Services.SetError(Apply, &control.ConflictError{Kind: "Service", Name: "demo-pd-peer", Cause: "it has no owner"})
	result, err := r.manager.Sync(t.Context(), r.View(c, nil))
	require.Error(t, err)
	check(t, result.Problems, v1alpha1.ReasonNameConflict, "Service demo-pd-peer exists")
}

func TestMissingClass(t *testing.T) {
	c := Cluster("demo", func(c *v1alpha1.CellCluster) { c.Spec.PD.StorageClassName = new("fast") })
	r := newRoom(t, New())
	result := r.sync(t, c, nil)
	check(t, result.Problems, v1alpha1.ReasonWaitingForVolume, `spec.pd.storageClassName: there is no StorageClass "fast"`)
	r.Add(Class("fast"))
	assert.Empty(t, r.sync(t, c, nil).Problems)
}

// A failing write neither stops the other writes nor is told as done.
func TestFailingWrites(t *testing.T) {
	refused := errors.New("refused")
	tests := map[string]struct {
		fail func(*Fakes)
		want []string
	}{
		"the membership": {func(f *Fakes) { f.ConfigMaps.SetError(Apply, refused) },
			[]string{"apply Service demo-pd-peer", "apply Service demo-pd", "apply PodDisruptionBudget demo-pd", "apply StatefulSet demo-pd"}},
		"the set": {func(f *Fakes) { f.StatefulSets.SetError(Apply, refused) },
			[]string{"apply Service demo-pd-peer", "apply Service demo-pd", "apply PodDisruptionBudget demo-pd", "apply ConfigMap demo-start"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, New())
			test.fail(r.Fakes)
			_, err := r.manager.Sync(t.Context(), r.View(Cluster("demo"), nil))
			require.ErrorIs(t, err, refused)
			assert.Equal(t, test.want, r.Writes())
		})
	}
}
