// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"

	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// writer is the control of one kind.
type writer[T Object] struct {
	kind    metav1.TypeMeta
	client  func(namespace string) client[T]
	pending *Pending
	// mend is the spec of a merge patch that takes back what an apply cannot: a
	// stranger's field that makes the object invalid together with ours. Nil if there is none.
	mend map[string]any
	// strict lets an apply meet only the version that was seen, since what it asks for was
	// decided by it: an operator that stood still must not set a number of members back.
	strict bool
	// keep takes over from a live object that the caches do not show what was decided without it; nil if there is nothing.
	keep func(want, live T) T
	// covered remembers by UID which version of an object was seen to have all that is wanted.
	covered *lru.Cache
}

// covering is a version of an object that has all that a hash stands for.
type covering struct{ version, hash string }

// coveringsKept bounds the memory of one kind's coverings; it is enough for thousands of clusters.
const coveringsKept = 16384

func newWriter[T Object](pending *Pending, kind metav1.TypeMeta, client func(string) client[T]) *writer[T] {
	return &writer[T]{kind: kind, client: client, pending: pending, covered: lru.New(coveringsKept)}
}

// ConflictError says that an object of another owner has the name that the cluster needs.
type ConflictError struct {
	Kind, Name string
	Cause      string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s %s exists and is not this cluster's (%s); delete it or give the CellCluster another name", e.Kind, e.Name, e.Cause)
}

// Apply implements Applier.
func (w *writer[T]) Apply(ctx context.Context, want, live T) (bool, error) {
	// Of a settled cluster nothing but this hash is computed for each object.
	hash := desired.Hash(want)
	var none T
	if live != none {
		if err := w.owned(want, live); err != nil {
			return false, err
		}
		if live.GetAnnotations()[naming.AnnotationAppliedHash] == hash && w.covers(want, live, hash) {
			return false, nil
		}
	}
	body, err := w.encode(want, live, hash)
	if err != nil {
		return false, err
	}
	// What is known to be ours is taken back from whoever changed it. What is not yet
	// in the cache might be a stranger's, so the first attempt only creates.
	written, err := w.apply(ctx, want, body, live != none)
	if apierrors.IsConflict(err) && live == none {
		written, err = w.applyOverOwn(ctx, want, hash, err)
	}
	if apierrors.IsInvalid(err) && live == none {
		err = w.explainInvalid(ctx, want, err)
	}
	if apierrors.IsInvalid(err) && live != none && w.mend != nil {
		written, err = w.mendAndApply(ctx, want, live, body, err)
	}
	if err != nil {
		return false, fmt.Errorf("apply %s %s: %w", w.kind.Kind, want.GetName(), err)
	}
	w.pending.wrote(w.kind.Kind, written)
	return true, nil
}

// covers compares a version of an object only once with what is wanted.
func (w *writer[T]) covers(want, live T, hash string) bool {
	now := covering{live.GetResourceVersion(), hash}
	if seen, ok := w.covered.Get(live.GetUID()); ok && seen == now {
		return true
	}
	if !covers(want, live) {
		return false
	}
	if now.version != "" {
		w.covered.Add(live.GetUID(), now)
	}
	return true
}

func (w *writer[T]) apply(ctx context.Context, want T, body []byte, force bool) (T, error) {
	return w.client(want.GetNamespace()).Patch(ctx, want.GetName(), types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: naming.FieldManager, Force: &force})
}

// mendAndApply takes back what made an apply invalid, and applies once more.
func (w *writer[T]) mendAndApply(ctx context.Context, want, live T, body []byte, cause error) (T, error) {
	var none T
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": live.GetUID(), "resourceVersion": live.GetResourceVersion()},
		"spec":     w.mend,
	})
	if err != nil {
		return none, fmt.Errorf("encode what mends %q: %w", cause, err)
	}
	_, err = w.client(want.GetNamespace()).Patch(ctx, want.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: naming.FieldManager})
	if err != nil {
		return none, fmt.Errorf("%w (and it could not be mended: %w)", cause, err)
	}
	if w.strict {
		if body, err = w.encodeUnversioned(body); err != nil {
			return none, err
		}
	}
	return w.apply(ctx, want, body, true)
}

// encodeUnversioned takes the version out of a body, for after a patch of the same object has just changed it.
func (w *writer[T]) encodeUnversioned(body []byte) ([]byte, error) {
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, fmt.Errorf("encode %s again: %w", w.kind.Kind, err)
	}
	delete(object["metadata"].(map[string]any), "resourceVersion")
	return json.Marshal(object)
}

