// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// inState changes what PD said.
func inState(change func(*pdstate.Snapshot)) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { change(s) }
}

// firstCell changes the cell with the least id.
func firstCell(change func(*pdapi.Cell)) StateModifier {
	return inState(func(s *pdstate.Snapshot) { change(&s.Cells[0]) })
}

// readyAt makes a pod have become ready at a moment.
func readyAt(at time.Time) PodModifier {
	return func(p *corev1.Pod) {
		Ready(p)
		for i := range p.Status.Conditions {
			p.Status.Conditions[i].LastTransitionTime = metav1.NewTime(at)
		}
	}
}

// startedAt makes a ready pod's container have started at a moment.
func startedAt(at time.Time) PodModifier {
	return func(p *corev1.Pod) {
		Ready(p)
		p.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(at)
	}
}

func TestUnhealthy(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	asked, heard := Now().Add(-time.Second), Now().Add(-2*time.Second)
	pod := func(component naming.Component, ordinal int32, modify ...PodModifier) func(*Fakes) {
		return func(f *Fakes) { f.Add(Pod(c, component, ordinal, modify...)) }
	}
	without := func(component naming.Component, ordinal int32) func(*Fakes) {
		return func(f *Fakes) { f.Pods.Remove(f.Pods.Get(Namespace, naming.Pod("demo", component, ordinal))) }
	}
	withoutSet := func(component naming.Component) func(*Fakes) {
		return func(f *Fakes) { f.StatefulSets.Remove(f.StatefulSets.Get(Namespace, naming.Member("demo", component))) }
	}
	tests := map[string]struct {
		stand func(*Fakes)
		state StateModifier
		want  string
	}{
		"full health": {nil, nil, ""},

		"PD does not answer":  {nil, Unreachable, "PD does not answer: connection refused"},
		"PD's answer is old":  {nil, Stale, "PD's last answer is too old"},
		"PD's leader is new":  {nil, YoungLeader, "PD demo-pd-0 leads only since a moment ago, and not all stores have reported to it yet"},
		"no StatefulSet: PD":  {withoutSet(naming.PD), nil, "there is no StatefulSet of pd"},
		"no StatefulSet":      {withoutSet(naming.Store), nil, "there is no StatefulSet of store"},
		"a PD is missing":     {without(naming.PD, 1), nil, "2 of 3 pd pods exist"},
		"a store is missing":  {without(naming.Store, 2), nil, "2 of 3 store pods exist"},
		"a store too many":    {pod(naming.Store, 3, Ready), nil, "4 of 3 store pods exist"},
		"a PD is not ready":   {pod(naming.PD, 1, Running), nil, "pod demo-pd-1 is not ready"},
		"a store is starting": {pod(naming.Store, 1), nil, "pod demo-store-1 is not ready"},
		"a ready pod goes":    {pod(naming.Store, 1, Ready, Terminating), nil, "pod demo-store-1 is not ready"},

		"ready since PD was asked":            {pod(naming.Store, 0, readyAt(asked)), nil, "PD has not been asked since pod demo-store-0 became ready"},
		"ready just before PD was asked":      {pod(naming.Store, 0, readyAt(asked.Add(-time.Nanosecond))), nil, ""},
		"a PD is ready since PD was asked":    {pod(naming.PD, 2, readyAt(Now())), nil, "PD has not been asked since pod demo-pd-2 became ready"},
		"started since the heartbeat":         {pod(naming.Store, 0, startedAt(heard.Add(time.Millisecond))), nil, "store 1 has not reported to PD since its start"},
		"started at the heartbeat's moment":   {pod(naming.Store, 0, startedAt(heard)), nil, "store 1 has not reported to PD since its start"},
		"started just before the heartbeat":   {pod(naming.Store, 0, startedAt(heard.Add(-time.Second))), nil, ""},
		"a member more than pods":             {nil, inState(func(s *pdstate.Snapshot) { s.Members = append(s.Members, PDMember(c, 3)) }), "PD has 4 members and 3 pods"},
		"a member less than pods":             {nil, inState(func(s *pdstate.Snapshot) { s.Members = s.Members[1:] }), "PD has 2 members and 3 pods"},
		"another's member":                    {nil, inState(func(s *pdstate.Snapshot) { s.Members[1] = PDMember(c, 7) }), "PD has no member in pod demo-pd-1"},
		"another's store":                     {nil, inState(func(s *pdstate.Snapshot) { s.Stores[1].Address = "demo-store-7.demo-store-peer.ns.svc:10800" }), "PD knows no store in pod demo-store-1"},
		"a store less than pods":              {nil, inState(func(s *pdstate.Snapshot) { s.Stores = s.Stores[1:] }), "PD knows 2 stores and there are 3 pods"},
		"a store more than pods":              {nil, Stores(4), "PD knows 7 stores and there are 3 pods"},
		"a tombstone is nobody":               {nil, inState(func(s *pdstate.Snapshot) { s.Stores = append(s.Stores, pdapi.Store{ID: 9, State: pdapi.Tombstone}) }), ""},
		"a store is drained":                  {nil, SetStore(2, State(pdapi.Down)), "store 2 is Down"},
		"a store is silent":                   {nil, SetStore(2, Silent), "store 2 does not report to PD"},
		"a store was never heard":             {nil, SetStore(2, Unheard), "store 2 does not report to PD"},
		"the cells are not known":             {nil, inState(func(s *pdstate.Snapshot) { s.Cells, s.CellsAt = nil, time.Time{} }), "PD has not been asked about the cells yet"},
		"a cell is without a leader":          {nil, firstCell(func(c *pdapi.Cell) { c.Leader = nil }), "cell 100 has not reported to PD"},
		"a cell has a dead replica":           {nil, firstCell(func(c *pdapi.Cell) { c.DownPeers = []pdapi.DownPeer{{Peer: c.Peers[0]}} }), "cell 100 has a replica that is down"},
		"a cell has a replica on its way":     {nil, firstCell(func(c *pdapi.Cell) { c.PendingPeers = c.Peers[:1] }), "cell 100 has a replica that is being filled"},
		"a cell lacks a replica":              {nil, firstCell(func(c *pdapi.Cell) { c.Peers = c.Peers[:2] }), "cell 100 has 2 of 3 replicas"},
		"a cell has a replica too many":       {nil, firstCell(func(c *pdapi.Cell) { c.Peers = append(c.Peers, pdapi.Peer{ID: 9, StoreID: 9}) }), ""},
		"more replicas than PD has learnt of": {nil, inState(func(s *pdstate.Snapshot) { s.System.MaxReplicas = 5 }), "cell 100 has 3 of 5 replicas"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := Settled(c)
			if test.stand != nil {
				test.stand(f)
			}
			modify := []StateModifier{Stores(3)}
			if test.state != nil {
				modify = append(modify, test.state)
			}
			v := f.View(c, PDState(c, modify...))
			assert.Equal(t, test.want, v.Unhealthy())
			v.Now = v.Now.Add(5 * time.Second)
			if test.want != "" {
				assert.Equal(t, test.want, v.Unhealthy(), "nothing in it changes by itself")
			}
		})
	}
	assert.Equal(t, "PD has not answered yet", Settled(c).View(c, nil).Unhealthy())

	for name, state := range map[string]StateModifier{
		"":                                inState(func(s *pdstate.Snapshot) { s.System.MaxReplicas = 5 }),
		"store 2 is Down":                 SetStore(2, State(pdapi.Down)),
		"cell 100 has not reported to PD": firstCell(func(c *pdapi.Cell) { c.Leader = nil }),
	} {
		assert.Equal(t, name, Settled(c).View(c, PDState(c, Stores(3), state)).UnhealthyForPD(), "for PD, cells may lack replicas")
	}
}

func TestLedBy(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	v := Settled(c).View(c, PDState(c, Stores(3), firstCell(func(c *pdapi.Cell) { c.Leader = nil })))
	all := 0
	for id := range uint64(5) {
		all += v.LedBy(id)
	}
	assert.Equal(t, len(v.State.Cells)-1, all)
	assert.Zero(t, v.LedBy(9))
}

func TestStoreOf(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	dead := Store(c, 9, 1)
	dead.State = pdapi.Tombstone
	v := Settled(c).View(c, PDState(c, Stores(3), inState(func(s *pdstate.Snapshot) { s.Stores = append([]pdapi.Store{dead}, s.Stores...) })))
	s := v.StoreOf("demo-store-1")
	require.NotNil(t, s)
	assert.EqualValues(t, 2, s.ID, "not the tombstone that was there before")
	assert.Nil(t, v.StoreOf("demo-store-7"))
	assert.Nil(t, v.StoreOf(""))
	assert.Nil(t, Settled(c).View(c, nil).StoreOf("demo-store-1"))
}
