// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Fakes are fakes of all controls, and the caches that they write to. They are
// for one goroutine.
type Fakes struct {
	Services     *Fake[*corev1.Service]
	ConfigMaps   *Fake[*corev1.ConfigMap]
	StatefulSets *Fake[*appsv1.StatefulSet]
	Deployments  *Fake[*appsv1.Deployment]
	Budgets      *Fake[*policyv1.PodDisruptionBudget]
	Autoscalers  *Fake[*autoscalingv2.HorizontalPodAutoscaler]
	Pods         *Fake[*corev1.Pod]
	Claims       *FakeClaims
	Volumes      *FakeVolumes
	Clusters     *FakeClusters
	Events       *Events

	nodes   *Fake[*corev1.Node]
	classes *Fake[*storagev1.StorageClass]
	log     []string
}

// New makes fakes with empty caches, to which objects can be given.
func New(objects ...runtime.Object) *Fakes {
	f := &Fakes{}
	v := &versions{}
	f.Services = newFake[*corev1.Service]("Service", &f.log, v)
	f.ConfigMaps = newFake[*corev1.ConfigMap]("ConfigMap", &f.log, v)
	f.StatefulSets = newFake[*appsv1.StatefulSet]("StatefulSet", &f.log, v)
	f.Deployments = newFake[*appsv1.Deployment]("Deployment", &f.log, v)
	f.Budgets = newFake[*policyv1.PodDisruptionBudget]("PodDisruptionBudget", &f.log, v)
	f.Autoscalers = newFake[*autoscalingv2.HorizontalPodAutoscaler]("HorizontalPodAutoscaler", &f.log, v)
	f.Pods = newFake[*corev1.Pod]("Pod", &f.log, v)
	f.Claims = &FakeClaims{newFake[*corev1.PersistentVolumeClaim]("PersistentVolumeClaim", &f.log, v)}
	f.Volumes = &FakeVolumes{newFake[*corev1.PersistentVolume]("PersistentVolume", &f.log, v)}
	f.Clusters = &FakeClusters{calls: newCalls(v1alpha1.Kind, &f.log), written: map[string]v1alpha1.CellClusterStatus{}}
	f.Events = &Events{}
	f.nodes = newFake[*corev1.Node]("Node", &f.log, v)
	f.classes = newFake[*storagev1.StorageClass]("StorageClass", &f.log, v)
	f.Add(objects...)
	return f
}

// Controls are the fakes as managers get them.
func (f *Fakes) Controls() *control.Controls {
	return &control.Controls{
		Services: f.Services, ConfigMaps: f.ConfigMaps, StatefulSets: f.StatefulSets, Deployments: f.Deployments,
		Budgets: f.Budgets, Replicas: fakeReplicas{f.Deployments}, Autoscalers: f.Autoscalers, Pods: f.Pods, Claims: f.Claims, Volumes: f.Volumes,
		Orphans: fakeOrphans{f.StatefulSets}, Clusters: f.Clusters, Events: f.Events,
		Live: fakeLive{f},
	}
}

// Add puts objects into the caches, as if somebody else had written them.
func (f *Fakes) Add(objects ...runtime.Object) {
	for _, o := range objects {
		switch x := o.(type) {
		case *corev1.Service:
			f.Services.Add(x)
		case *corev1.ConfigMap:
			f.ConfigMaps.Add(x)
		case *appsv1.StatefulSet:
			f.StatefulSets.Add(x)
		case *appsv1.Deployment:
			f.Deployments.Add(x)
		case *policyv1.PodDisruptionBudget:
			f.Budgets.Add(x)
		case *autoscalingv2.HorizontalPodAutoscaler:
			f.Autoscalers.Add(x)
		case *corev1.Pod:
			f.Pods.Add(x)
		case *corev1.PersistentVolumeClaim:
			f.Claims.Add(x)
		case *corev1.PersistentVolume:
			f.Volumes.Add(x)
		case *corev1.Node:
			f.nodes.Add(x)
		case *storagev1.StorageClass:
			f.classes.Add(x)
		default:
			panic(fmt.Sprintf("controltest: there is no cache of %T", o))
		}
	}
}

// View is what a sync of a cluster would see now.
func (f *Fakes) View(c *v1alpha1.CellCluster, state *pdstate.Snapshot) *view.Cluster {
	own := c.DeepCopy()
	v1alpha1.SetDefaults(own)
	return view.Build(source{f}, own, state, LauncherImage, Now())
}

// Writes are all writes so far, in order, as "verb Kind name". What a control found
// to be as wanted already is none.
func (f *Fakes) Writes() []string { return slices.Clone(f.log) }

// Reset forgets the writes and events so far.
func (f *Fakes) Reset() { f.log, f.Events.all = nil, nil }

// Events records events.
type Events struct {
	mu  sync.Mutex
	all []string
}

var _ record.EventRecorder = (*Events)(nil)

// Event implements record.EventRecorder.
func (e *Events) Event(_ runtime.Object, kind, reason, message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, kind+" "+reason+": "+message)
}

// Eventf implements record.EventRecorder.
func (e *Events) Eventf(o runtime.Object, kind, reason, format string, args ...any) {
	e.Event(o, kind, reason, fmt.Sprintf(format, args...))
}

// AnnotatedEventf implements record.EventRecorder.
func (e *Events) AnnotatedEventf(o runtime.Object, _ map[string]string, kind, reason, format string, args ...any) {
	e.Eventf(o, kind, reason, format, args...)
}

// All are the events so far, as "Type Reason: message".
func (e *Events) All() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}
