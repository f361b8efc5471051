// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Retired tells whether a claim belongs to a member that is being removed, or
// was. No new member may mount it.
func Retired(claim *corev1.PersistentVolumeClaim) bool {
	return claim != nil && claim.Annotations[naming.AnnotationRetired] != ""
}

// Retire marks a claim as that of a removed member. It is done before the
// last step of the removal, so that a crash in between cannot lose it.
func Retire(ctx context.Context, controls *control.Controls, claim *corev1.PersistentVolumeClaim, id uint64) error {
	if claim == nil || Retired(claim) {
		return nil
	}
	value := strconv.FormatUint(id, 10)
	return controls.Claims.PatchMetadata(ctx, claim, control.Metadata{Unchanged: true, Annotations: map[string]*string{naming.AnnotationRetired: &value}})
}

// Keep takes the mark of a removed member off a claim, where the removal is taken back.
func Keep(ctx context.Context, controls *control.Controls, claim *corev1.PersistentVolumeClaim) error {
	if !Retired(claim) {
		return nil
	}
	return controls.Claims.PatchMetadata(ctx, claim, control.Metadata{Unchanged: true, Annotations: map[string]*string{naming.AnnotationRetired: nil}})
}

// Blocked is the first ordinal from have on whose claim is a removed member's
// and still there; want if there is none. Members may be added below it.
func Blocked(claims map[int32]*corev1.PersistentVolumeClaim, have, want int32) int32 {
	for i := have; i < want; i++ {
		if claim := claims[i]; claim != nil && (Retired(claim) || claim.DeletionTimestamp != nil) {
			return i
		}
	}
	return want
}

// MarkedID is the member's id in an annotation of a claim; 0 if there is none.
func MarkedID(claim *corev1.PersistentVolumeClaim, annotation string) uint64 {
	if claim == nil {
		return 0
	}
	id, err := strconv.ParseUint(claim.Annotations[annotation], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// MarkReplacing marks a claim as that of a member that is being replaced.
func MarkReplacing(ctx context.Context, controls *control.Controls, claim *corev1.PersistentVolumeClaim, id uint64) error {
	if claim == nil || MarkedID(claim, naming.AnnotationReplacing) == id {
		return nil
	}
	value := strconv.FormatUint(id, 10)
	return controls.Claims.PatchMetadata(ctx, claim, control.Metadata{Unchanged: true, Annotations: map[string]*string{naming.AnnotationReplacing: &value}})
}

// UnmarkReplacing takes the mark back, where the member turned out to live.
func UnmarkReplacing(ctx context.Context, controls *control.Controls, claim *corev1.PersistentVolumeClaim) error {
	if claim == nil || claim.Annotations[naming.AnnotationReplacing] == "" {
		return nil
	}
	return controls.Claims.PatchMetadata(ctx, claim, control.Metadata{Unchanged: true, Annotations: map[string]*string{naming.AnnotationReplacing: nil}})
}
