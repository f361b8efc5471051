// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/testing"
)

// Add implements testing.ObjectTracker.
func (t *tracker) Add(o runtime.Object) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	gvks, _, err := t.scheme.ObjectKinds(o)
	if err != nil {
		return err
	}
	gvr, _ := meta.UnsafeGuessKindToResource(gvks[0])
	return t.create(gvr, o.DeepCopyObject(), mustAccess(o).GetNamespace())
}

// Get implements testing.ObjectTracker.
func (t *tracker) Get(gvr schema.GroupVersionResource, ns, name string, _ ...metav1.GetOptions) (runtime.Object, error) {
	o, err := t.get(gvr, ns, name)
	if err != nil {
		return nil, err
	}
	return o.DeepCopyObject(), nil
}

// List implements testing.ObjectTracker.
func (t *tracker) List(gvr schema.GroupVersionResource, gvk schema.GroupVersionKind, ns string, _ ...metav1.ListOptions) (runtime.Object, error) {
	return t.listFor(everything{}, gvr, gvk, ns)
}

// listFor is a list as somebody sees it.
func (t *tracker) listFor(sight Sight, gvr schema.GroupVersionResource, gvk schema.GroupVersionKind, ns string) (runtime.Object, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list, err := t.scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err != nil {
		return nil, err
	}
	version, objects := t.history.newest(), t.list(gvr, ns)
	if horizon := sight.Horizon(); horizon > 0 {
		version = horizon
		objects = slices.DeleteFunc(t.history.asOf(gvr, horizon), func(o runtime.Object) bool {
			return ns != "" && mustAccess(o).GetNamespace() != ns
		})
	}
	for i := range objects {
		objects[i] = objects[i].DeepCopyObject()
	}
	if err := meta.SetList(list, objects); err != nil {
		return nil, err
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	m.SetResourceVersion(strconv.Itoa(version))
	return list, nil
}

// Watch implements testing.ObjectTracker.
func (t *tracker) Watch(gvr schema.GroupVersionResource, ns string, opts ...metav1.ListOptions) (watch.Interface, error) {
	var o metav1.ListOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	return t.watchFor(everything{}, gvr, ns, o), nil
}

// watchFor is a watch as somebody sees it. Without a version it begins now.
func (t *tracker) watchFor(sight Sight, gvr schema.GroupVersionResource, ns string, o metav1.ListOptions) watch.Interface {
	t.mu.Lock()
	defer t.mu.Unlock()
	selector, _, _ := testing.ExtractFromListOptions(o)
	w := &watcher{sight: sight, resource: gvr, namespace: ns, selects: func(o runtime.Object) bool {
		return selector.Matches(labels.Set(mustAccess(o).GetLabels()))
	}}
	return t.history.watch(w, versionOf(o.ResourceVersion, t.history.newest()))
}
