// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// World is one cluster with everything around it: the fakes, a PD with its
// habits, a clock, and the StatefulSet controller and kubelet, which it plays. It
// watches each write of the operator and fails the test where one endangers data.
// It is for one goroutine.
type World struct {
	*Fakes
	T       testing.TB
	Cluster *v1alpha1.CellCluster
	PD      *pdtest.PD
	// State is what the poller would have; PD is asked anew in each step.
	State *pdstate.Snapshot
	// Sync is what the operator does in each step.
	Sync Sync
	// NewOperator makes a Sync of an operator that remembers nothing.
	NewOperator func(*World) Sync
	// Broken are pods that run and never become ready, Stuck those that never run, by name.
	Broken, Stuck map[string]bool
	// Wiped are those whose volumes were emptied.
	Wiped map[string]bool
	// MayLead allows stores to be stopped while they lead cells.
	MayLead bool

	farm      *pdtest.Farm
	clients   pdapi.Factory
	seconds   atomic.Int64 // since Now
	processes map[string]*process
	disks     map[string]uint64 // the store on a claim, by the claim's UID
	formed    bool              // PD has been formed, and no PD may form one again
	leaderOut int               // for how many steps PD has had no leader
	hashes    map[string]string // see restartHash

	writes int
	crash  crash
}

// Sync is one sync of an operator.
type Sync func(context.Context, *view.Cluster) error

// ErrCrash is what every write gives from the moment of the operator's crash on.
var ErrCrash = errors.New("the operator has crashed")

// errStaleView is what a fake gives where a manager's view is older than the cache.
var errStaleView = errors.New("the manager's view is not the cache's")

// crash is when the operator is to crash.
type crash struct {
	at    int  // the number of the write, from 1; 0 for never
	after bool // the write is carried out first
	dead  bool
}

// WorldCells is the number of cells in a world.
const WorldCells = 3

// NewWorld makes a cluster that was bootstrapped, and lets it become healthy.
func NewWorld(t testing.TB, operator func(*World) Sync, modify ...func(*v1alpha1.CellCluster)) *World {
	t.Helper()
	c := Cluster("demo", append([]func(*v1alpha1.CellCluster){Bootstrapped}, modify...)...)
	w := &World{Fakes: New(), T: t, Cluster: c, NewOperator: operator, Broken: map[string]bool{}, Stuck: map[string]bool{}, Wiped: map[string]bool{},
		processes: map[string]*process{}, disks: map[string]uint64{}, hashes: map[string]string{}}
	w.PD = pdtest.New(pdtest.Config{
		Members:     memberNames(c),
		ClientURL:   func(name string) string { o, _ := naming.Ordinal(name); return endpoint(o) },
		PeerURL:     func(name string) string { o, _ := naming.Ordinal(name); return PDMember(c, o).PeerURLs[0] },
		ClusterID:   0xc1,
		Now:         w.Now,
		MaxReplicas: int(*c.Spec.PD.Config.MaxReplicas),
		KeepCalls:   -1,
	})
	var err error
	w.farm, err = w.PD.Serve()
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.farm.Close() })
	w.clients = pdapi.NewFactory(pdapi.Options{Transport: w.farm, DialContext: w.farm.DialContext, Now: w.Now})
	require.NoError(t, w.client([]string{endpoint(0)}).InitCluster(t.Context(), pdapi.InitParams{InitCellCount: WorldCells, CellCapacity: 1 << 20}))
	w.Sync = operator(w)
	w.RunUntil("the cluster is healthy", 60, w.Settled)
	w.formed = true
	w.Reset()
	w.writes = 0
	return w
}

func memberNames(c *v1alpha1.CellCluster) []string {
	var names []string
	for i := range c.Spec.PD.Replicas {
		names = append(names, naming.Pod(c.Name, naming.PD, i))
	}
	return names
}

// Now is the world's time.
func (w *World) Now() time.Time {
	return Now().Add(time.Duration(w.seconds.Load()) * time.Second)
}

// Pass lets time pass, in which nothing else happens.
func (w *World) Pass(d time.Duration) { w.seconds.Add(int64(d / time.Second)) }

// View is what a sync would see now.
func (w *World) View() *view.Cluster {
	v := w.Fakes.View(w.Cluster, w.State)
	v.Now = w.Now()
	return v
}

// client is a client of PD that nobody watches.
func (w *World) client(endpoints []string) pdapi.Client { return w.clients(endpoints) }

func (w *World) endpoints() []string {
	var out []string
	for _, p := range w.Pods.List(Namespace, w.Cluster.Name) {
		if naming.Component(p.Labels[naming.LabelComponent]) == naming.PD && p.Status.PodIP != "" && p.DeletionTimestamp == nil {
			out = append(out, view.PDEndpoint(p))
		}
	}
	return out
}

// PDClient is a client of PD as operators get it.
func (w *World) PDClient(*view.Cluster) pdapi.Client {
	return &watchedPD{w.client(w.endpoints()), w}
}

// Controls are the controls as operators get them.
func (w *World) Controls() *control.Controls {
	c := w.Fakes.Controls()
	c.StatefulSets = &watchedSets{c.StatefulSets, w}
	c.Pods = &watchedPods{c.Pods, w}
	c.Claims = &watchedClaims{c.Claims, w}
	return c
}

