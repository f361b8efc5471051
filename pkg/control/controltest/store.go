// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// store holds the present objects of one scheme and writes each change into the history.
// Stored objects are never modified, only replaced.
type store struct {
	history *history
	mu      sync.RWMutex
	objects map[schema.GroupVersionResource]map[types.NamespacedName]runtime.Object
}

func newStore(h *history) *store {
	return &store{history: h, objects: map[schema.GroupVersionResource]map[types.NamespacedName]runtime.Object{}}
}

// get is the stored object itself.
func (s *store) get(r schema.GroupVersionResource, namespace, name string) (runtime.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.objects[r][types.NamespacedName{Namespace: namespace, Name: name}]
	if o == nil {
		return nil, apierrors.NewNotFound(r.GroupResource(), name)
	}
	return o, nil
}

// list are the stored objects themselves, by name.
func (s *store) list(r schema.GroupVersionResource, namespace string) []runtime.Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := slices.SortedFunc(maps.Keys(s.objects[r]), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
	var out []runtime.Object
	for _, k := range keys {
		if namespace == "" || k.Namespace == namespace {
			out = append(out, s.objects[r][k])
		}
	}
	return out
}

// put stores an object that carries its new version.
func (s *store) put(r schema.GroupVersionResource, o runtime.Object, created bool) error {
	m := mustAccess(o)
	key := types.NamespacedName{Namespace: m.GetNamespace(), Name: m.GetName()}
	s.mu.Lock()
	if s.objects[r] == nil {
		s.objects[r] = map[types.NamespacedName]runtime.Object{}
	}
	event := watch.Modified
	if s.objects[r][key] == nil {
		event = watch.Added
	}
	if created != (event == watch.Added) {
		s.mu.Unlock()
		if created {
			return apierrors.NewAlreadyExists(r.GroupResource(), key.Name)
		}
		return apierrors.NewNotFound(r.GroupResource(), key.Name)
	}
	was := s.objects[r][key]
	s.objects[r][key] = o
	s.mu.Unlock()
	s.history.add(Event{Version: versionOf(m.GetResourceVersion(), 0), Type: event, Resource: r, Name: key, Object: o, was: was})
	return nil
}

// remove takes an object out.
func (s *store) remove(r schema.GroupVersionResource, namespace, name string) error {
	key := types.NamespacedName{Namespace: namespace, Name: name}
	s.mu.Lock()
	o := s.objects[r][key]
	delete(s.objects[r], key)
	s.mu.Unlock()
	if o == nil {
		return apierrors.NewNotFound(r.GroupResource(), name)
	}
	last := o.DeepCopyObject()
	version := s.history.next()
	mustAccess(last).SetResourceVersion(fmt.Sprint(version))
	s.history.add(Event{Version: version, Type: watch.Deleted, Resource: r, Name: key, Object: last, was: o})
	return nil
}
