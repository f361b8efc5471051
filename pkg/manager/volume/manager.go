// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package volume looks after the volume claims of PDs and stores, and the
// volumes behind them: who owns a claim, and what becomes of a volume.
package volume

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Manager manages claims and volumes.
type Manager struct {
	controls *control.Controls
}

var _ manager.Manager = (*Manager)(nil)

// NewManager makes a Manager.
func NewManager(controls *control.Controls) *Manager { return &Manager{controls: controls} }

// Sync implements manager.Manager. Nothing here disrupts anybody.
func (m *Manager) Sync(ctx context.Context, c *view.Cluster) (manager.Result, error) {
	var errs []error
	var r manager.Result
	for _, set := range []*view.Set{&c.PD, &c.Store} {
		errs = append(errs, m.grow(ctx, c, set, &r))
		noteLeft(&r, c, set)
		for _, claim := range set.Claims {
			if claim.DeletionTimestamp != nil {
				continue
			}
			if DecideReclaim(c, set, claim) {
				errs = append(errs, m.reclaim(ctx, c, claim))
				continue
			}
			if owners, change := DecideOwners(c.Object, claim); change {
				errs = append(errs, m.controls.Claims.PatchMetadata(ctx, claim, control.Metadata{OwnerReferences: owners}))
			}
			if volume := c.Volumes[claim.Spec.VolumeName]; DecidePolicy(c.Object, claim, volume) {
				errs = append(errs, m.controls.Volumes.SetReclaimPolicy(ctx, volume, c.Object.Spec.PVReclaimPolicy))
			}
		}
	}
	return r, errors.Join(errs...)
}

// Problems implements manager.Manager.
func (m *Manager) Problems(c *view.Cluster) manager.Result {
	var r manager.Result
	kept := c.Object.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted == v1alpha1.RetainClaims
	for _, set := range []*view.Set{&c.PD, &c.Store} {
		noteLeft(&r, c, set)
		for _, ordinal := range slices.Sorted(maps.Keys(set.Claims)) {
			if claim := set.Claims[ordinal]; kept && Owned(c.Object, claim) {
				r.Problem(v1alpha1.ReasonPaused, "volume claim %s still goes with the cluster if that is deleted, though whenDeleted is Retain now: set spec.paused to false before you delete it", claim.Name)
				return r
			}
		}
	}
	return r
}

// Owned tells whether a claim is deleted with the cluster.
func Owned(c *v1alpha1.CellCluster, claim *corev1.PersistentVolumeClaim) bool {
	return slices.ContainsFunc(claim.OwnerReferences, func(o metav1.OwnerReference) bool { return o.UID == c.UID })
}

// noteLeft says which claim waits for a volume of a class that is not asked for any more: a former
// cluster of this name has left it, and no StatefulSet changes what it finds.
func noteLeft(r *manager.Result, c *view.Cluster, set *view.Set) {
	if set.Set == nil || len(set.Set.Spec.VolumeClaimTemplates) == 0 || set.Set.Spec.VolumeClaimTemplates[0].Spec.StorageClassName == nil {
		return
	}
	want := *set.Set.Spec.VolumeClaimTemplates[0].Spec.StorageClassName
	for _, ordinal := range slices.Sorted(maps.Keys(set.Claims)) {
		claim := set.Claims[ordinal]
		if class := claim.Spec.StorageClassName; claim.Spec.VolumeName == "" && class != nil && *class != want && claim.DeletionTimestamp == nil && !member.Retired(claim) {
			r.Problem(v1alpha1.ReasonWaitingForVolume, "volume claim %s has no volume and waits for one of StorageClass %q, while spec.%s asks for %q: a former cluster has left it; delete it, kubectl -n %s delete pvc %s",
				claim.Name, *class, set.Component, want, claim.Namespace, claim.Name)
			return
		}
	}
}

// DecideReclaim tells whether the claim of a removed member is to be deleted: if the
// spec says so, or if a new member needs its name. A claim that a pod still
// uses is not, nor one whose removal PD has not confirmed. What becomes of the volume is its reclaim policy's business.
func DecideReclaim(c *view.Cluster, set *view.Set, claim *corev1.PersistentVolumeClaim) bool {
	ordinal, ok := naming.Ordinal(claim.Name)
	if !ok || !member.Retired(claim) || ordinal < set.Replicas() {
		return false
	}
	if _, used := set.Pod(ordinal); used || !gone(c, set.Component, claim, ordinal) {
		return false
	}
	want := c.Object.Spec.PD.Replicas
	if set.Component == naming.Store {
		want = c.Object.Spec.Store.Replicas
		if ordinal == set.Replicas() && store.WantsSpare(c) != "" {
			return true
		}
	}
	return c.Object.Spec.EnablePVReclaim || ordinal < want
}

// gone tells whether PD has said that the member of a claim is gone. That holds for
// ever, so that an old answer is as good as a new one.
func gone(c *view.Cluster, component naming.Component, claim *corev1.PersistentVolumeClaim, ordinal int32) bool {
	if c.State == nil {
		return false
	}
	id, err := strconv.ParseUint(claim.Annotations[naming.AnnotationRetired], 10, 64)
	if err != nil {
		return false
	}
	pod := naming.Pod(c.Object.Name, component, ordinal)
	switch {
	case component == naming.Store && id == 0: // none ever came up in it
		return c.PDUnknown() == "" && c.StoreOf(pod) == nil
	case component == naming.Store:
		s := c.State.Store(id)
		return s != nil && s.State == pdapi.Tombstone
	}
	return len(c.State.Members) > 0 && !slices.ContainsFunc(c.State.Members, func(m pdapi.Member) bool {
		return m.ID == id || c.PDPodOfMember(&m) == pod
	})
}

func (m *Manager) reclaim(ctx context.Context, c *view.Cluster, claim *corev1.PersistentVolumeClaim) error {
	if err := m.controls.Claims.Delete(ctx, claim); err != nil {
		return err
	}
	m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonScaling,
		"Deleted volume claim %s of a removed member (id %s)", claim.Name, claim.Annotations[naming.AnnotationRetired])
	return nil
}

// DecideOwners are the owners that a claim is to have, and whether they differ from
// those it has. With whenDeleted: Delete the CellCluster itself owns it, not the
// StatefulSet: one that is deleted by hand must not take the data along.
func DecideOwners(c *v1alpha1.CellCluster, claim *corev1.PersistentVolumeClaim) (owners []metav1.OwnerReference, change bool) {
	want := c.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted == v1alpha1.DeleteClaims
	owners = []metav1.OwnerReference{}
	owned := false
	for _, o := range claim.OwnerReferences {
		if o.Kind != v1alpha1.Kind || o.Name != c.Name {
			owners = append(owners, o)
			continue
		}
		// A reference to an older cluster of this name would have the garbage collector delete the claim.
		if want && o.UID == c.UID {
			owners = append(owners, o)
			owned = true
		}
	}
	if want && !owned {
		gvk := v1alpha1.GVK()
		owners = append(owners, metav1.OwnerReference{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Name: c.Name, UID: c.UID})
		return owners, true
	}
	return owners, len(owners) != len(claim.OwnerReferences)
}

// DecidePolicy tells whether the reclaim policy of a claim's volume is to be
// set. volume is nil where there is none yet, or the operator may not read it.
func DecidePolicy(c *v1alpha1.CellCluster, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) bool {
	if volume == nil || volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID != claim.UID {
		return false
	}
	return volume.Spec.PersistentVolumeReclaimPolicy != c.Spec.PVReclaimPolicy
}
