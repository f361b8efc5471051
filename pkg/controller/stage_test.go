// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// stage is where a whole controller plays: an API server in memory, with the
// test as the rest of Kubernetes and as Elasticell. Its time is the bubble's.
type stage struct {
	*ct.API
	t          *testing.T
	farm       *pdtest.Farm
	events     *ct.Events
	controller *Controller
	stop       func()
	kubernetes world
}

// play runs a test on a stage with a running controller; prepare comes before that runs.
func play(t *testing.T, do func(s *stage), prepare ...func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{API: ct.NewAPI(), t: t, farm: pdtest.NewFarm(), events: &ct.Events{}}
		s.kubernetes = world{stage: s, elasticell: map[string]*elasticell{}, badImages: map[string]bool{}, full: map[string]bool{}}
		for _, p := range prepare {
			p(s)
		}
		s.start()
		do(s)
	})
}

// start starts a controller; a second call, after stop, is a restart of the operator.
func (s *stage) start() {
	s.t.Helper()
	c, err := New(Options{
		Kube: s.Kube, Cells: s.Cells, Events: s.events, PD: ct.PDClients(s.farm),
		LauncherImage: ct.LauncherImage, ClusterResources: true,
	})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer c.queue.ShutDown() // where Run does not come to it
		if c.Start(ctx) == nil {
			c.Run(ctx)
		}
	}()
	stopped := false
	s.controller = c
	s.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			<-done
		}
	}
	s.t.Cleanup(s.stop)
}

// The rest of the world moves every step, and where that takes long, every longStep.
const (
	step     = 200 * time.Millisecond
	longStep = time.Second
	long     = 10 * time.Second
)

// run lets time pass.
func (s *stage) run(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
		s.move(min(d, pace(time.Since(begin))))
	}
}

// move is one move of the rest of the world, and what the operator makes of it meanwhile.
func (s *stage) move(d time.Duration) {
	s.kubernetes.move()
	time.Sleep(d)
	synctest.Wait()
}

func pace(since time.Duration) time.Duration {
	if since < long {
		return step
	}
	return longStep
}

// rest lets time pass in which Kubernetes has nothing to do and stores report to PD.
func (s *stage) rest(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		s.kubernetes.heartbeat()
		time.Sleep(2 * time.Second)
		synctest.Wait()
	}
}

// until lets time pass until something is so.
func (s *stage) until(limit time.Duration, what string, so func() bool) {
	s.t.Helper()
	for begin := time.Now(); !so(); s.move(pace(time.Since(begin))) {
		if time.Since(begin) > limit {
			status := s.cluster("demo").Status
			require.Failf(s.t, "not in time", "%s, after %v; phase %s, message %q, conditions %v", what, limit, status.Phase, status.Message, summary(&status))
		}
	}
}

// sparse is a cluster with nothing set that has a default, as one is that was
// stored before a field existed. Whoever fills in defaults must not do so in the cache.
func sparse(name string, modify ...func(*v1alpha1.CellCluster)) *v1alpha1.CellCluster {
	full := ct.Cluster(name)
	c := &v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Namespace: full.Namespace, Name: name, UID: full.UID}}
	c.Spec.PD.Replicas, c.Spec.PD.Image = full.Spec.PD.Replicas, full.Spec.PD.Image
	c.Spec.Store.Replicas, c.Spec.Store.Image = full.Spec.Store.Replicas, full.Spec.Store.Image
	c.Spec.Proxy.Replicas, c.Spec.Proxy.Image = full.Spec.Proxy.Replicas, full.Spec.Proxy.Image
	for _, m := range modify {
		m(c)
	}
	return c
}

// create makes a cluster, and what a user changes of it.
func (s *stage) create(name string, modify ...func(*v1alpha1.CellCluster)) {
	s.t.Helper()
	c := sparse(name, modify...)
	_, err := s.OtherCells.DeepfabricV1alpha1().CellClusters(ct.Namespace).Create(s.t.Context(), c, metav1.CreateOptions{})
	require.NoError(s.t, err)
}

func (s *stage) edit(name string, change func(*v1alpha1.CellClusterSpec)) {
	s.t.Helper()
	c := s.cluster(name)
	change(&c.Spec)
	_, err := s.OtherCells.DeepfabricV1alpha1().CellClusters(ct.Namespace).Update(s.t.Context(), c, metav1.UpdateOptions{})
	require.NoError(s.t, err)
}

func (s *stage) cluster(name string) *v1alpha1.CellCluster {
	s.t.Helper()
	c, err := s.OtherCells.DeepfabricV1alpha1().CellClusters(ct.Namespace).Get(s.t.Context(), name, metav1.GetOptions{})
	require.NoError(s.t, err)
	return c
}

// is tells whether a condition is True for the present spec.
func (s *stage) is(name, condition string) bool {
	c := s.cluster(name)
	x := meta.FindStatusCondition(c.Status.Conditions, condition)
	return x != nil && x.Status == metav1.ConditionTrue && x.ObservedGeneration == c.Generation
}

// settled makes a cluster and waits until it is Ready and nothing happens any more.
func (s *stage) settled(name string, modify ...func(*v1alpha1.CellCluster)) {
	s.t.Helper()
	s.create(name, modify...)
	s.until(2*time.Minute, name+" is Ready", func() bool { return s.is(name, v1alpha1.ConditionReady) })
	s.run(2 * time.Second)
	s.rest(10 * time.Second)
	s.ResetRequests()
}

// writes are the operator's requests since the last call or settled; they are forgotten.
func (s *stage) writes() []string {
	out := s.Requests()
	s.ResetRequests()
	return out
}
