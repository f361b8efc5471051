// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// withPDs makes a bootstrapped cluster of n PDs.
func withPDs(n int32) *v1alpha1.CellCluster {
	return Cluster("demo", Bootstrapped, func(c *v1alpha1.CellCluster) { c.Spec.PD.Replicas = n })
}

func removePod(f *Fakes, ordinal int32) {
	f.Pods.Remove(f.Pods.Get(Namespace, naming.Pod("demo", naming.PD, ordinal)))
}

func retireClaim(f *Fakes, ordinal int32) {
	c := f.Claims.Get(Namespace, naming.Claim("demo", naming.PD, ordinal)).DeepCopy()
	Retired(c)
	f.Add(c)
}

// membersOf makes PD list the members of ordinals, those of unstarted as never started.
func membersOf(unstarted map[int32]bool, ordinals ...int32) StateModifier {
	return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		s.Members = nil
		for _, i := range ordinals {
			m := PDMember(c, i)
			if unstarted[i] {
				m.Name, m.ClientURLs = "", nil
			}
			s.Members = append(s.Members, m)
		}
	}
}

// What the Scaler does next, from where a cluster stands (have PDs in the
// StatefulSet, and what PD says) to what its spec asks for. begun tells that the step
// goes before other operations.
func TestScalerDecides(t *testing.T) {
	fourth := map[int32]bool{3: true}
	tests := map[string]struct {
		have, want int32
		stand      func(f *Fakes)
		members    StateModifier
		do         manager.Verb
		target     string // "" for no step at all
		begun      bool
		message    string
	}{
		"as many as are wanted": {have: 3, want: 3},
		"out: first a member": {have: 3, want: 5, do: "AddMember", target: "demo-pd-3",
			message: "changing the number of PDs from 3 to 5: adding member demo-pd-3"},
		"out: not with a removed PD's volume": {have: 3, want: 5, target: "demo-pd-3",
			stand:   func(f *Fakes) { f.Add(Claim(withPDs(3), naming.PD, 3, Retired)) },
			message: "waits until volume claim data-demo-pd-3, which a removed PD left, is gone"},
		"out: then its pod": {have: 3, want: 5, members: membersOf(fourth, 0, 1, 2, 3), do: "AddPod", target: "demo-pd-3", begun: true,
			message: "adding pod demo-pd-3, which PD expects as a member"},
		"out: then it joins": {have: 4, want: 5, members: membersOf(fourth, 0, 1, 2, 3), target: "demo-pd-3", begun: true,
			message: "adding pod demo-pd-3: it has not joined PD yet"},
		"out: then the next": {have: 4, want: 5, do: "AddMember", target: "demo-pd-4"},
		"out, taken back before the pod": {have: 3, want: 3, members: membersOf(fourth, 0, 1, 2, 3), do: "RemoveMember", target: "demo-pd-3", begun: true,
			message: "removing PD member demo-pd-3, whose pod has ended"},
		"in: first its pod": {have: 5, want: 3, do: "RemovePod", target: "demo-pd-4", message: "changing the number of PDs from 5 to 3: removing pod demo-pd-4"},
		"in: then its volume is set aside": {have: 4, want: 3, members: membersOf(nil, 0, 1, 2, 3, 4), do: "RetireVolume", target: "demo-pd-4", begun: true,
			stand:   func(f *Fakes) { f.Add(Claim(withPDs(5), naming.PD, 4)) },
			message: "removing PD member demo-pd-4, whose pod has ended: setting its volume aside"},
		"in: wait for the end of the pod": {have: 4, want: 3, members: membersOf(nil, 0, 1, 2, 3, 4), target: "demo-pd-4", begun: true,
			stand:   func(f *Fakes) { f.Add(Pod(withPDs(5), naming.PD, 4, Ready, Terminating)) },
			message: "removing PD member demo-pd-4 waits until its pod has ended"},
		"in: then the member": {have: 4, want: 3, members: membersOf(nil, 0, 1, 2, 3, 4), do: "RemoveMember", target: "demo-pd-4", begun: true},
		"in: then the next":   {have: 4, want: 3, do: "RemovePod", target: "demo-pd-3"},
		"in, taken back after the pod": {have: 4, want: 5, members: membersOf(nil, 0, 1, 2, 3, 4), do: "RemoveMember", target: "demo-pd-4", begun: true,
			message: "removing PD member demo-pd-4, whose pod has ended"},
		"in, taken back after the pod, and PD has no quorum since": {have: 2, want: 3, members: func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			membersOf(nil, 0, 1, 2)(c, s)
			Unreachable(c, s)
		}, stand: func(f *Fakes) { f.Add(Claim(withPDs(3), naming.PD, 2, Retired)) }, do: "KeepVolume", target: "demo-pd-2", begun: true, message: "keeping the volume of pod demo-pd-2"},
		"in, and PD has no quorum since": {have: 2, want: 2, members: func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			membersOf(nil, 0, 1, 2)(c, s)
			Unreachable(c, s)
		}, stand: func(f *Fakes) { f.Add(Claim(withPDs(3), naming.PD, 2, Retired)) }, do: "RemoveMember", target: "demo-pd-2", begun: true},
		"in, and PD has had no quorum for long": {have: 2, want: 2, members: func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			membersOf(nil, 0, 1, 2)(c, s)
			Unreachable(c, s)
			s.FailedSince = Now().Add(-6 * time.Minute)
		}, stand: func(f *Fakes) { f.Add(Claim(withPDs(3), naming.PD, 2, Retired)) }, do: "KeepVolume", target: "demo-pd-2", begun: true, message: "and may have one with it"},
		"in, and PD has had no quorum for long: its pod": {have: 2, want: 2, members: func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			membersOf(nil, 0, 1, 2)(c, s)
			Unreachable(c, s)
			s.FailedSince = Now().Add(-6 * time.Minute)
		}, stand: func(f *Fakes) { f.Add(Claim(withPDs(3), naming.PD, 2)) }, do: "AddPod", target: "demo-pd-2", begun: true},
		"from two to one: the member first": {have: 2, want: 1, stand: func(f *Fakes) { retireClaim(f, 1) }, do: "RemoveMember", target: "demo-pd-1"},
		"from two to one: then the pod": {have: 2, want: 1, stand: func(f *Fakes) { retireClaim(f, 1) }, members: membersOf(nil, 0), do: "RemovePod", target: "demo-pd-1", begun: true,
			message: "removing pod demo-pd-1, which is no member of PD any more"},
		"not while the cluster is not healthy": {have: 3, want: 5, stand: func(f *Fakes) { change(f, 1, Running) }, message: "changing the number of PDs from 3 to 5 waits: pod demo-pd-1 is not ready", target: "-"},
		"not while PD is unknown":              {have: 3, want: 5, members: Unreachable, message: "waits: PD does not answer", target: "-"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := withPDs(test.have)
			f := Settled(c)
			if test.stand != nil {
				test.stand(f)
			}
			modify := []StateModifier{Stores(3)}
			if test.members != nil {
				modify = append(modify, test.members)
			}
			state := PDState(c, modify...)
			c.Spec.PD.Replicas = test.want
			v := f.View(c, state)
			s := pd.NewScaler(nil, nil, nil)
			begun, begin := s.Begun().Decide(v), s.Begin().Decide(v)
			if test.target == "" {
				assert.Nil(t, begun)
				assert.Nil(t, begin)
				return
			}
			require.NotNil(t, begin)
			if test.begun {
				assert.Equal(t, begin, begun)
			} else {
				assert.Nil(t, begun)
			}
			assert.Equal(t, v1alpha1.ReasonScaling, begin.Type)
			assert.Equal(t, test.do, begin.Do)
			assert.Contains(t, begin.Message, test.message)
			if test.target != "-" {
				assert.Equal(t, test.target, begin.Target)
			}
		})
	}
}

