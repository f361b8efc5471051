// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/controller"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/membership"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// next is the first step of all operations.
func next(v *view.Cluster) *manager.Step {
	for _, o := range controller.Order(nil, func(*view.Cluster) pdapi.Client { return nil }, func(*view.Cluster, time.Duration) {}) {
		if s := o.Decide(v); s != nil {
			return s
		}
	}
	return nil
}

// wedged is a PD that has had no leader for long.
func wedged(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
	s.Err, s.FailedSince = pdapi.ErrNoLeader, Now().Add(-time.Hour)
}

// readyForLong is a settled cluster whose PDs have been ready for an hour.
func readyForLong(c *v1alpha1.CellCluster) *Fakes {
	f := Settled(c)
	for i := range int32(3) {
		change(f, i, func(p *corev1.Pod) {
			p.Status.Conditions[len(p.Status.Conditions)-1].LastTransitionTime = metav1.NewTime(Now().Add(-time.Hour))
		})
	}
	return f
}

// resized is a settled cluster whose set of PDs has another number of members.
func resized(c *v1alpha1.CellCluster, n int32) *Fakes {
	f := Settled(c)
	set := f.StatefulSets.Get(Namespace, "demo-pd").DeepCopy()
	set.Spec.Replicas = &n
	f.Add(set)
	return f
}

// From one PD to three: from the moment the second is a member the first has no quorum without it, so it must run
// by then. Until then it can leave again.
func TestSecondPDRunsBeforeItIsAMember(t *testing.T) {
	c := Cluster("demo", Bootstrapped, pds(1))
	one := func(modify ...StateModifier) *pdstate.Snapshot {
		return PDState(c, append([]StateModifier{Stores(3), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Members = s.Members[:1] }}, modify...)...)
	}
	f := Settled(c)
	c.Spec.PD.Replicas = 3
	v := f.View(c, one())
	assert.Equal(t, manager.Verb(""), next(v).Do, "the pod is told of its membership first")
	join := pd.DecideMembership(v, 1)
	require.Len(t, join.Members, 2)
	start, err := desired.StartConfigMap(c, join, nil)
	require.NoError(t, err)
	f.Add(start)
	step := next(f.View(c, one()))
	assert.Equal(t, manager.Verb("AddPod"), step.Do, step.Message)
	assert.Equal(t, "demo-pd-1", step.Target)

	c.Spec.PD.Replicas = 1
	f = resized(c, 2)
	f.Add(start, Claim(c, naming.PD, 1))
	tests := map[string]struct {
		pod  *corev1.Pod
		want int32
		do   manager.Verb
	}{
		"it has no node":               {Pod(c, naming.PD, 1, Unschedulable("no room")), 3, ""},
		"it has just started":          {Pod(c, naming.PD, 1, Age(8*time.Second), Running), 3, ""},
		"it has been running":          {Pod(c, naming.PD, 1, Age(time.Minute), Running), 3, "AddMember"},
		"it is not wanted any more":    {Pod(c, naming.PD, 1, Unschedulable("no room")), 1, "RemovePod"},
		"it runs, and is not wanted":   {Pod(c, naming.PD, 1, Age(time.Minute), Running), 1, "RemovePod"},
		"its image cannot be pulled":   {Pod(c, naming.PD, 1, Age(time.Hour), Waiting("ImagePullBackOff", "x")), 3, ""},
		"its claim is wanted by users": {Pod(c, naming.PD, 1, Age(time.Minute), Running), 2, "AddMember"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c.Spec.PD.Replicas = test.want
			f.Add(test.pod)
			step := next(f.View(c, one()))
			require.NotNil(t, step)
			assert.Equal(t, test.do, step.Do, step.Message)
			assert.Equal(t, "demo-pd-1", step.Target)
		})
	}
}

