// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// silentFor makes PD not have heard of a store for so long.
func silentFor(id uint64, d time.Duration) StateModifier {
	return SetStore(id, func(s *pdapi.Store) { s.LastHeartbeat = Now().Add(-d) })
}

// ledFor makes PD's leader lead for so long.
func ledFor(d time.Duration) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.LeaderSince = Now().Add(-d) }
}

// without makes PD have taken a store out of every cell, whose place others have taken, if there are any.
func without(id uint64, replacement uint64) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		for i := range s.Cells {
			var peers []pdapi.Peer
			for _, p := range s.Cells[i].Peers {
				if p.StoreID == id {
					if replacement == 0 {
						continue
					}
					p = pdapi.Peer{ID: p.ID + 1000, StoreID: replacement}
				}
				peers = append(peers, p)
			}
			s.Cells[i].Peers = peers
			leader := peers[0]
			s.Cells[i].Leader = &leader
		}
	}
}

// annotated sets an annotation of a claim.
func annotated(key, value string) func(*corev1.PersistentVolumeClaim) {
	return func(p *corev1.PersistentVolumeClaim) {
		if p.Annotations == nil {
			p.Annotations = map[string]string{}
		}
		p.Annotations[key] = value
	}
}

func deletedClaim(p *corev1.PersistentVolumeClaim) {
	now := metav1.NewTime(Now())
	p.DeletionTimestamp, p.Finalizers = &now, []string{"kubernetes.io/pvc-protection"}
}

