// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Verb is what a control is asked to do.
type Verb string

// The verbs.
const (
	Apply            Verb = "apply"
	Patch            Verb = "patch"
	Delete           Verb = "delete"
	UpdateStatus     Verb = "update status of"
	SetReclaimPolicy Verb = "set reclaim policy of"
	KeepReplicas     Verb = "keep replicas of"
	Resize           Verb = "resize"
	DeleteAlone      Verb = "delete alone"
)

// Failure makes calls fail.
type Failure struct {
	err  error
	left int
}

// After lets n more calls pass before they fail.
func (f *Failure) After(n int) { f.left = n }

// calls counts one control's calls and fails them on demand.
type calls struct {
	kind     string
	log      *[]string
	counts   map[Verb]int
	failures map[Verb]*Failure
}

func newCalls(kind string, log *[]string) calls {
	return calls{kind: kind, log: log, counts: map[Verb]int{}, failures: map[Verb]*Failure{}}
}

// SetError makes the calls of a verb fail from now on; nil ends it.
func (c *calls) SetError(verb Verb, err error) *Failure {
	c.failures[verb] = &Failure{err: err}
	return c.failures[verb]
}

// Count is how often a verb was asked for, whether anything was written or not.
func (c *calls) Count(verb Verb) int { return c.counts[verb] }

func (c *calls) called(verb Verb) error {
	c.counts[verb]++
	f := c.failures[verb]
	if f == nil || f.err == nil {
		return nil
	}
	if f.left > 0 {
		f.left--
		return nil
	}
	return f.err
}

// wrote notes a write that happened.
func (c *calls) wrote(verb Verb, name string) {
	*c.log = append(*c.log, fmt.Sprintf("%s %s %s", verb, c.kind, name))
}

// Fake is the fake control of one kind. What it is asked to write is in the cache when it returns.
type Fake[T control.Object] struct {
	calls
	indexer  cache.Indexer
	versions *versions
}

func newFake[T control.Object](kind string, log *[]string, v *versions) *Fake[T] {
	return &Fake[T]{calls: newCalls(kind, log), versions: v, indexer: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{
		cache.NamespaceIndex: cache.MetaNamespaceIndexFunc,
	})}
}

// Get is the cached object; the zero value if there is none.
func (f *Fake[T]) Get(namespace, name string) T {
	var none T
	o, exists, err := f.indexer.GetByKey(types.NamespacedName{Namespace: namespace, Name: name}.String())
	if namespace == "" {
		o, exists, err = f.indexer.GetByKey(name)
	}
	if err != nil || !exists {
		return none
	}
	return o.(T)
}

// List are the cached objects of a cluster, in any order.
func (f *Fake[T]) List(namespace, cluster string) []T {
	objects, err := f.indexer.ByIndex(cache.NamespaceIndex, namespace)
	if err != nil {
		panic(err)
	}
	var out []T
	for _, o := range objects {
		if t := o.(T); t.GetLabels()[naming.LabelInstance] == cluster {
			out = append(out, t)
		}
	}
	return out
}

// Add puts an object into the cache, as if somebody else had written it. It gets a UID where it has none.
func (f *Fake[T]) Add(o T) T {
	version := f.versions.next()
	if o.GetUID() == "" {
		o.SetUID(types.UID(fmt.Sprintf("uid-%d", version)))
	}
	o.SetResourceVersion(strconv.Itoa(version))
	if err := f.indexer.Add(o); err != nil {
		panic(err)
	}
	return o
}

// Remove takes an object out of the cache.
func (f *Fake[T]) Remove(o T) {
	if err := f.indexer.Delete(o); err != nil {
		panic(err)
	}
}

// Apply implements control.Applier.
func (f *Fake[T]) Apply(_ context.Context, want, live T) (bool, error) {
	if err := f.called(Apply); err != nil {
		return false, err
	}
	var none T
	cached := f.Get(want.GetNamespace(), want.GetName())
	if cached != live {
		return false, fmt.Errorf("apply %s %s: %w", f.kind, want.GetName(), errStaleView)
	}
	next, ok := want.DeepCopyObject().(T)
	if !ok {
		return false, fmt.Errorf("apply %s: not a %T", f.kind, none)
	}
	hash := desired.Hash(want)
	if live != none {
		if a, b := metav1.GetControllerOfNoCopy(want), metav1.GetControllerOfNoCopy(live); a != nil && (b == nil || a.UID != b.UID) {
			return false, &control.ConflictError{Kind: f.kind, Name: want.GetName(), Cause: "it is a stranger's"}
		}
		if live.GetAnnotations()[naming.AnnotationAppliedHash] == hash {
			return false, nil
		}
		next.SetUID(live.GetUID())
	}
	annotations := maps.Clone(next.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[naming.AnnotationAppliedHash] = hash
	next.SetAnnotations(annotations)
	f.Add(next)
	f.wrote(Apply, want.GetName())
	return true, nil
}

// Delete implements control.Applier and control.Patcher.
func (f *Fake[T]) Delete(_ context.Context, seen T) error {
	if err := f.called(Delete); err != nil {
		return err
	}
	var none T
	live := f.Get(seen.GetNamespace(), seen.GetName())
	if live == none {
		return nil
	}
	if live.GetUID() != seen.GetUID() || live.GetResourceVersion() != seen.GetResourceVersion() {
		return f.conflict(seen.GetName())
	}
	f.Remove(live)
	f.wrote(Delete, seen.GetName())
	return nil
}

// PatchMetadata implements control.Patcher.
func (f *Fake[T]) PatchMetadata(_ context.Context, seen T, m control.Metadata) error {
	if err := f.called(Patch); err != nil {
		return err
	}
	live, err := f.seen(seen)
	if err != nil {
		return err
	}
	next := live.DeepCopyObject().(T)
	next.SetLabels(mergedPatch(next.GetLabels(), m.Labels))
	next.SetAnnotations(mergedPatch(next.GetAnnotations(), m.Annotations))
	if m.OwnerReferences != nil {
		next.SetOwnerReferences(m.OwnerReferences)
	}
	f.Add(next)
	f.wrote(Patch, seen.GetName())
	return nil
}

// seen is the cached object that a writer means, if it is still the one that it saw.
func (f *Fake[T]) seen(o T) (T, error) {
	var none T
	live := f.Get(o.GetNamespace(), o.GetName())
	if live == none || live.GetUID() != o.GetUID() {
		return none, f.conflict(o.GetName())
	}
	return live, nil
}

func (f *Fake[T]) conflict(name string) error {
	return apierrors.NewConflict(schema.GroupResource{Resource: f.kind}, name, fmt.Errorf("it is not the one that was seen"))
}

// mergedPatch is a map after a merge patch.
func mergedPatch(have map[string]string, patch map[string]*string) map[string]string {
	out := maps.Clone(have)
	for k, v := range patch {
		if v == nil {
			delete(out, k)
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[k] = *v
	}
	return out
}
