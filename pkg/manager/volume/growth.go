// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// grow brings the claims of a component, and the template for new ones, to the
// size that the spec asks for. No pod restarts for it.
func (m *Manager) grow(ctx context.Context, c *view.Cluster, set *view.Set, r *manager.Result) error {
	want := wantedSize(c, set)
	var errs []error
	growing, refused, unbound := 0, false, ""
	for _, ordinal := range slices.Sorted(maps.Keys(set.Claims)) {
		claim := set.Claims[ordinal]
		if claim.DeletionTimestamp != nil || member.Retired(claim) || !TooSmall(claim, want) {
			continue
		}
		if claim.Status.Phase != corev1.ClaimBound {
			unbound = claim.Name
			continue
		}
		why := CannotGrow(c, claim)
		var err error
		if why == "" {
			err = m.controls.Claims.Resize(ctx, claim, want)
			if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
				why = fmt.Sprintf("volume claim %s cannot grow; if it is for a quota, raise that, else set the size back or use a StorageClass that allows expansion: %v", claim.Name, err)
				r.LookAgain(refusedPause) // nothing tells of a quota that was raised
			}
		}
		if why != "" {
			if !refused { // one says enough
				r.Problem(v1alpha1.ReasonInvalidSpec, "spec.%s.requests.storage: %s", set.Component, why)
			}
			refused = true
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		growing++
	}
	if growing > 0 {
		r.Wait(v1alpha1.ReasonWaitingForVolume, "growing the volumes of %s to %s", set.Component, want.String())
		m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, EventResized, "Grew %d volume claims of %s to %s", growing, set.Component, want.String())
	}
	if unbound != "" {
		r.Wait(v1alpha1.ReasonWaitingForVolume, "growing the volumes of %s to %s: volume claim %s has no volume yet, and can grow when it has", set.Component, want.String(), unbound)
	}
	if growing > 0 || len(errs) > 0 || refused || unbound != "" {
		return errors.Join(errs...)
	}
	return m.growTemplate(ctx, c, set, want, r)
}

// refusedPause is the time until a growth that was refused is tried again.
const refusedPause = time.Minute

// EventResized is the reason of events about volumes that grow.
const EventResized = "Resized"

// growTemplate replaces a StatefulSet whose claim template asks for less than the
// spec, since Kubernetes lets nobody change it. Its pods stay, and the next sync makes
// the new one, which adopts them.
func (m *Manager) growTemplate(ctx context.Context, c *view.Cluster, set *view.Set, want resource.Quantity, r *manager.Result) error {
	if set.Set == nil || len(set.Set.Spec.VolumeClaimTemplates) == 0 {
		return nil
	}
	have := set.Set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]
	if have.Cmp(want) >= 0 {
		return nil
	}
	r.Wait(v1alpha1.ReasonWaitingForVolume, "replacing StatefulSet %s, so that new volumes have %s", set.Set.Name, want.String())
	if set.Set.DeletionTimestamp != nil {
		return nil // it is on its way out
	}
	if err := m.controls.Orphans.DeleteAlone(ctx, set.Set); err != nil {
		return err
	}
	m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, EventResized, "Replaced StatefulSet %s, whose pods go on, so that new volumes have %s", set.Set.Name, want.String())
	return nil
}

func wantedSize(c *view.Cluster, set *view.Set) resource.Quantity {
	if set.Component == naming.Store {
		return desired.Storage(&c.Object.Spec.Store.ComponentSpec)
	}
	return desired.Storage(&c.Object.Spec.PD.ComponentSpec)
}

// TooSmall tells whether a claim asks for less than is wanted. A claim that asks
// for more is left alone, volumes do not shrink.
func TooSmall(claim *corev1.PersistentVolumeClaim, want resource.Quantity) bool {
	have := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	return have.Cmp(want) < 0
}

// CannotGrow says why a claim cannot grow, as far as that is known without
// asking; it is empty where it is worth a try.
func CannotGrow(c *view.Cluster, claim *corev1.PersistentVolumeClaim) string {
	class := claim.Spec.StorageClassName
	if class == nil || *class == "" {
		return fmt.Sprintf("volume claim %s has no StorageClass, so it cannot grow; set the size back", claim.Name)
	}
	if allowed, known := c.Expandable[*class]; known && !allowed {
		return fmt.Sprintf("StorageClass %s of volume claim %s does not allow expansion; set allowVolumeExpansion on the class if its volumes can grow, else set the size back", *class, claim.Name)
	}
	return ""
}