// Of what is not known nothing is concluded.
func TestScalerDecidesNothing(t *testing.T) {
	c := withPDs(3)
	more := withPDs(5)
	more.Status.Bootstrapped = false
	tests := map[string]*view.Cluster{
		"a new cluster":       Settled(c).View(more, PDState(c, Stores(3))),
		"without a set":       New().View(withPDs(5), PDState(c, Stores(3))),
		"PD never answered":   Settled(c).View(withPDs(5), nil),
		"PD names no members": Settled(c).View(withPDs(5), PDState(c, Stores(3), members())),
	}
	for name, v := range tests {
		t.Run(name, func(t *testing.T) {
			s := pd.NewScaler(nil, nil, nil)
			assert.Nil(t, s.Begun().Decide(v))
			assert.Nil(t, s.Begin().Decide(v))
		})
	}
}

// scaling is a room with a Scaler and a PD that stands where the test wants it.
type scaling struct {
	*room
	scaler *pd.Scaler
	again  []time.Duration
}

func newScaling(t *testing.T, c *v1alpha1.CellCluster, stores int32) *scaling {
	t.Helper()
	s := &scaling{room: &room{Fakes: Settled(c), pd: NewPD(c)}}
	AddStores(t, s.pd, c, stores)
	factory := PDFactory(t, s.pd)
	s.scaler = pd.NewScaler(s.Controls(), func(*view.Cluster) pdapi.Client { return factory(s.pd.Endpoints()) },
		func(_ *view.Cluster, after time.Duration) { s.again = append(s.again, after) })
	return s
}

