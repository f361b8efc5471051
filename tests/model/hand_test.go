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
	// harms, scatters: see Fault.
	harms, scatters bool
}

var deeds = []deed{
	{name: "a store's pod is deleted", harms: true, do: func(r *Run) { remove[corev1.Pod](r, "demo-store-0", nil) }},
	{name: "a PD's pod is deleted", harms: true, do: func(r *Run) { remove[corev1.Pod](r, "demo-pd-0", nil) }},
	{name: "the highest store's pod is deleted", harms: true, do: func(r *Run) { removeHighest(r, naming.Store) }},
	{name: "the highest PD's pod is deleted", harms: true, do: func(r *Run) { removeHighest(r, naming.PD) }},
	{name: "a proxy's pod is deleted", do: func(r *Run) {
		if proxies := r.members(naming.Proxy); len(proxies) > 0 {
			remove[corev1.Pod](r, proxies[0].Name, nil)
		}
	}},
	{name: "the StatefulSet of stores is deleted with its pods", harms: true, scatters: true, do: func(r *Run) { remove[appsv1.StatefulSet](r, "demo-store", nil) }},
	{name: "the StatefulSet of PDs is deleted with its pods", harms: true, scatters: true, do: func(r *Run) { remove[appsv1.StatefulSet](r, "demo-pd", nil) }},
	{name: "the StatefulSet of stores is deleted alone", do: func(r *Run) {
		orphan := metav1.DeletePropagationOrphan
		remove[appsv1.StatefulSet](r, "demo-store", &orphan)
	}},
	{name: "the Deployment is deleted", do: func(r *Run) { remove[appsv1.Deployment](r, "demo-proxy", nil) }},
	{name: "a Service is deleted", do: func(r *Run) { remove[corev1.Service](r, "demo-pd", nil) }},
	{name: "the start plan is deleted", do: func(r *Run) { remove[corev1.ConfigMap](r, "demo-start", nil) }},
	{name: "the labels of a StatefulSet are removed", do: func(r *Run) {
		if s := r.set(naming.Store); s != nil {
			s = s.DeepCopy()
			s.Labels = nil
			r.API.Replace(s, false)
		}
	}},
	{name: "a store's program is killed", harms: true, do: func(r *Run) { r.World.Crash("demo-store-0") }},
	{name: "a PD's program is killed", harms: true, do: func(r *Run) { r.World.Crash("demo-pd-0") }},
}

// removeHighest deletes the pod that steps of scaling, and the first of an upgrade, are about.
func removeHighest(r *Run, c naming.Component) {
	if s := r.set(c); s != nil {
		remove[corev1.Pod](r, naming.Pod(sim.Cluster, c, *s.Spec.Replicas-1), nil)
	}
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
		Name: fmt.Sprintf("%s at write %d", d.name, n), Harms: d.harms, Scatters: d.scatters,
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