// Step lets a second pass: pods come, go and get ready, stores report, PD is
// asked, and the operator syncs once.
func (w *World) Step() {
	w.T.Helper()
	w.Pass(time.Second)
	w.play()
	w.PD.Tick()
	w.SyncNow()
}

// SyncNow asks PD and lets the operator sync once, with no time passing.
func (w *World) SyncNow() {
	w.T.Helper()
	if urls := w.endpoints(); len(urls) > 0 {
		v := w.View()
		w.State = pdstate.Look(w.T.Context(), w.client(urls), w.State, v.HeartbeatLimit(), w.Now())
	}
	err := w.Sync(w.T.Context(), w.View())
	if w.crash.dead {
		w.crash = crash{}
		w.Sync, w.State = w.NewOperator(w), nil
		return
	}
	if err != nil && !passing(err) {
		require.NoError(w.T, err, "at second %d", w.seconds.Load())
	}
}

// passing tells of errors after which the operator looks again: in a cache that
// has seen its own last write, or at a PD that has a leader again.
func passing(err error) bool {
	return errors.Is(err, errStaleView) || errors.Is(err, pdapi.ErrUnknown) || errors.Is(err, pdapi.ErrUnreachable)
}

// RunUntil steps, once at least, until something holds, at most so many seconds.
func (w *World) RunUntil(what string, seconds int, done func() bool) {
	w.T.Helper()
	for range seconds {
		w.Step()
		if done() {
			return
		}
	}
	require.Fail(w.T, "it takes too long", "after %d s: %s\n%s", seconds, what, w.Describe())
}

// Settled tells whether the cluster is as the spec asks, healthy, and at rest.
func (w *World) Settled() bool {
	v := w.View()
	return v.PD.Set != nil && v.Store.Set != nil && v.Unhealthy() == "" &&
		v.PD.Replicas() == w.Cluster.Spec.PD.Replicas && v.Store.Replicas() == w.Cluster.Spec.Store.Replicas &&
		w.updated(&v.PD) && w.updated(&v.Store)
}

// restartHash is what pods of the present spec carry.
func (w *World) restartHash(component naming.Component) string {
	images := w.Cluster.Spec.PD.Image + " " + w.Cluster.Spec.Store.Image + " " + string(component)
	if w.hashes[images] == "" {
		t := template(w.Cluster, component)
		w.hashes[images] = t.Annotations[naming.AnnotationRestartHash]
	}
	return w.hashes[images]
}

// updated tells whether all pods of a set are from the present spec.
func (w *World) updated(s *view.Set) bool {
	hash := w.restartHash(s.Component)
	return !slices.ContainsFunc(s.Pods, func(p view.Pod) bool {
		return p.Annotations[naming.AnnotationRestartHash] != hash
	})
}

// CrashAt has the operator crash at its n-th write from now on, before or after
// that is carried out. The next step begins with a new operator.
func (w *World) CrashAt(n int, after bool) { w.writes, w.crash = 0, crash{at: n, after: after} }

// WriteCount is how many writes there were since the world became healthy, or since CrashAt.
func (w *World) WriteCount() int { return w.writes }

// write carries a write out, unless the operator crashes before.
func (w *World) write(do func() error) error {
	if w.crash.dead {
		return ErrCrash
	}
	w.writes++
	hit := w.crash.at > 0 && w.writes == w.crash.at
	w.crash.dead = hit
	if hit && !w.crash.after {
		return ErrCrash
	}
	err := do()
	if hit {
		return ErrCrash
	}
	return err
}

// Describe says for a failed test how things are.
func (w *World) Describe() string {
	v := w.View()
	out := fmt.Sprintf("unhealthy: %q; PD %d/%d, store %d/%d\n", v.Unhealthy(), v.PD.Replicas(), w.Cluster.Spec.PD.Replicas, v.Store.Replicas(), w.Cluster.Spec.Store.Replicas)
	for _, p := range w.Pods.List(Namespace, w.Cluster.Name) {
		out += fmt.Sprintf("pod %s ready=%v\n", p.Name, view.PodReady(p))
	}
	for _, s := range v.Stores() {
		out += fmt.Sprintf("store %d %s %s cells=%d\n", s.ID, s.State, v.StorePod(&s), s.CellCount)
	}
	for _, m := range w.members() {
		out += fmt.Sprintf("member %x %v started=%v\n", m.ID, m.PeerURLs, len(m.ClientURLs) > 0)
	}
	for _, line := range w.Writes() {
		out += line + "\n"
	}
	return out
}

// Claim is the claim of a component's ordinal; nil if there is none.
func (w *World) Claim(c naming.Component, ordinal int32) *corev1.PersistentVolumeClaim {
	return w.Claims.Get(Namespace, naming.Claim(w.Cluster.Name, c, ordinal))
}

// members are PD's members as any PD tells them that answers.
func (w *World) members() []pdapi.Member {
	for _, url := range w.endpoints() {
		if m, err := w.client([]string{url}).Members(w.T.Context()); err == nil {
			return m
		}
	}
	return nil
}