// applyOverOwn looks at the object that stands in the way; if it is ours after all, it is overwritten.
func (w *writer[T]) applyOverOwn(ctx context.Context, want T, hash string, cause error) (T, error) {
	var none T
	live, err := w.client(want.GetNamespace()).Get(ctx, want.GetName(), metav1.GetOptions{})
	if err != nil {
		return none, fmt.Errorf("look at what caused %q: %w", cause, err)
	}
	if err := w.owned(want, live); err != nil {
		return none, err
	}
	if w.keep != nil {
		want = w.keep(want, live)
		hash = desired.Hash(want)
	}
	body, err := w.encode(want, live, hash)
	if err != nil {
		return none, err
	}
	return w.apply(ctx, want, body, true)
}

// explainInvalid tells a stranger with our name from a real refusal: two
// controllers of one object are what Kubernetes calls invalid.
func (w *writer[T]) explainInvalid(ctx context.Context, want T, cause error) error {
	live, err := w.client(want.GetNamespace()).Get(ctx, want.GetName(), metav1.GetOptions{})
	if err != nil {
		return cause
	}
	if err := w.owned(want, live); err != nil {
		return err
	}
	return cause
}

func (w *writer[T]) owned(want, live T) error {
	mine, theirs := metav1.GetControllerOfNoCopy(want), metav1.GetControllerOfNoCopy(live)
	if mine == nil || (theirs != nil && mine.UID == theirs.UID) {
		return nil
	}
	if theirs == nil && orphaned(want, live) {
		return nil
	}
	cause := "it has no owner"
	if theirs != nil {
		cause = fmt.Sprintf("its owner is %s %s with UID %s", theirs.Kind, theirs.Name, theirs.UID)
	}
	return &ConflictError{Kind: w.kind.Kind, Name: want.GetName(), Cause: cause}
}

// orphaned tells whether an object without an owner was made by the operator for a
// cluster of this name: its owner was taken away by hand, or deleted without it.
func orphaned(want, live metav1.Object) bool {
	for _, label := range []string{naming.LabelManagedBy, naming.LabelInstance} {
		if live.GetLabels()[label] != want.GetLabels()[label] {
			return false
		}
	}
	return live.GetAnnotations()[naming.AnnotationAppliedHash] != ""
}

// absentVersion makes an apply create and nothing else: an object that exists
// has another version, and the API server answers with a conflict.
const absentVersion = "1"

// encode is the body of an apply request, with the hash of what is wanted in an
// annotation. It is for live alone, if that is known: another object may have
// taken its place.
func (w *writer[T]) encode(want, live T, hash string) ([]byte, error) {
	text, err := json.Marshal(want)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", w.kind.Kind, want.GetName(), err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", w.kind.Kind, want.GetName(), err)
	}
	delete(object, "status")
	object["apiVersion"], object["kind"] = w.kind.APIVersion, w.kind.Kind
	meta := object["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
		meta["annotations"] = annotations
	}
	annotations[naming.AnnotationAppliedHash] = hash
	var none T
	if live != none {
		meta["uid"] = live.GetUID()
		if w.strict {
			meta["resourceVersion"] = live.GetResourceVersion()
		}
	} else {
		meta["resourceVersion"] = absentVersion
	}
	return json.Marshal(object)
}

// Delete implements Applier and Patcher.
func (w *writer[T]) Delete(ctx context.Context, seen T) error {
	uid, version := seen.GetUID(), seen.GetResourceVersion()
	err := w.client(seen.GetNamespace()).Delete(ctx, seen.GetName(), metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s %s: %w", w.kind.Kind, seen.GetName(), err)
	}
	w.pending.deleted(w.kind.Kind, seen)
	return nil
}

// PatchMetadata implements Patcher.
func (w *writer[T]) PatchMetadata(ctx context.Context, seen T, m Metadata) error {
	meta := map[string]any{"uid": seen.GetUID()}
	if m.Unchanged {
		meta["resourceVersion"] = seen.GetResourceVersion()
	}
	if m.Labels != nil {
		meta["labels"] = m.Labels
	}
	if m.Annotations != nil {
		meta["annotations"] = m.Annotations
	}
	if m.OwnerReferences != nil {
		meta["ownerReferences"] = m.OwnerReferences
	}
	body, err := json.Marshal(map[string]any{"metadata": meta})
	if err != nil {
		return fmt.Errorf("encode metadata of %s %s: %w", w.kind.Kind, seen.GetName(), err)
	}
	written, err := w.client(seen.GetNamespace()).Patch(ctx, seen.GetName(), types.MergePatchType, body,
		metav1.PatchOptions{FieldManager: naming.FieldManager})
	if apierrors.IsNotFound(err) || (apierrors.IsInvalid(err) && strings.Contains(err.Error(), "metadata.uid")) {
		err = apierrors.NewConflict(schema.GroupResource{Resource: w.kind.Kind}, seen.GetName(), err) // it is gone, or another one by now
	}
	if err != nil {
		return fmt.Errorf("patch metadata of %s %s: %w", w.kind.Kind, seen.GetName(), err)
	}
	w.pending.wrote(w.kind.Kind, written)
	return nil
}
