// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

func (s *stage) pd() *pdtest.PD { return s.kubernetes.elasticell["demo"].pd }

// reason is that of a condition of demo, "" while it is not True.
func (s *stage) reason(condition string) string {
	c := meta.FindStatusCondition(s.cluster("demo").Status.Conditions, condition)
	if c == nil || c.Status != metav1.ConditionTrue {
		return ""
	}
	return c.Reason
}

// onlyStatus requires that nothing but statuses was written, and not often.
func (s *stage) onlyStatus(most int) {
	s.t.Helper()
	writes := s.writes()
	for _, w := range writes {
		assert.Equal(s.t, "update cellclusters/status demo", w)
	}
	assert.LessOrEqual(s.t, len(writes), most)
}

// A PD that answers nonsense, an error or nothing at all is not judged by what it
// says, and nothing is done to its cluster but to say so.
func TestSickPD(t *testing.T) {
	for name, mode := range map[string]pdtest.Mode{"panicking": pdtest.Panicking, "garbage": pdtest.Garbage, "silent": pdtest.Silent} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *stage) {
				s.settled("demo")
				s.pd().SetModes(mode)
				s.until(3*time.Minute, "it is told", func() bool { return s.reason(v1alpha1.ConditionDegraded) == v1alpha1.ReasonPDUnknown })
				c := meta.FindStatusCondition(s.cluster("demo").Status.Conditions, v1alpha1.ConditionAvailable)
				assert.Equal(t, metav1.ConditionUnknown, c.Status)
				s.ResetRequests()
				if mode != pdtest.Panicking { // that one says that etcd is well and nobody leads, which a restart cures
					s.rest(time.Minute)
					s.onlyStatus(3)
				}
				s.pd().SetModes(pdtest.Well)
				s.until(2*time.Minute, "it is Ready again", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
			})
		})
	}
}

// A PD that has lost its data and begun anew: whatever its answer says, nothing is written.
func TestForeignPD(t *testing.T) {
	play(t, func(s *stage) {
		s.settled("demo")
		e := s.kubernetes.elasticell["demo"]
		s.farm.Remove(e.pd)
		fresh := pdtest.New(pdtest.Config{
			ClusterID: 0xdead, Members: []string{"demo-pd-0", "demo-pd-1", "demo-pd-2"}, Now: time.Now,
			ClientURL: func(name string) string {
				ordinal, _ := naming.Ordinal(name)
				return "http://" + e.ip(naming.PD, ordinal) + ":2379"
			},
		})
		s.farm.Add(fresh)
		e.halted = true
		s.edit("demo", func(c *v1alpha1.CellClusterSpec) { c.Proxy.Replicas = 3 })
		s.until(2*time.Minute, "it is told", func() bool { return s.reason(v1alpha1.ConditionDegraded) == v1alpha1.ReasonPDClusterChanged })
		for _, call := range fresh.Calls() {
			assert.Equal(t, "GET", call.Method)
		}
		s.ResetRequests()
		s.rest(time.Minute)
		s.onlyStatus(1)
		assert.Equal(t, "c1", s.cluster("demo").Status.ClusterID)
		assert.Contains(t, s.cluster("demo").Status.Message, "PD's cluster id is dead and was c1")
	})
}

// An image that cannot be pulled is told in one line, and correcting the spec is
// all that it takes, for PD and for stores.
func TestBadImageIsMended(t *testing.T) {
	tests := map[string]func(c *v1alpha1.CellClusterSpec, image string){
		"pd":    func(c *v1alpha1.CellClusterSpec, image string) { c.PD.Image = image },
		"store": func(c *v1alpha1.CellClusterSpec, image string) { c.Store.Image = image },
		"proxy": func(c *v1alpha1.CellClusterSpec, image string) { c.Proxy.Image = image },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *stage) {
				s.kubernetes.badImages["bad:1"] = true
				s.create("demo", func(c *v1alpha1.CellCluster) { set(&c.Spec, "bad:1") })
				s.until(2*time.Minute, "it is told", func() bool {
					return s.reason(v1alpha1.ConditionDegraded) == v1alpha1.ReasonPodFailing
				})
				assert.Contains(t, s.cluster("demo").Status.Message, "container "+name+": ErrImagePull: no such image")
				assert.EqualValues(t, "Degraded", s.cluster("demo").Status.Phase)
				s.run(70 * time.Second) // by then the ids are on the claims
				s.ResetRequests()
				s.rest(time.Minute)
				s.onlyStatus(0)
				s.edit("demo", func(c *v1alpha1.CellClusterSpec) { set(c, name+":2") })
				s.until(5*time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
			})
		})
	}
}