// A cluster is made again over the volumes of an old one, and one of them is lost: whoever
// starts first must not form a new cluster.
func TestMadeAgainOverOldVolumes(t *testing.T) {
	c := Cluster("demo")
	f := New()
	for i := int32(1); i < 3; i++ {
		f.Add(Claim(c, naming.PD, i, func(p *corev1.PersistentVolumeClaim) { p.Labels[naming.LabelMemberID] = "a1" }))
	}
	v := f.View(c, nil)
	join := pd.DecideMembership(v, pd.DecideReplicas(v))
	assert.Equal(t, launch.JoinExisting, join.State)
	require.Len(t, join.Members, 3)
	refused := errors.New("connection refused")
	verdict := membership.Decide(membership.Facts{Self: "demo-pd-0", Join: join,
		Answers: []membership.Answer{{From: join.Members[1], Err: refused}, {From: join.Members[2], Err: refused}}})
	assert.False(t, verdict.Start)

	assert.Equal(t, launch.JoinNew, pd.DecideMembership(New(Claim(c, naming.PD, 0)).View(c, nil), 3).State, "volumes without data")
}

// Somebody scales the StatefulSet to nothing: there is no PD left to ask, and all come back.
func TestScaledToNothingByHand(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := resized(c, 0)
	for i := range int32(3) {
		f.Pods.Remove(f.Pods.Get(Namespace, naming.Pod("demo", naming.PD, i)))
		f.Add(Claim(c, naming.PD, i))
	}
	assert.EqualValues(t, 3, pd.DecideReplicas(f.View(c, nil)))
}

// The number of PDs is changed before there is a quorum to change it with.
func TestNumberChangedBeforeTheStart(t *testing.T) {
	c := Cluster("demo")
	r := newRoom(t, Settled(c))
	c.Spec.PD.Replicas = 1
	result := r.sync(t, c, nil)
	require.NotEmpty(t, result.Problems)
	assert.Contains(t, result.Problems[0].Message, "spec.pd.replicas is 1 by now, and the cluster began with 3 PDs")
}

// A claim that somebody has deleted goes with its pod, so the pod stays until its PD has been replaced.
func TestClaimDeleted(t *testing.T) {
	c := Cluster("demo", Bootstrapped, pds(1))
	f := upgrading(c, 0)
	f.Add(Claim(c, naming.PD, 0, deletedClaim))
	one := func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Members = s.Members[:1] }
	v := f.View(c, PDState(c, Stores(3), one))
	step := pd.NewUpgrader(nil, nil).Decide(v)
	assert.Empty(t, step.Do)
	assert.Contains(t, step.Message, "volume claim data-demo-pd-0 has been deleted")

	c.Spec.PD.Replicas = 3
	r := newRoom(t, f)
	result := r.sync(t, c, PDState(c, Stores(3), one))
	require.NotEmpty(t, result.Problems)
	assert.Contains(t, result.Problems[0].Message, "PD demo-pd-0 is to be replaced and cannot be: PD has 1 members")
	step = next(f.View(c, PDState(c, Stores(3), one)))
	assert.NotEqual(t, v1alpha1.ReasonReplacing, step.Type, "more PDs are the way out: "+step.Message)

	assert.Nil(t, pd.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, Stores(3), one, wedged))), "its volume would go with it")
}

// A PD that comes back before its volume is deleted keeps it, unless somebody asked for the replacement.
func TestPDIsBackInTime(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	for name, test := range map[string]struct {
		claim func(*corev1.PersistentVolumeClaim)
		back  func(*corev1.Pod)
		want  []string
	}{
		"it is back":             {nil, Ready, nil},
		"it serves, by its word": {nil, deadPod, nil},
		"it is not":              {nil, deadPod, []string{"delete PersistentVolumeClaim data-demo-pd-1"}},
		"somebody has asked for": {asksForReplacement, Ready, []string{"delete PersistentVolumeClaim data-demo-pd-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			noted := &desired.Replacing{Pod: "demo-pd-1", Claim: "old"}
			r := newRoom(t, New())
			AddStores(t, r.pd, c, 3)
			client := PDFactory(t, r.pd)(r.pd.Endpoints())
			members, err := client.Members(t.Context())
			require.NoError(t, err)
			for _, m := range members {
				if m.Name == "demo-pd-1" {
					noted.Member = m.ID
				}
			}
			if name == "it is not" {
				r.pd.StopMember("demo-pd-1")
			}
			r.Fakes = replaceView(t, c, noted, deadPod, nil, test.claim, nil)
			x := pd.NewReplacer(r.Controls(), func(*view.Cluster) pdapi.Client { return client }, func(*view.Cluster, time.Duration) {})
			state := PDState(c, Stores(3))
			state.Members = members
			v := r.View(c, state)
			step := x.Decide(v)
			require.Equal(t, manager.Verb("DeleteVolumeClaim"), step.Do, step.Message)
			change(r.Fakes, 1, test.back)
			r.Reset()
			err = x.Act(t.Context(), v, step)
			if name == "it serves, by its word" {
				assert.ErrorContains(t, err, "pod demo-pd-1 is not ready")
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, test.want, r.Writes())
		})
	}
}