// What becomes of store 2 in pod demo-store-1, by what is seen of it.
func TestDecideFailover(t *testing.T) {
	replacing := annotated(naming.AnnotationReplacing, "2")
	dead := silentFor(2, 6*time.Minute)
	type claims = []func(*corev1.PersistentVolumeClaim)
	tests := map[string]struct {
		have    int32
		state   []StateModifier
		claim   claims
		last    claims // of the highest ordinal
		next    claims // of the ordinal after it
		pod     PodModifier
		spec    func(*v1alpha1.CellCluster)
		do      manager.Verb
		target  string
		message string
	}{
		"all is well":                       {},
		"silent for a while":                {state: []StateModifier{silentFor(2, 4*time.Minute)}},
		"silent for long: a spare":          {state: []StateModifier{dead}, do: "AddSpare", target: "demo-store-3", message: "adding spare store demo-store-3: store 2 in pod demo-store-1 has been silent for longer than spec.store.failover.period"},
		"never heard of by a new PD leader": {state: []StateModifier{SetStore(2, Unheard)}, do: "AddSpare", target: "demo-store-3"},
		"a PD leader that is too new":       {state: []StateModifier{SetStore(2, Unheard), ledFor(4 * time.Minute)}},
		"PD is unknown":                     {state: []StateModifier{dead, Unreachable}},
		"not if it is disabled":             {state: []StateModifier{dead}, spec: func(c *v1alpha1.CellCluster) { c.Spec.Store.Failover.Enabled = new(false) }},
		"none is allowed":                   {state: []StateModifier{dead}, spec: func(c *v1alpha1.CellCluster) { c.Spec.Store.Failover.MaxFailoverCount = new(int32(0)) }},
		"one spare is enough for one":       {have: 4, state: []StateModifier{dead}},
		"two are gone":                      {have: 4, state: []StateModifier{dead, silentFor(1, time.Hour)}, do: "AddSpare", target: "demo-store-4"},
		"two are gone, one is allowed": {have: 4, state: []StateModifier{dead, silentFor(1, time.Hour)},
			spec: func(c *v1alpha1.CellCluster) { c.Spec.Store.Failover.MaxFailoverCount = new(int32(1)) }},
		"the first spare does not serve yet":  {have: 4, state: []StateModifier{dead, silentFor(1, time.Hour), silentFor(4, time.Minute)}},
		"a new spec is under way":             {state: []StateModifier{dead}, pod: func(p *corev1.Pod) { Ready(p); Outdated(p) }},
		"an old volume is in the spare's way": {state: []StateModifier{dead}, next: claims{Retired}},

		"its replicas are not taken over yet": {have: 4, state: []StateModifier{dead}},
		"its replicas are taken over":         {have: 4, state: []StateModifier{dead, without(2, 4)}, do: "MarkVolume", target: "demo-store-1"},
		"they are, with none to spare":        {have: 3, state: []StateModifier{dead, without(2, 0)}, last: claims{}, do: "MarkVolume", target: "demo-store-1"},
		"a cell is still being filled": {have: 4, state: []StateModifier{dead, without(2, 4), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			s.Cells[1].PendingPeers = s.Cells[1].Peers[:1]
		}}},
		"a cell has no leader": {have: 4, state: []StateModifier{dead, without(2, 4), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Cells[1].Leader = nil }}},
		"the cells were not asked": {have: 4, state: []StateModifier{dead, without(2, 4), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			s.Cells, s.CellsAt = nil, time.Time{}
		}}},
		"another is being replaced":      {have: 4, state: []StateModifier{dead, without(2, 4)}, last: claims{annotated(naming.AnnotationReplacing, "4")}, do: "KeepVolume", target: "demo-store-3"},
		"marked: it becomes a tombstone": {have: 4, state: []StateModifier{dead, without(2, 4)}, claim: claims{replacing}, do: "Tombstone", target: "demo-store-1"},
		"marked, and holds something":    {have: 4, state: []StateModifier{dead}, claim: claims{replacing}},
		"marked, and comes back":         {have: 4, state: []StateModifier{without(2, 4)}, claim: claims{replacing}, do: "KeepVolume", target: "demo-store-1"},
		"marked by hand, and lives":      {have: 4, state: []StateModifier{without(2, 4)}, claim: claims{replacing, annotated(naming.AnnotationReplace, "true")}},
		"a tombstone: its volume goes":   {have: 4, state: []StateModifier{SetStore(2, State(pdapi.Tombstone))}, claim: claims{replacing}, do: "DeleteVolumeClaim", target: "demo-store-1"},
		"its pod goes":                   {have: 4, state: []StateModifier{SetStore(2, State(pdapi.Tombstone))}, claim: claims{replacing, deletedClaim}, do: "DeletePod", target: "demo-store-1"},
		"both are going":                 {have: 4, state: []StateModifier{SetStore(2, State(pdapi.Tombstone))}, claim: claims{replacing, deletedClaim}, pod: Terminating},
		"a new store has started on the volume that goes": {have: 4, claim: claims{replacing, deletedClaim}, state: []StateModifier{
			SetStore(2, State(pdapi.Tombstone)), func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
				s.Stores = append(s.Stores, pdapi.Store{ID: 9, Address: s.Stores[1].Address, State: pdapi.Up, LastHeartbeat: s.Stores[0].LastHeartbeat})
			}}},
		"its claim has been deleted":                  {have: 4, state: []StateModifier{dead, without(2, 4)}, claim: claims{deletedClaim}, do: "MarkVolume", target: "demo-store-1"},
		"marked by hand, and to leave":                {have: 4, claim: claims{}, last: claims{annotated(naming.AnnotationReplacing, "4"), annotated(naming.AnnotationReplace, "true")}, do: "KeepVolume", target: "demo-store-3"},
		"the spare of one that is being emptied dies": {have: 4, state: []StateModifier{SetStore(2, State(pdapi.Down)), silentFor(4, time.Hour)}, do: "AddSpare", target: "demo-store-4"},
		"it does, and no more are allowed": {have: 4, state: []StateModifier{SetStore(2, State(pdapi.Down)), silentFor(4, time.Hour)},
			spec: func(c *v1alpha1.CellCluster) { c.Spec.Store.Failover.MaxFailoverCount = new(int32(1)) }},
		"a stranger's tombstone": {have: 4, state: []StateModifier{SetStore(2, State(pdapi.Tombstone))}},

		"a store with neither pod nor volume": {have: 3, state: []StateModifier{silentFor(4, time.Hour), without(4, 1)}, do: "Tombstone", target: "demo-store-3"},
		"it is only away for a while":         {have: 3, state: []StateModifier{silentFor(4, time.Minute), without(4, 1)}},
		"Down, and died on the way":           {have: 4, last: []func(*corev1.PersistentVolumeClaim){Retired}, state: []StateModifier{SetStore(4, State(pdapi.Down)), silentFor(4, time.Hour), without(4, 1)}, do: "Tombstone", target: "demo-store-3"},
		"Down, and not marked yet":            {have: 4, last: []func(*corev1.PersistentVolumeClaim){}, state: []StateModifier{SetStore(4, State(pdapi.Down)), silentFor(4, time.Hour), without(4, 1)}},
		"removed, and died before":            {have: 4, last: []func(*corev1.PersistentVolumeClaim){Retired}, state: []StateModifier{silentFor(4, time.Hour), without(4, 1)}, do: "Tombstone", target: "demo-store-3"},
		"a tombstone made by hand":            {claim: []func(*corev1.PersistentVolumeClaim){storeLabel("2")}, pod: deadFor(time.Hour), state: []StateModifier{SetStore(2, State(pdapi.Tombstone))}, do: "DeleteVolumeClaim", target: "demo-store-1"},
		"a tombstone made by hand just now":   {claim: []func(*corev1.PersistentVolumeClaim){storeLabel("2")}, pod: deadFor(time.Minute), state: []StateModifier{SetStore(2, State(pdapi.Tombstone))}},
		"another's tombstone":                 {claim: []func(*corev1.PersistentVolumeClaim){storeLabel("7")}, pod: deadFor(time.Hour), state: []StateModifier{SetStore(2, State(pdapi.Tombstone))}},
		"Down, and holds something":           {have: 4, state: []StateModifier{SetStore(1, State(pdapi.Down)), silentFor(1, time.Hour)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped, stores(max(test.have, 3)))
			f := Settled(c)
			n := c.Spec.Store.Replicas
			f.Add(Claim(c, naming.Store, 1, test.claim...))
			if test.last != nil {
				f.Add(Claim(c, naming.Store, n-1, test.last...))
			}
			if test.next != nil {
				f.Add(Claim(c, naming.Store, n, test.next...))
			}
			if test.pod != nil {
				f.Add(Pod(c, naming.Store, 1, Ready, test.pod))
			}
			known := n
			if name == "a store with neither pod nor volume" || name == "it is only away for a while" {
				known++
			}
			state := PDState(c, append([]StateModifier{Stores(known)}, test.state...)...)
			c.Spec.Store.Replicas = 3
			if test.spec != nil {
				test.spec(c)
			}
			step := store.NewFailover(nil, nil, nil).Decide(f.View(c, state))
			if test.do == "" {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, v1alpha1.ReasonReplacing, step.Type)
			assert.Equal(t, test.do, step.Do, step.Message)
			assert.Equal(t, test.target, step.Target)
			assert.Contains(t, step.Message, test.message)
		})
	}
}

