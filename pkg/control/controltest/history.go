// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"strconv"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// Event is one change of one object, as a watch would tell it.
type Event struct {
	// Version is the resourceVersion of the change; those of all kinds are one sequence.
	Version int
	Type    watch.EventType
	// Resource and Name are what changed.
	Resource schema.GroupVersionResource
	Name     types.NamespacedName
	// Object is the object after the change, or before its deletion. It must not be modified.
	Object runtime.Object

	was runtime.Object // before the change; nil if it did not exist
}

// history is all that was ever written, of all kinds, in one sequence.
type history struct {
	mu     sync.Mutex
	last   int // version
	events []Event
	// wake are those who wait for the next event.
	wake map[chan struct{}]bool
	// held: watches tell nothing for now.
	held bool
}

func newHistory() *history { return &history{last: firstVersion, wake: map[chan struct{}]bool{}} }

// next makes a version for a write that is under way.
func (h *history) next() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	return h.last
}

// newest is the version of the last write.
func (h *history) newest() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

func (h *history) add(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	h.ring()
}

// ring wakes all who wait.
func (h *history) ring() {
	for c := range h.wake {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// wakeAll lets watches look again at what they may show.
func (h *history) wakeAll(held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = held
	h.ring()
}

// at is the i-th event, false if there is none yet.
func (h *history) at(i int) (Event, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i < len(h.events) && !h.held {
		return h.events[i], true
	}
	return Event{}, false
}

// after is the index of the first event that is newer than a version.
func (h *history) after(version int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := len(h.events)
	for i > 0 && h.events[i-1].Version > version {
		i--
	}
	return i
}

// asOf are the objects of a resource at a version, in the order in which they came to be.
func (h *history) asOf(resource schema.GroupVersionResource, version int) []runtime.Object {
	h.mu.Lock()
	defer h.mu.Unlock()
	var order []types.NamespacedName
	objects := map[types.NamespacedName]runtime.Object{}
	for _, e := range h.events {
		if e.Version > version || e.Resource != resource {
			continue
		}
		if e.Type == watch.Deleted {
			delete(objects, e.Name)
			continue
		}
		if objects[e.Name] == nil {
			order = append(order, e.Name)
		}
		objects[e.Name] = e.Object
	}
	var out []runtime.Object
	for _, name := range order {
		if o := objects[name]; o != nil {
			out = append(out, o)
			delete(objects, name)
		}
	}
	return out
}

// Sight is what a client sees of the changes, where that is not all of them at
// once. Its methods are called one at a time for each watch, and must be quick.
type Sight interface {
	// Horizon is the newest version that lists and watches show now; 0 for all there are.
	Horizon() int
	// Pass tells whether an event is delivered. One that is not is lost.
	Pass(Event) bool
	// Cut tells whether a watch that began at a version ends now with 410 Gone.
	Cut(began int) bool
}

// everything hides nothing.
type everything struct{}

func (everything) Horizon() int    { return 0 }
func (everything) Pass(Event) bool { return true }
func (everything) Cut(int) bool    { return false }

// watcher is one watch.
type watcher struct {
	history   *history
	sight     Sight
	resource  schema.GroupVersionResource
	namespace string
	selects   func(runtime.Object) bool
	out       chan watch.Event
	wake      chan struct{}
	stop      chan struct{}
	once      sync.Once
	began     int
	next      int // index of the next event
}

func (h *history) watch(w *watcher, version int) watch.Interface {
	w.history, w.out, w.wake, w.stop, w.began = h, make(chan watch.Event), make(chan struct{}, 1), make(chan struct{}), version
	w.next = h.after(version)
	h.mu.Lock()
	h.wake[w.wake] = true
	h.mu.Unlock()
	go w.run()
	return w
}

// Stop implements watch.Interface.
func (w *watcher) Stop() { w.once.Do(func() { close(w.stop) }) }

// ResultChan implements watch.Interface.
func (w *watcher) ResultChan() <-chan watch.Event { return w.out }

func (w *watcher) run() {
	defer close(w.out)
	defer func() {
		w.history.mu.Lock()
		defer w.history.mu.Unlock()
		delete(w.history.wake, w.wake)
	}()
	for {
		if w.sight.Cut(w.began) {
			w.send(watch.Event{Type: watch.Error, Object: &metav1.Status{Status: metav1.StatusFailure, Code: 410, Reason: metav1.StatusReasonExpired, Message: "too old resource version"}})
			return
		}
		e, ok := w.history.at(w.next)
		if horizon := w.sight.Horizon(); !ok || horizon > 0 && e.Version > horizon {
			select {
			case <-w.wake:
				continue
			case <-w.stop:
				return
			}
		}
		w.next++
		if e.Resource != w.resource || w.namespace != "" && e.Name.Namespace != w.namespace {
			continue
		}
		told, ok := w.tells(e)
		if !ok || !w.sight.Pass(e) {
			continue
		}
		if !w.send(told) {
			return
		}
	}
}

// tells is what a change is to those who select objects: one that they do not
// select any more is gone, and one that they did not select before is new. Of one that
// they do not select any more they are told, as the API server does it, how it was last.
func (w *watcher) tells(e Event) (watch.Event, bool) {
	is, was := w.selects(e.Object), e.was != nil && w.selects(e.was)
	told := watch.Event{Type: e.Type, Object: e.Object.DeepCopyObject()}
	switch {
	case e.Type == watch.Deleted:
		return told, is || was
	case is && !was:
		told.Type = watch.Added
	case was && !is:
		told.Type, told.Object = watch.Deleted, e.was.DeepCopyObject()
		mustAccess(told.Object).SetResourceVersion(strconv.Itoa(e.Version))
	}
	return told, is || was
}

func (w *watcher) send(e watch.Event) bool {
	select {
	case w.out <- e:
		return true
	case <-w.stop:
		return false
	}
}

// versionOf is the version in a request's options; fallback if it names none.
func versionOf(text string, fallback int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fallback
	}
	return n
}