// look is what PD says now, as the operator's poller would have it.
func (s *scaling) look(t *testing.T, c *v1alpha1.CellCluster) *pdstate.Snapshot {
	t.Helper()
	client := pdapi.New(s.pd.Endpoints(), pdapi.Options{Transport: pdtest.NewFarm(s.pd), Now: Now})
	return pdstate.Look(t.Context(), client, PDState(c), 20*time.Second, Now())
}

// act lets the Scaler take its next step, and returns it.
func (s *scaling) act(t *testing.T, c *v1alpha1.CellCluster) *manager.Step {
	t.Helper()
	s.Reset()
	v := s.View(c, s.look(t, c))
	step := s.scaler.Begin().Decide(v)
	if step != nil && step.Do != "" {
		require.NoError(t, s.scaler.Begin().Act(t.Context(), v, step))
	}
	return step
}

func TestScalingOut(t *testing.T) {
	c := withPDs(3)
	s := newScaling(t, c, 3)
	c.Spec.PD.Replicas = 4

	assert.Equal(t, manager.Verb("AddMember"), s.act(t, c).Do)
	assert.Empty(t, s.Writes(), "the member comes first")
	assert.Equal(t, []string{"Normal Scaling: Added demo-pd-3 to PD's members"}, s.Events.All())
	assert.Len(t, s.look(t, c).Members, 4)
	assert.NotEmpty(t, s.again)

	assert.Equal(t, manager.Verb("AddPod"), s.act(t, c).Do)
	assert.Equal(t, []string{"apply StatefulSet demo-pd"}, s.Writes())
	assert.EqualValues(t, 4, *s.StatefulSets.Get("ns", "demo-pd").Spec.Replicas)

	assert.Empty(t, s.act(t, c).Do, "it joins")
	s.Add(Pod(c, naming.PD, 3, Ready), Claim(c, naming.PD, 3))
	require.NoError(t, s.pd.StartMember("demo-pd-3"))
	assert.Nil(t, s.act(t, c))
}

func TestScalingIn(t *testing.T) {
	c := withPDs(4)
	s := newScaling(t, c, 3)
	c.Spec.PD.Replicas = 3

	assert.Equal(t, manager.Verb("RemovePod"), s.act(t, c).Do)
	assert.Equal(t, []string{"apply StatefulSet demo-pd"}, s.Writes())
	assert.EqualValues(t, 3, *s.StatefulSets.Get("ns", "demo-pd").Spec.Replicas)

	assert.Empty(t, s.act(t, c).Do, "its process must end first: removed while it leads it would go on leading")
	assert.Empty(t, s.Writes())
	removePod(s.Fakes, 3)
	s.pd.StopMember("demo-pd-3")

	assert.Equal(t, manager.Verb("RetireVolume"), s.act(t, c).Do)
	assert.Equal(t, []string{"patch PersistentVolumeClaim data-demo-pd-3"}, s.Writes())
	assert.Equal(t, manager.Verb("RemoveMember"), s.act(t, c).Do)
	assert.Equal(t, []string{"Normal Scaling: Removed demo-pd-3 from PD's members"}, s.Events.All())
	assert.Len(t, s.look(t, c).Members, 3)
	assert.Nil(t, s.act(t, c))
}

// What the Scaler decided from a view it does only if PD says the same at this very moment.
func TestScalerLooksAgain(t *testing.T) {
	dies := func(t *testing.T, s *scaling) {
		s.pd.StopStore(storeIDs(t, s.room)[0])
		require.NoError(t, s.pd.Elect("demo-pd-1"))
	}
	tests := map[string]struct {
		have, want int32
		retired    bool
		change     func(t *testing.T, s *scaling)
		err        string
	}{
		"adding, a store has died":            {3, 4, false, dies, ""},
		"adding, PD is silent":                {3, 4, false, func(_ *testing.T, s *scaling) { s.pd.SetModes(pdtest.Panicking) }, ""},
		"stopping, a store has died":          {4, 3, true, dies, ""},
		"stopping, another PD is not healthy": {4, 3, true, func(_ *testing.T, s *scaling) { s.pd.SetMode("demo-pd-1", pdtest.Garbage) }, "stop pod demo-pd-3: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := withPDs(test.have)
			s := newScaling(t, c, 3)
			c.Spec.PD.Replicas = test.want
			if test.retired {
				retireClaim(s.Fakes, test.have-1)
			}
			v := s.View(c, s.look(t, c))
			step := s.scaler.Begin().Decide(v)
			require.NotEmpty(t, step.Do)
			s.Reset()
			test.change(t, s)
			err := s.scaler.Begin().Act(t.Context(), v, step)
			if test.err == "" {
				assert.NoError(t, err)
				assert.NotEmpty(t, s.again, "it is looked at again")
			} else {
				assert.ErrorContains(t, err, test.err)
			}
			assert.Empty(t, s.Writes())
			assert.Empty(t, s.Events.All())
		})
	}
}
