// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/testing"
)

// tracker stores objects as an API server does: each gets a UID, a version with
// every change and a generation with every change of its spec; an update of an old
// version is a conflict, as is server-side apply over another manager's field;
// deletes have preconditions and respect finalizers. What it lacks: validation but
// that of owners, defaults, garbage collection and admission.
type tracker struct {
	*store
	scheme *runtime.Scheme
	kinds  map[schema.GroupVersionResource]schema.GroupVersionKind
	types  func() managedfields.TypeConverter // nil: no server-side apply
	mu     *sync.Mutex                        // a write reads first; all trackers of an API share it
	// graceful: pods that have a node end in their own time, and claims go when no pod uses them any more.
	graceful bool
}

var _ testing.ObjectTracker = (*tracker)(nil)

func newTracker(h *history, mu *sync.Mutex, scheme *runtime.Scheme, types func() managedfields.TypeConverter) *tracker {
	return &tracker{store: newStore(h), scheme: scheme, kinds: kinds(scheme), types: types, mu: mu}
}

// Create implements testing.ObjectTracker.
func (t *tracker) Create(gvr schema.GroupVersionResource, o runtime.Object, ns string, opts ...metav1.CreateOptions) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.managed(gvr, nil, o, manager(opts))
	if err != nil {
		return err
	}
	return t.create(gvr, o, ns)
}

func (t *tracker) create(gvr schema.GroupVersionResource, o runtime.Object, ns string) error {
	m, err := meta.Accessor(o)
	if err != nil {
		return err
	}
	version := t.history.next()
	if m.GetUID() == "" {
		m.SetUID(types.UID(fmt.Sprintf("uid-%d", version)))
	}
	if created := m.GetCreationTimestamp(); created.IsZero() {
		m.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	}
	m.SetGeneration(1)
	m.SetResourceVersion(strconv.Itoa(version))
	if ns != "" && m.GetNamespace() == "" {
		m.SetNamespace(ns)
	}
	return t.put(gvr, o, true)
}

// Update implements testing.ObjectTracker.
func (t *tracker) Update(gvr schema.GroupVersionResource, o runtime.Object, ns string, opts ...metav1.UpdateOptions) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	live, err := t.live(gvr, ns, o)
	if err != nil {
		return err
	}
	if a, b := mustAccess(o).GetUID(), mustAccess(live).GetUID(); a != "" && a != b {
		return conflict(gvr, mustAccess(o).GetName(), fmt.Sprintf("Precondition failed: UID in precondition: %s, UID in object meta: %s", a, b))
	}
	if o, err = t.managed(gvr, live, o, manager(opts)); err != nil {
		return err
	}
	return t.replace(gvr, ns, live, o)
}

// Patch implements testing.ObjectTracker; the object is the patched one.
func (t *tracker) Patch(gvr schema.GroupVersionResource, o runtime.Object, ns string, opts ...metav1.PatchOptions) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	live, err := t.live(gvr, ns, o)
	if err != nil {
		return err
	}
	if o, err = t.managed(gvr, live, o, manager(opts)); err != nil {
		return err
	}
	return t.replace(gvr, ns, live, o)
}

// Apply implements testing.ObjectTracker: server-side apply.
func (t *tracker) Apply(gvr schema.GroupVersionResource, o runtime.Object, ns string, opts ...metav1.PatchOptions) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, err := meta.Accessor(o)
	if err != nil {
		return err
	}
	live, err := t.get(gvr, ns, m.GetName())
	exists := err == nil
	if !exists && m.GetUID() != "" {
		return conflict(gvr, m.GetName(), fmt.Sprintf("uid mismatch: the provided object specified uid %s, and no existing object was found", m.GetUID()))
	}
	if !exists && !apierrors.IsNotFound(err) {
		return err
	}
	if !exists {
		if live, err = t.empty(gvr); err != nil {
			return err
		}
	}
	fields, err := t.fieldManager(gvr)
	if err != nil {
		return err
	}
	force := len(opts) > 0 && opts[0].Force != nil && *opts[0].Force
	applied, err := fields.Apply(live.DeepCopyObject(), o, manager(opts), force)
	if err != nil {
		return err
	}
	if exists {
		return t.replace(gvr, ns, live, applied)
	}
	if err := t.validate(gvr, applied); err != nil {
		return err
	}
	return t.create(gvr, applied, ns)
}

