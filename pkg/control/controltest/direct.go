// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What follows is for those who play the rest of Kubernetes: they read and write
// the stored objects directly, without conflicts and without a copy.

// Graceful lets pods on a node end in their own time, as a real API server does.
func (a *API) Graceful() { a.kube.graceful = true }

// Version is that of the last write.
func (a *API) Version() int { return a.history.newest() }

// History are all changes after a version.
func (a *API) History(after int) []Event {
	from := a.history.after(after)
	a.history.mu.Lock()
	defer a.history.mu.Unlock()
	return slices.Clone(a.history.events[from:])
}

// Hold keeps watches from telling anything until Release, so that several writes are seen as one.
func (a *API) Hold() { a.history.wakeAll(true) }

// Release lets watches look again, at the writes and at what their Sight says.
func (a *API) Release() { a.history.wakeAll(false) }

// of finds where an object's kind is stored.
func (a *API) of(o runtime.Object) (*tracker, schema.GroupVersionResource) {
	for _, t := range []*tracker{a.kube, a.cells} {
		if gvks, _, err := t.scheme.ObjectKinds(o); err == nil {
			gvr, _ := meta.UnsafeGuessKindToResource(gvks[0])
			return t, gvr
		}
	}
	panic("controltest: a kind that nobody knows")
}

// object is a pointer to an object of some kind.
type object[T any] interface {
	*T
	metav1.Object
	runtime.Object
}

// Read is the stored object, which must not be modified; nil if there is none.
func Read[T any, P object[T]](a *API, namespace, name string) P {
	t, gvr := a.of(P(new(T)))
	o, err := t.get(gvr, namespace, name)
	if err != nil {
		return nil
	}
	return o.(P)
}

// ReadAll are the stored objects of a kind, by name, which must not be modified.
func ReadAll[T any, P object[T]](a *API, namespace string) []P {
	t, gvr := a.of(P(new(T)))
	var out []P
	for _, o := range t.list(gvr, namespace) {
		out = append(out, o.(P))
	}
	return out
}

// Put creates an object.
func (a *API) Put(o runtime.Object) {
	t, gvr := a.of(o)
	t.mu.Lock()
	defer t.mu.Unlock()
	must(t.create(gvr, o, mustAccess(o).GetNamespace()))
}

// Replace stores a changed copy of an object that is there, unless nothing differs;
// spec tells whether its generation grows.
func (a *API) Replace(o runtime.Object, spec bool) {
	t, gvr := a.of(o)
	t.mu.Lock()
	defer t.mu.Unlock()
	m := mustAccess(o)
	live, err := t.get(gvr, m.GetNamespace(), m.GetName())
	must(err)
	if equality.Semantic.DeepEqual(live, o) {
		return
	}
	if spec {
		m.SetGeneration(mustAccess(live).GetGeneration() + 1)
	}
	m.SetResourceVersion(strconv.Itoa(t.history.next()))
	must(t.put(gvr, o, false))
}

// Remove deletes an object at once, whatever holds it.
func (a *API) Remove(o runtime.Object) {
	t, gvr := a.of(o)
	t.mu.Lock()
	defer t.mu.Unlock()
	m := mustAccess(o)
	_ = t.remove(gvr, m.GetNamespace(), m.GetName()) // it may be gone
}

// Delete asks for the deletion of an object, as anybody may.
func (a *API) Delete(o runtime.Object, options metav1.DeleteOptions) {
	t, gvr := a.of(o)
	m := mustAccess(o)
	_ = t.Delete(gvr, m.GetNamespace(), m.GetName(), options) // it may be gone
}
