// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

	history     *history
	kube, cells *tracker
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
	h, mu := newHistory(), &sync.Mutex{}
	a := &API{
		history: h,
		kube:    newTracker(h, mu, kubescheme.Scheme, kubeTypes),
		cells:   newTracker(h, mu, cellsscheme.Scheme, nil),
	}
	a.Kube, a.Cells = a.Connect(Link{})
	a.OtherKube, a.OtherCells = a.Connect(Link{})
	return a
}

// Link is what stands between a client and the API server.
type Link struct {
	// Sight is what the client sees; nil for everything.
	Sight Sight
	// Do carries a request out by calling do, or does not. Nil does. It is not asked about watches.
	Do func(r Request, do func() (runtime.Object, error)) (runtime.Object, error)
}

// Request is one request of a client.
type Request struct {
	// Verb is get, list, create, update, patch or delete.
	Verb string
	// Resource is that of the URL, such as pods or cellclusters/status.
	Resource, Namespace, Name string
	// Delete are the options of a deletion.
	Delete *metav1.DeleteOptions
	// Body is the object or patch that is sent; nil where there is none.
	Body any
}

// Write tells whether the request changes anything.
func (r Request) Write() bool { return r.Verb != "get" && r.Verb != "list" }

// String is "verb resource name".
func (r Request) String() string { return r.Verb + " " + r.Resource + " " + r.Name }

// Connect makes clientsets of their own for somebody.
func (a *API) Connect(link Link) (*kubefake.Clientset, *cellsfake.Clientset) {
	if link.Sight == nil {
		link.Sight = everything{}
	}
	if link.Do == nil {
		link.Do = func(_ Request, do func() (runtime.Object, error)) (runtime.Object, error) { return do() }
	}
	kube, cells := &kubefake.Clientset{}, &cellsfake.Clientset{}
	serve(&kube.Fake, a.kube, link)
	serve(&cells.Fake, a.cells, link)
	return kube, cells
}

// serve has all requests of a clientset answered from a tracker.
func serve(client *testing.Fake, t *tracker, link Link) {
	react := testing.ObjectReaction(t)
	client.PrependReactor("*", "*", func(action testing.Action) (bool, runtime.Object, error) {
		o, err := link.Do(requestOf(action), func() (runtime.Object, error) {
			if list, ok := action.(testing.ListActionImpl); ok {
				return t.listFor(link.Sight, list.GetResource(), list.GetKind(), list.GetNamespace())
			}
			if update, ok := action.(testing.UpdateActionImpl); ok && update.Subresource == "status" {
				_, o, err := t.updateStatus(update)
				return o, err
			}
			_, o, err := react(action)
			if patch, ok := action.(testing.PatchActionImpl); ok && err == nil {
				o, err = t.Get(patch.Resource, patch.Namespace, patch.Name) // as it was stored
			}
			return o, err
		})
		return true, o, err
	})
	client.PrependWatchReactor("*", func(action testing.Action) (bool, watch.Interface, error) {
		var options metav1.ListOptions
		if w, ok := action.(testing.WatchActionImpl); ok {
			options = w.ListOptions
		}
		return true, t.watchFor(link.Sight, action.GetResource(), action.GetNamespace(), options), nil
	})
}

func requestOf(action testing.Action) Request {
	r := Request{Verb: action.GetVerb(), Resource: action.GetResource().Resource, Namespace: action.GetNamespace(), Name: actionName(action)}
	if s := action.GetSubresource(); s != "" {
		r.Resource += "/" + s
	}
	switch x := action.(type) {
	case testing.DeleteActionImpl:
		r.Delete = &x.DeleteOptions
	case testing.PatchActionImpl:
		r.Body = x.Patch
	case testing.CreateAction: // updates too
		r.Body = x.GetObject()
	}
	return r
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