// updateStatus replaces nothing but the status.
func (t *tracker) updateStatus(action testing.UpdateActionImpl) (bool, runtime.Object, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	gvr, ns := action.Resource, action.Namespace
	live, err := t.live(gvr, ns, action.Object)
	if err != nil {
		return true, nil, err
	}
	from, err := runtime.DefaultUnstructuredConverter.ToUnstructured(action.Object)
	if err != nil {
		return true, nil, err
	}
	to, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return true, nil, err
	}
	to["status"] = from["status"]
	next, err := t.empty(gvr)
	if err != nil {
		return true, nil, err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(to, next); err != nil {
		return true, nil, err
	}
	m, n := mustAccess(action.Object), mustAccess(next)
	n.SetResourceVersion(m.GetResourceVersion())
	if err := t.replace(gvr, ns, live, next); err != nil {
		return true, nil, err
	}
	written, err := t.get(gvr, ns, m.GetName())
	if err != nil {
		return true, nil, err
	}
	return true, written.DeepCopyObject(), nil
}

// replace stores the next version of an object, if there is anything new in it.
func (t *tracker) replace(gvr schema.GroupVersionResource, ns string, live, o runtime.Object) error {
	was, is := mustAccess(live), mustAccess(o)
	if v := is.GetResourceVersion(); v != "" && v != was.GetResourceVersion() {
		return conflict(gvr, is.GetName(), "the object has been modified; please apply your changes to the latest version and try again")
	}
	if uid := is.GetUID(); uid != "" && uid != was.GetUID() {
		return t.invalid(gvr, o, "uid", uid, "field is immutable")
	}
	if err := t.validate(gvr, o); err != nil {
		return err
	}
	is.SetUID(was.GetUID())
	is.SetCreationTimestamp(was.GetCreationTimestamp())
	is.SetDeletionTimestamp(was.GetDeletionTimestamp())
	is.SetResourceVersion(was.GetResourceVersion())
	is.SetGeneration(was.GetGeneration())
	if sameBut(timeless(live), timeless(o)) {
		return nil
	}
	if is.GetDeletionTimestamp() != nil && len(is.GetFinalizers()) == 0 {
		return t.remove(gvr, ns, is.GetName())
	}
	if !sameBut(live, o, "metadata", "status") {
		is.SetGeneration(was.GetGeneration() + 1)
	}
	is.SetResourceVersion(strconv.Itoa(t.history.next()))
	return t.put(gvr, o, false)
}

// Delete implements testing.ObjectTracker.
func (t *tracker) Delete(gvr schema.GroupVersionResource, ns, name string, opts ...metav1.DeleteOptions) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	live, err := t.get(gvr, ns, name)
	if err != nil {
		return err
	}
	m := mustAccess(live)
	if len(opts) > 0 && opts[0].Preconditions != nil {
		p := opts[0].Preconditions
		if p.UID != nil && *p.UID != m.GetUID() {
			return conflict(gvr, name, fmt.Sprintf("Precondition failed: UID in precondition: %s, UID in object meta: %s", *p.UID, m.GetUID()))
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != m.GetResourceVersion() {
			return conflict(gvr, name, fmt.Sprintf("Precondition failed: ResourceVersion in precondition: %s, ResourceVersion in object meta: %s", *p.ResourceVersion, m.GetResourceVersion()))
		}
	}
	grace, orphans := t.grace(live, opts), t.graceful && len(opts) > 0 && opts[0].PropagationPolicy != nil && *opts[0].PropagationPolicy == metav1.DeletePropagationOrphan
	if len(m.GetFinalizers()) == 0 && grace == 0 && !orphans {
		return t.remove(gvr, ns, name)
	}
	if m.GetDeletionTimestamp() != nil {
		return nil
	}
	ending := live.DeepCopyObject()
	m = mustAccess(ending)
	at := metav1.NewTime(time.Now().Truncate(time.Second).Add(grace))
	m.SetDeletionTimestamp(&at)
	if orphans {
		m.SetFinalizers(append(m.GetFinalizers(), metav1.FinalizerOrphanDependents))
	}
	m.SetGeneration(m.GetGeneration() + 1)
	m.SetResourceVersion(strconv.Itoa(t.history.next()))
	return t.put(gvr, ending, false)
}

// defaultGrace is how long a pod has to end where it does not say.
const defaultGrace = 30 * time.Second

// grace is how long an object has to end: none but a pod on a node has any.
func (t *tracker) grace(o runtime.Object, opts []metav1.DeleteOptions) time.Duration {
	p, ok := o.(*corev1.Pod)
	if !ok || !t.graceful || p.Spec.NodeName == "" || p.Status.Phase == corev1.PodFailed {
		return 0
	}
	if len(opts) > 0 && opts[0].GracePeriodSeconds != nil {
		return time.Duration(*opts[0].GracePeriodSeconds) * time.Second
	}
	if s := p.Spec.TerminationGracePeriodSeconds; s != nil {
		return time.Duration(*s) * time.Second
	}
	return defaultGrace
}

