// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"reflect"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// pendingLimit is how long a write may stay unseen before the caches are
// believed again: by then a relist has happened, or the object is gone.
const pendingLimit = 30 * time.Second

// Pending remembers, for each cluster, the writes that the informers' caches
// have not shown yet. A sync that waits for them reads its own writes, so it
// neither repeats nor contradicts what it has just done.
type Pending struct {
	mu       sync.Mutex
	now      func() time.Time
	clusters map[types.NamespacedName]map[Ref]expectation
}

// Ref names an object of a cluster.
type Ref struct{ Kind, Name string }

type expectation struct {
	version uint64    // resourceVersion that the cache must have reached
	uid     types.UID // of a deleted object, which the cache must have lost
	since   time.Time
}

// NewPending makes an empty Pending.
func NewPending(now func() time.Time) *Pending {
	return &Pending{now: now, clusters: map[types.NamespacedName]map[Ref]expectation{}}
}

// Lookup finds an object in the caches; nil if it is not there.
type Lookup func(Ref) metav1.Object

// Settled tells whether the caches show all writes to a cluster. If not, it
// names one that they do not show.
func (p *Pending) Settled(cluster types.NamespacedName, cached Lookup) (bool, Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ref, e := range p.clusters[cluster] {
		if !e.seen(cached(ref)) && p.now().Sub(e.since) < pendingLimit {
			return false, ref
		}
		delete(p.clusters[cluster], ref)
	}
	delete(p.clusters, cluster)
	return true, Ref{}
}

// Gone notes that an object has left the caches, deleted or out of the
// informers' sight. A write before that will never show.
func (p *Pending) Gone(o metav1.Object) {
	cluster := types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetLabels()[naming.LabelInstance]}
	ref := Ref{reflect.TypeOf(o).Elem().Name(), o.GetName()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.clusters[cluster][ref]; ok && e.version <= version(o) {
		delete(p.clusters[cluster], ref)
	}
}

// Forget drops what is remembered of a cluster.
func (p *Pending) Forget(cluster types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clusters, cluster)
}

func (e expectation) seen(cached metav1.Object) bool {
	if e.uid != "" {
		return cached == nil || cached.GetUID() != e.uid || cached.GetDeletionTimestamp() != nil
	}
	return cached != nil && version(cached) >= e.version
}

// version is an object's resourceVersion as a number, which Kubernetes lets us
// compare; 0 if it is none.
func version(o metav1.Object) uint64 {
	n, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (p *Pending) wrote(kind string, o metav1.Object) {
	p.note(o, Ref{kind, o.GetName()}, expectation{version: version(o)})
}

func (p *Pending) deleted(kind string, o metav1.Object) {
	p.note(o, Ref{kind, o.GetName()}, expectation{uid: o.GetUID()})
}

func (p *Pending) wroteCluster(c *v1alpha1.CellCluster) {
	key := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
	p.put(key, Ref{v1alpha1.Kind, c.Name}, expectation{version: version(c)})
}

func (p *Pending) note(o metav1.Object, ref Ref, e expectation) {
	cluster := o.GetLabels()[naming.LabelInstance]
	if p == nil || cluster == "" || o.GetNamespace() == "" {
		return
	}
	p.put(types.NamespacedName{Namespace: o.GetNamespace(), Name: cluster}, ref, e)
}

func (p *Pending) put(cluster types.NamespacedName, ref Ref, e expectation) {
	if e.version == 0 && e.uid == "" {
		return // nothing to wait for, as with a fake clientset that counts no versions
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e.since = p.now()
	if p.clusters[cluster] == nil {
		p.clusters[cluster] = map[Ref]expectation{}
	}
	p.clusters[cluster][ref] = e
}
