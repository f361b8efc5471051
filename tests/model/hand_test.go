// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// deed is something that people do by hand.
type deed struct {
	name string
	do   func(*Run)
}

var deeds = []deed{
	{"a store's pod is deleted", func(r *Run) { remove[corev1.Pod](r, "demo-store-0", nil) }},
	{"a PD's pod is deleted", func(r *Run) { remove[corev1.Pod](r, "demo-pd-0", nil) }},
	{"the StatefulSet of stores is deleted with its pods", func(r *Run) { remove[appsv1.StatefulSet](r, "demo-store", nil) }},
	{"the StatefulSet of PDs is deleted with its pods", func(r *Run) { remove[appsv1.StatefulSet](r, "demo-pd", nil) }},
	{"the StatefulSet of stores is deleted alone", func(r *Run) {
		orphan := metav1.DeletePropagationOrphan
		remove[appsv1.StatefulSet](r, "demo-store", &orphan)
	}},
	{"the Deployment is deleted", func(r *Run) { remove[appsv1.Deployment](r, "demo-proxy", nil) }},
	{"a Service is deleted", func(r *Run) { remove[corev1.Service](r, "demo-pd", nil) }},
	{"the start plan is deleted", func(r *Run) { remove[corev1.ConfigMap](r, "demo-start", nil) }},
	{"the labels of a StatefulSet are removed", func(r *Run) {
		if s := r.set(naming.Store); s != nil {
			s = s.DeepCopy()
			s.Labels = nil
			r.API.Replace(s, false)
		}
	}},
	{"a store's program is killed", func(r *Run) { r.World.Crash("demo-store-0") }},
	{"a PD's program is killed", func(r *Run) { r.World.Crash("demo-pd-0") }},
}

// remove deletes an object, if it is there.
func remove[T any, P interface {
	*T
	metav1.Object
	runtime.Object
}](r *Run, name string, how *metav1.DeletionPropagation) {
	if o := ct.Read[T, P](r.API, sim.Namespace, name); o != nil {
		r.API.Delete(o, metav1.DeleteOptions{PropagationPolicy: how})
	}
}

// At each write somebody lays hands on the cluster. It ends as if nobody had,
// though objects may be made more often.
func TestByHand(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "by hand", w, 200)
		c.whole, c.sameEnd, c.free = 6, !w.Harms, w.Harms
		for _, x := range c.undisturbed.Writes {
			for _, d := range deeds {
				c.try(byHand(x.N, d))
			}
		}
		c.end()
	})
}

func byHand(n int, d deed) Fault {
	struck := false
	return Fault{
		Name: fmt.Sprintf("%s at write %d", d.name, n), Harms: true,
		Write: func(_ *Run, _ int, w Write) Verdict {
			struck = struck || w.N == n
			return Verdict{}
		},
		Second: func(r *Run) {
			if struck {
				struck, n = false, -1
				d.do(r)
			}
		},
	}
}
