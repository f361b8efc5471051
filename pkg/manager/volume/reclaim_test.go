// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package volume_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager/volume"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// lists makes PD list a store of the id that Retired gives, in a state.
func lists(state pdapi.StoreState) StateModifier {
	return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		removed := Store(c, 7, 3)
		removed.State = state
		s.Stores = append(s.Stores, removed)
	}
}

func TestDecideReclaim(t *testing.T) {
	member := func(id uint64, ordinal int32) StateModifier {
		return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) {
			m := PDMember(c, ordinal)
			m.ID = id
			s.Members = append(s.Members, m)
		}
	}
	unknown := func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Members = nil }
	tests := map[string]struct {
		component naming.Component
		ordinal   int32
		reclaim   bool  // spec.enablePVReclaim
		wanted    int32 // members that the spec asks for
		claim     func(*corev1.PersistentVolumeClaim)
		state     StateModifier
		used      bool // its pod is still there
		want      bool
	}{
		"a tombstone's, to be reclaimed":                     {naming.Store, 3, true, 3, Retired, lists(pdapi.Tombstone), false, true},
		"a tombstone's, to be kept":                          {naming.Store, 3, false, 3, Retired, lists(pdapi.Tombstone), false, false},
		"a tombstone's, in a new store's way":                {naming.Store, 3, false, 4, Retired, lists(pdapi.Tombstone), false, true},
		"a tombstone's, whose pod is there":                  {naming.Store, 3, true, 3, Retired, lists(pdapi.Tombstone), true, false},
		"a store's that is drained":                          {naming.Store, 3, true, 3, Retired, lists(pdapi.Down), false, false},
		"a store's that is Up":                               {naming.Store, 3, true, 5, Retired, lists(pdapi.Up), false, false},
		"a store's that PD does not list":                    {naming.Store, 3, true, 3, Retired, nil, false, false},
		"a store's while PD is silent: tombstones stay ones": {naming.Store, 3, true, 3, Retired, both(lists(pdapi.Tombstone), Unreachable), false, true},
		"of a store within the set":                          {naming.Store, 2, true, 3, Retired, lists(pdapi.Tombstone), false, false},
		"not set aside":                                      {naming.Store, 3, true, 3, nil, lists(pdapi.Tombstone), false, false},
		"set aside for who knows":                            {naming.Store, 3, true, 3, mark("x"), lists(pdapi.Tombstone), false, false},
		"a removed PD's":                                     {naming.PD, 3, true, 3, Retired, nil, false, true},
		"a removed PD's, to be kept":                         {naming.PD, 3, false, 3, Retired, nil, false, false},
		"a removed PD's, in a new one's way":                 {naming.PD, 3, false, 5, Retired, nil, false, true},
		"a PD's that is still a member":                      {naming.PD, 3, true, 3, Retired, member(7, 3), false, false},
		"a PD's whose address is still listed":               {naming.PD, 3, true, 3, Retired, member(8, 3), false, false},
		"a PD's while nobody names members":                  {naming.PD, 3, true, 3, Retired, unknown, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := Settled(c)
			claim := Claim(c, test.component, test.ordinal)
			if test.claim != nil {
				test.claim(claim)
			}
			f.Add(claim)
			if test.ordinal == 2 {
				f.Pods.Remove(f.Pods.Get(Namespace, "demo-store-2"))
			}
			if test.used {
				f.Add(Pod(c, test.component, test.ordinal, Terminating))
			}
			modify := []StateModifier{Stores(3)}
			if test.state != nil {
				modify = append(modify, test.state)
			}
			state := PDState(c, modify...)
			c.Spec.EnablePVReclaim, c.Spec.Store.Replicas, c.Spec.PD.Replicas = test.reclaim, test.wanted, test.wanted
			v := f.View(c, state)
			set := &v.Store
			if test.component == naming.PD {
				set = &v.PD
			}
			assert.Equal(t, test.want, volume.DecideReclaim(v, set, set.Claims[test.ordinal]))
			v.State = nil
			assert.False(t, volume.DecideReclaim(v, set, set.Claims[test.ordinal]), "before PD has answered")

			f.Reset()
			_, err := volume.NewManager(f.Controls()).Sync(t.Context(), f.View(c, state))
			require.NoError(t, err)
			assert.Equal(t, test.want, f.Claims.Count(Delete) == 1)
		})
	}
}

func both(a, b StateModifier) StateModifier {
	return func(c *v1alpha1.CellCluster, s *pdstate.Snapshot) { a(c, s); b(c, s) }
}

func mark(id string) func(*corev1.PersistentVolumeClaim) {
	return func(p *corev1.PersistentVolumeClaim) {
		p.Annotations = map[string]string{naming.AnnotationRetired: id}
	}
}