// live is the stored version of an object.
func (t *tracker) live(gvr schema.GroupVersionResource, ns string, o runtime.Object) (runtime.Object, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return nil, err
	}
	return t.get(gvr, ns, m.GetName())
}

func (t *tracker) empty(gvr schema.GroupVersionResource) (runtime.Object, error) {
	o, err := t.scheme.New(t.kinds[gvr])
	if err != nil {
		return nil, err
	}
	o.GetObjectKind().SetGroupVersionKind(t.kinds[gvr])
	return o, nil
}

// managed notes who wrote which fields, for the conflicts of server-side apply.
func (t *tracker) managed(gvr schema.GroupVersionResource, live, o runtime.Object, who string) (runtime.Object, error) {
	o = o.DeepCopyObject()
	if t.types == nil || neverApplied[gvr.Resource] {
		return o, nil
	}
	o.GetObjectKind().SetGroupVersionKind(t.kinds[gvr])
	if live == nil {
		var err error
		if live, err = t.empty(gvr); err != nil {
			return nil, err
		}
	}
	fields, err := t.fieldManager(gvr)
	if err != nil {
		return nil, err
	}
	return fields.Update(live.DeepCopyObject(), o, who)
}

// neverApplied are resources that nobody writes by server-side apply; who wrote what of them matters to nobody.
var neverApplied = map[string]bool{"pods": true, "persistentvolumeclaims": true, "persistentvolumes": true, "nodes": true}

func (t *tracker) fieldManager(gvr schema.GroupVersionResource) (*managedfields.FieldManager, error) {
	if t.types == nil {
		return nil, fmt.Errorf("no server-side apply of %s here", gvr.Resource)
	}
	gvk := t.kinds[gvr]
	return managedfields.NewDefaultFieldManager(t.types(), t.scheme, noDefaults{}, t.scheme, gvk, gvk.GroupVersion(), "", nil)
}

type noDefaults struct{}

func (noDefaults) Default(runtime.Object) {}

// validate refuses two controllers, as Kubernetes does.
func (t *tracker) validate(gvr schema.GroupVersionResource, o runtime.Object) error {
	m, controllers := mustAccess(o), 0
	for _, ref := range m.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller {
			controllers++
		}
	}
	if controllers < 2 {
		return nil
	}
	return t.invalid(gvr, o, "ownerReferences", m.GetOwnerReferences(), "Only one reference can have Controller set to true")
}

func (t *tracker) invalid(gvr schema.GroupVersionResource, o runtime.Object, name string, value any, why string) error {
	return apierrors.NewInvalid(t.kinds[gvr].GroupKind(), mustAccess(o).GetName(), field.ErrorList{field.Invalid(field.NewPath("metadata", name), value, why)})
}

func conflict(gvr schema.GroupVersionResource, name, why string) error {
	return apierrors.NewConflict(gvr.GroupResource(), name, fmt.Errorf("%s", why))
}

// manager is the field manager of a request.
func manager[T metav1.CreateOptions | metav1.UpdateOptions | metav1.PatchOptions](opts []T) string {
	who := ""
	if len(opts) > 0 {
		switch o := any(opts[0]).(type) {
		case metav1.CreateOptions:
			who = o.FieldManager
		case metav1.UpdateOptions:
			who = o.FieldManager
		case metav1.PatchOptions:
			who = o.FieldManager
		}
	}
	if who == "" {
		return "somebody"
	}
	return who
}

func mustAccess(o runtime.Object) metav1.Object {
	m, err := meta.Accessor(o)
	if err != nil {
		panic(err) // every object of both schemes has metadata
	}
	return m
}

// timeless leaves out when fields were written.
func timeless(o runtime.Object) runtime.Object {
	o = o.DeepCopyObject()
	m := mustAccess(o)
	entries := m.GetManagedFields()
	for i := range entries {
		entries[i].Time = nil
	}
	m.SetManagedFields(entries)
	return o
}

// sameBut compares two objects without some fields.
func sameBut(a, b runtime.Object, paths ...string) bool {
	return equality.Semantic.DeepEqual(without(a, paths), without(b, paths))
}

func without(o runtime.Object, paths []string) map[string]any {
	u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		panic(err) // both schemes hold structs only
	}
	for _, path := range paths {
		unstructured.RemoveNestedField(u, strings.Split(path, ".")...)
	}
	return u
}