func TestNoRoom(t *testing.T) {
	play(t, func(s *stage) {
		s.kubernetes.full["demo"] = true
		s.create("demo")
		s.until(time.Minute, "it is told", func() bool { return s.reason(v1alpha1.ConditionDegraded) == v1alpha1.ReasonUnschedulable })
		assert.Contains(t, s.cluster("demo").Status.Message, "no node takes pod demo-pd-")
		s.kubernetes.full["demo"] = false
		s.until(2*time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
	})
}

// A stranger has a name that the cluster needs: it is told, the stranger is left
// alone, and once it is gone the cluster goes on by itself.
func TestStranger(t *testing.T) {
	play(t, func(s *stage) {
		services := s.OtherKube.CoreV1().Services(ct.Namespace)
		theirs, err := services.Create(t.Context(), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: ct.Namespace, Name: "demo-pd"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort},
		}, metav1.CreateOptions{FieldManager: "kubectl-create"})
		require.NoError(t, err)
		s.create("demo")
		s.until(2*time.Minute, "it is told", func() bool { return s.reason(v1alpha1.ConditionDegraded) == v1alpha1.ReasonNameConflict })
		assert.Contains(t, s.cluster("demo").Status.Message, "Service demo-pd exists and is not this cluster's")
		live, err := services.Get(t.Context(), "demo-pd", metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, theirs, live)
		require.NoError(t, services.Delete(t.Context(), "demo-pd", metav1.DeleteOptions{}))
		s.until(5*time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
	})
}

// Writes that fail are repeated ever less often, told, and made up for.
func TestFailingWrites(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	refuse := func(clienttesting.Action) (bool, runtime.Object, error) {
		return broken.Load(), nil, apierrors.NewForbidden(schema.GroupResource{Resource: "statefulsets"}, "demo-pd", errors.New("exceeded quota"))
	}
	play(t, func(s *stage) {
		s.create("demo")
		s.until(2*time.Minute, "it is told", func() bool { return s.reason(v1alpha1.ConditionDegraded) == v1alpha1.ReasonWriteFailed })
		assert.Contains(t, s.cluster("demo").Status.Message, "exceeded quota")
		s.rest(2 * time.Minute)
		s.ResetRequests()
		s.rest(2 * time.Minute)
		attempts := 0
		for _, w := range s.writes() {
			if strings.HasPrefix(w, "patch statefulsets") {
				attempts++
			}
		}
		assert.LessOrEqual(t, attempts, 3, "in two minutes")
		broken.Store(false)
		s.until(5*time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
		assert.Zero(t, s.controller.queue.NumRequeues(types.NamespacedName{Namespace: ct.Namespace, Name: "demo"}), "the next failure begins anew")
	}, func(s *stage) { s.Kube.PrependReactor("patch", "statefulsets", refuse) })
}

func TestMissingClass(t *testing.T) {
	play(t, func(s *stage) {
		s.create("demo", func(c *v1alpha1.CellCluster) { c.Spec.Store.StorageClassName = new("fast") })
		s.until(time.Minute, "it is told", func() bool { return s.reason(v1alpha1.ConditionDegraded) == v1alpha1.ReasonWaitingForVolume })
		assert.Contains(t, s.cluster("demo").Status.Message, `there is no StorageClass "fast"`)
		_, err := s.OtherKube.StorageV1().StorageClasses().Create(t.Context(), ct.Class("fast"), metav1.CreateOptions{})
		require.NoError(t, err)
		s.until(2*time.Minute, "demo is Ready", func() bool { return s.is("demo", v1alpha1.ConditionReady) })
	})
}
