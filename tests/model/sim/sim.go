// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

const (
	// Namespace and Cluster are where the one cluster of a world is.
	Namespace = "ns"
	Cluster   = "demo"
	// Class is the storage class of all volumes. They stay on their node, and can grow.
	Class = "local"

	// Second is how long a Step takes.
	Second = time.Second
)

// World is everything but the operator.
type World struct {
	API *ct.API
	// PD is nil until the first PDs have formed a cluster.
	PD *pdtest.PD
	// Breach is told of what must never happen inside of Elasticell.
	Breach func(format string, args ...any)
	// Deaf: PD does not answer the operator as it should, and may give a leader back without its knowledge.
	Deaf bool

	nodes     map[string]*node
	disks     map[types.UID]*disk // by the claim's UID
	processes map[string]*process // by pod
	started   map[uint64]bool     // PD members that have ever run
	lastIP    int
	steps     int                  // seconds that have passed
	leaderOut time.Time            // since when PD has had no leader; zero while it has
	attempts  map[string]time.Time // when a pod's program may be started again

	mu     sync.Mutex
	places map[string]string // PD pods by IP
}

// disk is what is on a volume.
type disk struct {
	member uint64 // of PD; 0 for none
	store  uint64 // 0 for none
	// spoiled: no store starts on it any more.
	spoiled bool
}

// process is the program that runs in a pod.
type process struct {
	pod    types.UID
	claim  types.UID
	member uint64
	store  uint64
	proxy  bool
}

// New makes a world with some nodes, and a storage class.
func New(api *ct.API, nodes int) *World {
	api.Graceful()
	w := &World{
		API: api, Breach: func(string, ...any) {},
		nodes: map[string]*node{}, disks: map[types.UID]*disk{}, processes: map[string]*process{},
		started: map[uint64]bool{}, places: map[string]string{}, attempts: map[string]time.Time{},
	}
	for i := range nodes {
		w.addNode(fmt.Sprintf("node-%d", i), fmt.Sprintf("zone-%d", i%3))
	}
	expand := true
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	api.Put(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: Class}, Provisioner: "sim", AllowVolumeExpansion: &expand, VolumeBindingMode: &mode})
	return w
}

// Step is one second of everybody's work; the time itself is let pass by the caller.
func (w *World) Step() {
	w.API.Hold()
	defer w.API.Release()
	w.watchNodes()
	w.collectPods()
	w.collectGarbage()
	w.autoscale()
	w.runSets()
	w.runDeployments()
	w.runVolumes()
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		w.runPod(p)
	}
	w.endOrphans()
	if w.PD != nil {
		if w.steps++; w.steps%balancePause == 0 && w.leads() {
			w.PD.Balance()
		}
		w.PD.Tick()
	}
	w.elect() // a leader that has just been elected has heard of nobody
}

// balancePause is how many steps lie between two leaders that PD moves by itself, to spread them.
const balancePause = 5

func pod(w *World, name string) *corev1.Pod { return ct.Read[corev1.Pod](w.API, Namespace, name) }

func now() metav1.Time { return metav1.NewTime(time.Now().Truncate(time.Second)) }

// nextIP is an address that nobody has had.
func (w *World) nextIP() string {
	w.lastIP++
	return net.IPv4(10, 0, byte(w.lastIP>>8), byte(w.lastIP)).String()
}