// PDs that hold a quorum and have no leader are restarted one at a time: not while one is not back.
func TestAwakenOneAtATime(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := readyForLong(c)
	require.Equal(t, manager.Verb("Restart"), pd.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, Stores(3), wedged))).Do)
	f.Pods.Remove(f.Pods.Get(Namespace, "demo-pd-1"))
	step := pd.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, Stores(3), wedged)))
	require.NotNil(t, step)
	assert.Empty(t, step.Do)
	assert.Contains(t, step.Message, "before pod demo-pd-1")

	assert.NotEmpty(t, pd.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, Stores(3), noMember(1), wedged))).Do, "one that is no member leads nobody")
	f.Add(Claim(c, naming.PD, 1, deletedClaim))
	assert.NotEmpty(t, pd.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, Stores(3), wedged))).Do, "one whose volume goes first may not come for long")
}

// A PD whose node is cordoned and whose volume is there would not come back.
func TestStrandedPDIsNotRestarted(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := readyForLong(c)
	decide := func() *manager.Step {
		return pd.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, Stores(3), wedged)))
	}
	stranded(f, 0)
	assert.Equal(t, "demo-pd-1", decide().Target)
	stranded(f, 1)
	assert.Equal(t, "demo-pd-2", decide().Target)
	stranded(f, 2)
	assert.Empty(t, decide().Do)
	assert.Contains(t, decide().Message, "node node-x is cordoned")
}

// Whom want of a leader restarts while not all PDs are well.
func TestAwakenerChooses(t *testing.T) {
	for name, test := range map[string]struct {
		pods  map[int32]PodModifier
		claim func(*corev1.PersistentVolumeClaim) // of demo-pd-0
		want  string                              // "" for nobody
	}{
		"all are ready":                        {nil, nil, "demo-pd-0"},
		"the claim of one has been deleted":    {nil, deletedClaim, "demo-pd-1"},
		"one is away for good":                 {map[int32]PodModifier{2: deadPod}, nil, "demo-pd-0"},
		"one is on its way back":               {map[int32]PodModifier{2: func(p *corev1.Pod) { Age(20 * time.Second)(p); Running(p) }}, nil, ""},
		"two are away, and so is the quorum":   {map[int32]PodModifier{1: deadPod, 2: deadPod}, nil, ""},
		"one is away, and one's claim is gone": {map[int32]PodModifier{2: deadPod}, deletedClaim, "demo-pd-1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := readyForLong(c)
			for i, modify := range test.pods {
				f.Add(Pod(c, naming.PD, i, Ready, modify))
			}
			if test.claim != nil {
				f.Add(Claim(c, naming.PD, 0, test.claim))
			}
			step := pd.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, Stores(3), wedged)))
			if test.want == "" {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, manager.Verb("Restart"), step.Do, step.Message)
			assert.Equal(t, test.want, step.Target)
		})
	}
}

// A PD is restarted for want of a leader only if there is none at that moment, and the others hold a quorum.
func TestAwaken(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(p *pdtest.PD) error
		want      []string
		fails     string
	}{
		"it has none":       {func(*pdtest.PD) error { return nil }, []string{"delete Pod demo-pd-0"}, ""},
		"it has one by now": {func(p *pdtest.PD) error { return p.Elect("demo-pd-1") }, nil, ""},
		"one leads that is not reached from here": {func(p *pdtest.PD) error { return p.Elect("demo-pd-2") }, nil, ""},
		"another has just ended":                  {func(p *pdtest.PD) error { p.StopMember("demo-pd-2"); return nil }, nil, "restart pod demo-pd-0"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			r := newRoom(t, readyForLong(c))
			AddStores(t, r.pd, c, 3)
			r.pd.Wedge(r.pd.Leader())
			factory := PDFactory(t, r.pd)
			reached := r.pd.Endpoints()
			if strings.Contains(name, "not reached") {
				reached = reached[:2]
			}
			a := pd.NewAwakener(r.Controls(), func(*view.Cluster) pdapi.Client { return factory(reached) })
			v := r.View(c, PDState(c, Stores(3), wedged))
			step := a.Decide(v)
			require.NotNil(t, step)
			require.Equal(t, "demo-pd-0", step.Target)
			require.NoError(t, test.meanwhile(r.pd))
			r.Reset()
			err := a.Act(t.Context(), v, step)
			if test.fails == "" {
				require.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.fails)
			}
			assert.Equal(t, test.want, r.Writes())
		})
	}
}