func TestDecideOwners(t *testing.T) {
	c := Cluster("demo")
	own := metav1.OwnerReference{APIVersion: "deepfabric.com/v1alpha1", Kind: "CellCluster", Name: "demo", UID: c.UID}
	older, set := own, metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "demo-store", UID: "s"}
	older.UID = "older"
	other := own
	other.Name, other.UID = "another", "another"
	const deletes, retains = v1alpha1.DeleteClaims, v1alpha1.RetainClaims
	type refs = []metav1.OwnerReference
	tests := map[string]struct {
		have   refs
		want   refs
		change bool
		policy v1alpha1.ClaimRetention
	}{
		"kept":                                {nil, refs{}, false, retains},
		"to go along":                         {nil, refs{own}, true, deletes},
		"goes along already":                  {refs{own}, refs{own}, false, deletes},
		"kept after all":                      {refs{own}, refs{}, true, retains},
		"an older cluster of the name had it": {refs{older}, refs{own}, true, deletes},
		"kept, an older cluster had it":       {refs{older}, refs{}, true, retains},
		"an older one and this one":           {refs{older, own}, refs{own}, true, deletes},
		"others stay":                         {refs{set, other}, refs{set, other}, false, retains},
		"others stay beside":                  {refs{set, other}, refs{set, other, own}, true, deletes},
		"others stay, this one goes":          {refs{set, own, other}, refs{set, other}, true, retains},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted = test.policy
			owners, change := volume.DecideOwners(c, Claim(c, naming.Store, 0, func(p *corev1.PersistentVolumeClaim) { p.OwnerReferences = test.have }))
			assert.Equal(t, test.change, change)
			if change {
				assert.Equal(t, test.want, owners)
			}
		})
	}
}

func TestDecidePolicy(t *testing.T) {
	c := Cluster("demo")
	c.Spec.PVReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	claim := Claim(c, naming.Store, 0)
	claim.UID = "claim"
	volumeOf := func(policy corev1.PersistentVolumeReclaimPolicy, uid types.UID) *corev1.PersistentVolume {
		return &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{PersistentVolumeReclaimPolicy: policy, ClaimRef: &corev1.ObjectReference{UID: uid}}}
	}
	tests := map[string]struct {
		volume *corev1.PersistentVolume
		want   bool
	}{
		"none, or not to be read":    {nil, false},
		"as wanted":                  {volumeOf(corev1.PersistentVolumeReclaimRetain, "claim"), false},
		"another policy":             {volumeOf(corev1.PersistentVolumeReclaimDelete, "claim"), true},
		"another claim's by now":     {volumeOf(corev1.PersistentVolumeReclaimDelete, "other"), false},
		"a volume that is not bound": {&corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete}}, false},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, volume.DecidePolicy(c, claim, test.volume), name)
	}
}

// Nothing is written of a cluster whose volumes are as they are wanted.
func TestSettledClusterCostsNothing(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	r, err := syncVolumes(t, f, c)
	require.NoError(t, err)
	assert.Empty(t, f.Writes())
	assert.Empty(t, r.Problems)
	assert.Empty(t, r.Waits)
}

// A claim that a former cluster left without a volume keeps its class, whatever is asked for now.
func TestClaimsOfAFormerCluster(t *testing.T) {
	waits := func(p *corev1.PersistentVolumeClaim) {
		p.Spec.VolumeName, p.Spec.StorageClassName, p.Status.Phase = "", new("former"), corev1.ClaimPending
	}
	for name, test := range map[string]struct {
		claim func(*corev1.PersistentVolumeClaim)
		want  bool
	}{
		"another class":            {waits, true},
		"another class, and bound": {func(p *corev1.PersistentVolumeClaim) { p.Spec.StorageClassName = new("former") }, false},
		"the same class":           {func(p *corev1.PersistentVolumeClaim) { waits(p); p.Spec.StorageClassName = new("local-storage") }, false},
		"it goes":                  {func(p *corev1.PersistentVolumeClaim) { waits(p); p.DeletionTimestamp = &metav1.Time{Time: Now()} }, false},
		"that of a removed member": {func(p *corev1.PersistentVolumeClaim) { waits(p); Retired(p) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", func(c *v1alpha1.CellCluster) { c.Spec.Store.StorageClassName = new("local-storage") })
			f := Settled(c)
			f.Add(Claim(c, naming.Store, 1, test.claim))
			r, err := syncVolumes(t, f, c)
			require.NoError(t, err)
			if !test.want {
				assert.Empty(t, r.Problems)
				return
			}
			require.Len(t, r.Problems, 1)
			assert.Contains(t, r.Problems[0].Message, "kubectl -n "+Namespace+" delete pvc data-demo-store-1")
		})
	}
}
