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

// API is an API server in memory. Its clientsets share nothing with each other
// but the counter of versions.
type API struct {
	Kube  *kubefake.Clientset
	Cells *cellsfake.Clientset

	versions *versions
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
	a := &API{Kube: kubefake.NewClientset(), Cells: cellsfake.NewClientset(), versions: &versions{}}
	a.serve(&a.Kube.Fake, newTracker(a.versions, kubescheme.Scheme, kubescheme.Codecs.UniversalDecoder(), kubeTypes))
	a.serve(&a.Cells.Fake, newTracker(a.versions, cellsscheme.Scheme, cellsscheme.Codecs.UniversalDecoder(), nil))
	return a
}

// serve has all requests of a clientset answered from a tracker.
func (a *API) serve(client *testing.Fake, t *tracker) {
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
		if selector.Empty() {
			return true, all, nil
		}
		return true, watch.Filter(all, func(e watch.Event) (watch.Event, bool) {
			m, err := meta.Accessor(e.Object)
			return e, err == nil && selector.Matches(labels.Set(m.GetLabels()))
		}), nil
	})
}

// Requests lists all requests so far but lists and watches, as "verb resource[/subresource] name", in their order per clientset.
func (a *API) Requests() []string {
	var out []string
	for _, action := range slices.Concat(a.Kube.Actions(), a.Cells.Actions()) {
		if verb := action.GetVerb(); verb == "list" || verb == "watch" {
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
	case testing.CreateAction:
		return objectName(x.GetObject())
	case interface{ GetName() string }:
		return x.GetName()
	case testing.UpdateAction:
		return objectName(x.GetObject())
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