// A member whose pod has ended comes back with its data if PD lost its quorum before it could be removed.
func TestMemberIsKeptForItsVote(t *testing.T) {
	for name, test := range map[string]struct {
		mode pdtest.Mode
		want []string
	}{
		"PD is silent": {pdtest.Panicking, []string{"patch PersistentVolumeClaim data-demo-pd-2"}},
		"PD is back":   {pdtest.Well, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			r := newRoom(t, New())
			AddStores(t, r.pd, c, 3)
			client := PDFactory(t, r.pd)(r.pd.Endpoints())
			members, err := client.Members(t.Context())
			require.NoError(t, err)
			c.Spec.PD.Replicas = 2
			r.Fakes = Settled(c)
			r.Add(Claim(c, naming.PD, 2, Retired))
			c.Spec.PD.Replicas = 3
			state := PDState(c, Stores(3), Unreachable)
			state.Members = members
			v := r.View(c, state)
			x := pd.NewScaler(r.Controls(), func(*view.Cluster) pdapi.Client { return client }, func(*view.Cluster, time.Duration) {}).Begun()
			step := x.Decide(v)
			require.NotNil(t, step)
			require.Equal(t, manager.Verb("KeepVolume"), step.Do, step.Message)
			r.pd.SetModes(test.mode)
			r.Reset()
			require.NoError(t, x.Act(t.Context(), v, step))
			assert.Equal(t, test.want, r.Writes())
			if test.want != nil {
				step = x.Decide(r.View(c, state))
				require.NotNil(t, step)
				assert.Equal(t, manager.Verb("AddPod"), step.Do, "its vote is needed")
			}
		})
	}
}

// A pod that PD does not know may be one that is about to join; an old view takes its claim for that of a removed one.
func TestPodIsNotRemovedByAnOldClaim(t *testing.T) {
	for name, test := range map[string]struct {
		now  func(*corev1.PersistentVolumeClaim)
		want []string
	}{
		"it is as it was seen": {nil, []string{"apply StatefulSet demo-pd"}},
		"it is another":        {func(p *corev1.PersistentVolumeClaim) { p.UID = "another"; Retired(p) }, nil},
		"it is to be kept":     {func(*corev1.PersistentVolumeClaim) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped, func(c *v1alpha1.CellCluster) { c.Spec.PD.Replicas = 2 })
			r := newRoom(t, Settled(c))
			AddStores(t, r.pd, c, 3)
			r.Add(Claim(c, naming.PD, 1, Retired))
			client := PDFactory(t, r.pd)(r.pd.Endpoints())
			c.Spec.PD.Replicas = 1
			state := PDState(c, Stores(3))
			v := r.View(c, state)
			x := pd.NewScaler(r.Controls(), func(*view.Cluster) pdapi.Client { return client }, func(*view.Cluster, time.Duration) {}).Begun()
			step := x.Decide(v)
			require.NotNil(t, step)
			require.Equal(t, manager.Verb("RemovePod"), step.Do, step.Message)
			members, err := client.Members(t.Context())
			require.NoError(t, err)
			for _, m := range members {
				if m.Name == "demo-pd-1" {
					require.NoError(t, client.RemoveMember(t.Context(), m.ID))
				}
			}
			if test.now != nil {
				r.Add(Claim(c, naming.PD, 1, test.now))
			}
			r.Reset()
			require.NoError(t, x.Act(t.Context(), v, step))
			assert.Equal(t, test.want, r.Writes())
		})
	}
}