// What becomes of store 2 in pod demo-store-1 when a user asks for its replacement, or has taken it down.
func TestDecideReplacement(t *testing.T) {
	request := annotated(naming.AnnotationReplace, "true")
	replacing := annotated(naming.AnnotationReplacing, "2")
	type claims = []func(*corev1.PersistentVolumeClaim)
	down := SetStore(2, State(pdapi.Down))
	tests := map[string]struct {
		have    int32
		state   []StateModifier
		claim   claims
		spec    func(*v1alpha1.CellCluster)
		begun   bool
		do      manager.Verb
		message string // "" for no step
		spare   bool
	}{
		"nobody asks":                 {have: 4},
		"asked and taken back":        {have: 4, claim: claims{annotated(naming.AnnotationReplace, "false")}},
		"too few stores: a spare":     {have: 3, claim: claims{request}, spare: true, message: "waits: 2 stores would remain up"},
		"no spare from bad health":    {have: 3, claim: claims{request}, state: []StateModifier{silentFor(1, time.Minute)}, message: "waits: store 1 does not report to PD"},
		"its volume is marked first":  {have: 4, claim: claims{request}, do: "MarkVolume", message: "marking its volume"},
		"its leaders move away":       {have: 4, claim: claims{request, replacing}, do: "EvictLeaders", message: "moving the leaders away"},
		"not from bad health":         {have: 4, claim: claims{request}, state: []StateModifier{silentFor(1, time.Minute)}, message: "waits: store 1 does not report to PD"},
		"one that is dead is no such": {have: 4, claim: claims{request}, state: []StateModifier{silentFor(2, time.Minute)}},
		"Down, marked":                {have: 4, claim: claims{request, replacing}, state: []StateModifier{down}, begun: true, do: "Drain", message: "PD is moving its cells away"},
		"Down by hand":                {have: 4, state: []StateModifier{down}, begun: true, do: "MarkVolume", message: "which was taken down and cannot come up again"},
		"Down by hand, with too few":  {have: 3, state: []StateModifier{down}, begun: true, do: "MarkVolume", spare: true, message: "marking its volume"},
		"Down for a removal":          {have: 4, state: []StateModifier{SetStore(4, State(pdapi.Down))}},
		"Down, the last, and wanted": {have: 4, state: []StateModifier{SetStore(4, State(pdapi.Down))}, begun: true, do: "MarkVolume", message: "replacing store 4 in pod demo-store-3",
			spec: func(c *v1alpha1.CellCluster) { c.Spec.Store.Replicas = 4 }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped, stores(test.have))
			f := Settled(c)
			f.Add(Claim(c, naming.Store, 1, test.claim...))
			state := PDState(c, append([]StateModifier{Stores(test.have)}, test.state...)...)
			c.Spec.Store.Replicas = 3
			if test.spec != nil {
				test.spec(c)
			}
			v := f.View(c, state)
			assert.Equal(t, test.spare, store.WantsSpare(v) != "")
			r := store.NewReplacer(nil, nil, nil)
			begin, begun := r.Begin().Decide(v), r.Begun().Decide(v)
			step := begin
			if test.begun {
				step = begun
			}
			if test.message == "" {
				assert.Nil(t, begin)
				assert.Nil(t, begun)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, test.do, step.Do, step.Message)
			assert.Contains(t, step.Message, test.message)
		})
	}
}

