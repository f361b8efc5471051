// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/applyconfigurations"
	kubefake "k8s.io/client-go/kubernetes/fake"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/testing"

	cellsfake "github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned/fake"
	cellsscheme "github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned/scheme"
)

// API is an API server in memory.
type API struct {
	// Kube and Cells are the clientsets of whoever is tested.
	Kube  *kubefake.Clientset
	Cells *cellsfake.Clientset
	// Others are clientsets for everybody else; their requests do not count.
	OtherKube  *kubefake.Clientset
	OtherCells *cellsfake.Clientset
}

// firstVersion is above those that no object of a real API server has.
const firstVersion = 1000

// versions counts what was ever written, and names what is new.
type versions struct {
	mu   sync.Mutex
	last int
}

func (v *versions) next() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last++
	return firstVersion + v.last
}

// kubeTypes tells server-side apply how lists merge. It is slow to make.
var kubeTypes = sync.OnceValue(func() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(kubescheme.Scheme)
})

// NewAPI makes an API server without objects.
func NewAPI() *API {
	v := &versions{}
	kube := newTracker(v, kubescheme.Scheme, kubescheme.Codecs.UniversalDecoder(), kubeTypes)
	cells := newTracker(v, cellsscheme.Scheme, cellsscheme.Codecs.UniversalDecoder(), nil)
	a := &API{Kube: &kubefake.Clientset{}, Cells: &cellsfake.Clientset{}, OtherKube: &kubefake.Clientset{}, OtherCells: &cellsfake.Clientset{}}
	serve(&a.Kube.Fake, kube)
	serve(&a.OtherKube.Fake, kube)
	serve(&a.Cells.Fake, cells)
	serve(&a.OtherCells.Fake, cells)
	return a
}

// serve has all requests of a clientset answered from a tracker.
func serve(client *testing.Fake, t *tracker) {
	react := testing.ObjectReaction(t)
	client.PrependReactor("*", "*", func(action testing.Action) (bool, runtime.Object, error) {
		if update, ok := action.(testing.UpdateActionImpl); ok && update.Subresource == "status" {
			return t.updateStatus(update)
		}
		handled, o, err := react(action)
		if patch, ok := action.(testing.PatchActionImpl); ok && err == nil {
			o, err = t.Get(patch.Resource, patch.Namespace, patch.Name) // as it was stored
		}
		return handled, o, err
	})
	client.PrependWatchReactor("*", func(action testing.Action) (bool, watch.Interface, error) {
		var options metav1.ListOptions
		if w, ok := action.(testing.WatchActionImpl); ok {
			options = w.ListOptions
		}
		all, err := t.Watch(action.GetResource(), action.GetNamespace(), options)
		if err != nil {
			return true, nil, err
		}
		selector, _, _ := testing.ExtractFromListOptions(options)
		return true, watch.Filter(all, func(e watch.Event) (watch.Event, bool) {
			m, err := meta.Accessor(e.Object)
			if err != nil || !selector.Matches(labels.Set(m.GetLabels())) {
				return e, false
			}
			e.Object = e.Object.DeepCopyObject() // of what exists already the tracker gives its own
			return e, true
		}), nil
	})
}

// Requests lists the requests of Kube and Cells so far but lists and watches, as
// "verb resource[/subresource] name", in their order per clientset.
func (a *API) Requests() []string {
	return a.requests(func(verb string) bool { return verb != "list" && verb != "watch" })
}

// AllRequests are Requests with lists and watches.
func (a *API) AllRequests() []string { return a.requests(func(string) bool { return true }) }

func (a *API) requests(counts func(verb string) bool) []string {
	var out []string
	for _, action := range slices.Concat(a.Kube.Actions(), a.Cells.Actions()) {
		if !counts(action.GetVerb()) {
			continue
		}
		resource := action.GetResource().Resource
		if s := action.GetSubresource(); s != "" {
			resource += "/" + s
		}
		out = append(out, fmt.Sprintf("%s %s %s", action.GetVerb(), resource, actionName(action)))
	}
	return out
}

// ResetRequests forgets all requests.
func (a *API) ResetRequests() {
	a.Kube.ClearActions()
	a.Cells.ClearActions()
}

func actionName(action testing.Action) string {
	switch x := action.(type) {
	case testing.CreateAction: // updates too
		return objectName(x.GetObject())
	case interface{ GetName() string }:
		return x.GetName()
	}
	return ""
}

func objectName(o runtime.Object) string {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetName()
}

// kinds maps the resources of a scheme to their kinds.
func kinds(scheme *runtime.Scheme) map[schema.GroupVersionResource]schema.GroupVersionKind {
	out := map[schema.GroupVersionResource]schema.GroupVersionKind{}
	for gvk := range scheme.AllKnownTypes() {
		gvr, _ := meta.UnsafeGuessKindToResource(gvk)
		out[gvr] = gvk
	}
	return out
}