func storeLabel(id string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Labels[naming.LabelStoreID] = id }
}

func deadFor(d time.Duration) PodModifier {
	return func(p *corev1.Pod) {
		Age(time.Hour + d)(p)
		Running(p)
		p.Status.Conditions[len(p.Status.Conditions)-1].LastTransitionTime = metav1.NewTime(Now().Add(-d))
	}
}

// Which pod of a store may be evicted from a cordoned node.
func TestDecideNodeDrain(t *testing.T) {
	marked := func(ago time.Duration) PodModifier {
		return func(p *corev1.Pod) {
			p.Annotations[naming.AnnotationEvicting] = Now().Add(-ago).UTC().Format(time.RFC3339) + " drain"
		}
	}
	open := func(p *corev1.Pod) { p.Labels[naming.LabelEvictable] = "true" }
	cordon := func(n *corev1.Node) { n.Spec.Unschedulable = true }
	tests := map[string]struct {
		node    func(*corev1.Node)
		pod     []PodModifier // of demo-store-1, on the node
		other   []PodModifier // of demo-store-2, elsewhere
		state   []StateModifier
		want    int32 // stores, 3 if 0
		noted   *desired.Replacing
		do      manager.Verb
		target  string
		message string // "" for no step
	}{
		"no node is cordoned": {},
		"a node is cordoned":  {node: cordon, do: "Mark", target: "demo-store-1", message: "node node-1 is cordoned: moving the leaders away from pod demo-store-1"},
		"a node is to be deleted": {node: func(n *corev1.Node) {
			n.Spec.Taints = []corev1.Taint{{Key: "ToBeDeletedByClusterAutoscaler", Effect: corev1.TaintEffectNoSchedule}}
		}, do: "Mark", target: "demo-store-1", message: "moving the leaders away"},
		"marked":                        {node: cordon, pod: []PodModifier{marked(time.Minute)}, do: "KeepLeadersAway", target: "demo-store-1", message: "moving the leaders away"},
		"it may go":                     {node: cordon, pod: []PodModifier{marked(time.Minute), open}, do: "KeepLeadersAway", target: "demo-store-1", message: "may be evicted, its leaders are kept away"},
		"it may go for ever":            {node: cordon, pod: []PodModifier{marked(time.Hour), open}, do: "KeepLeadersAway", target: "demo-store-1", message: "may be evicted"},
		"others have waited for long":   {node: cordon, pod: []PodModifier{marked(11 * time.Minute), open}, want: 4, do: "Hold", target: "demo-store-1", message: "may not be evicted any more"},
		"others have begun with it":     {node: cordon, pod: []PodModifier{func(p *corev1.Pod) { p.Annotations[naming.AnnotationEvicting] = Now().Format(time.RFC3339) + " remove" }}, want: 2},
		"what others had begun is over": {node: cordon, pod: []PodModifier{func(p *corev1.Pod) { p.Annotations[naming.AnnotationEvicting] = Now().Format(time.RFC3339) + " remove" }}, do: "Mark", target: "demo-store-1", message: "moving"},
		"others have their turn":        {node: cordon, pod: []PodModifier{marked(11 * time.Minute)}, want: 4},
		"all yield at once":             {node: cordon, pod: []PodModifier{marked(21 * time.Minute)}, other: []PodModifier{On("node-1"), marked(11 * time.Minute)}, want: 4},
		"others have had their turn":    {node: cordon, pod: []PodModifier{marked(21 * time.Minute)}, want: 4, do: "KeepLeadersAway", target: "demo-store-1", message: "moving the leaders away"},
		"others wait":                   {node: cordon, pod: []PodModifier{marked(time.Minute)}, want: 4, do: "KeepLeadersAway", target: "demo-store-1", message: "moving the leaders away"},
		"not from bad health":           {node: cordon, other: []PodModifier{Running}, target: "demo-store-1", message: "the eviction of pod demo-store-1 waits: pod demo-store-2 is not ready"},
		"PD's pods do not matter":       {node: cordon, state: []StateModifier{func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Members = s.Members[:2] }}, do: "Mark", target: "demo-store-1", message: "moving"},
		"PD is unknown":                 {node: cordon, pod: []PodModifier{marked(time.Minute), open}, state: []StateModifier{Unreachable}, do: "Hold", target: "demo-store-1", message: "not be evicted"},
		"another store is away":         {node: cordon, pod: []PodModifier{marked(time.Minute), open}, other: []PodModifier{Running}, do: "Hold", target: "demo-store-1", message: "not be evicted any more: pod demo-store-2 is not ready"},
		"a PD is being replaced":        {node: cordon, pod: []PodModifier{marked(time.Minute), open}, noted: &desired.Replacing{Pod: "demo-pd-1"}, do: "Hold", target: "demo-store-1", message: "not be evicted any more: PD demo-pd-1 is being replaced"},
		"it is on its way":              {node: cordon, pod: []PodModifier{marked(time.Minute), open, Terminating}, do: "Mark", target: ""},
		"uncordoned":                    {pod: []PodModifier{marked(time.Minute), open}, do: "Hold", target: "demo-store-1", message: "not be evicted"},
		"the node's own pod has ended":  {node: cordon, pod: []PodModifier{Running}, target: ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := Settled(c)
			n := Node("node-1")
			if test.node != nil {
				test.node(n)
			}
			f.Add(n)
			f.Add(Pod(c, naming.Store, 1, append([]PodModifier{Ready}, test.pod...)...), Pod(c, naming.Store, 2, append([]PodModifier{Ready}, test.other...)...))
			if test.want > 0 {
				c.Spec.Store.Replicas = test.want
			}
			start, err := desired.StartConfigMap(c, launch.Join{State: launch.JoinExisting, Members: []launch.JoinMember{desired.PDMember(c, 0)}}, test.noted)
			require.NoError(t, err)
			f.ConfigMaps.Add(start)
			v := f.View(c, PDState(c, append([]StateModifier{Stores(3)}, test.state...)...))
			drains := store.NewNodeDrain(nil, nil, nil)
			step := drains.Hold().Decide(v)
			if step == nil {
				step = drains.Decide(v)
			}
			if test.message == "" {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, v1alpha1.ReasonNodeDrain, step.Type)
			assert.Equal(t, test.do, step.Do, step.Message)
			assert.Equal(t, test.target, step.Target)
			assert.Contains(t, step.Message, test.message)
		})
	}
}

func TestEmptiedNeedsSilence(t *testing.T) {
	c := Cluster("demo", Bootstrapped, stores(4))
	v := func(m ...StateModifier) *view.Cluster {
		return Settled(c).View(c, PDState(c, append([]StateModifier{Stores(4)}, m...)...))
	}
	dead := v(silentFor(2, time.Hour), without(2, 4))
	assert.True(t, store.Emptied(dead, dead.State.Store(2), nil))
	assert.False(t, store.Emptied(dead, dead.State.Store(2), dead.State.Cells[:1]), "PD lists a cell for it")
	alive := v(without(2, 4))
	assert.False(t, store.Emptied(alive, alive.State.Store(2), nil), "a store that reports is drained, not buried")
}
