// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	kubeview "github.com/deepfabric/elasticell-operator/pkg/view"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// asAsked holds the world against the spec, whatever the operator says of it; "" if it is as the spec asks.
func (r *Run) asAsked() string {
	c := r.Object()
	if c == nil || r.World.PD == nil {
		return ""
	}
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	members := r.World.PD.MemberInfos()
	if len(members) != int(c.Spec.PD.Replicas) {
		say("PD has %d members, and the spec asks for %d", len(members), c.Spec.PD.Replicas)
	}
	for _, m := range members {
		if !m.Running {
			say("PD's member %s does not run", m.PeerURL)
		}
	}
	up := 0
	for _, s := range r.World.PD.StoreInfos() {
		if s.State == pdapi.Tombstone {
			continue
		}
		if up++; s.State != pdapi.Up || !s.Running {
			say("store %d at %s is %s, running: %v", s.ID, s.Address, s.State, s.Running)
		}
	}
	if up != int(c.Spec.Store.Replicas) {
		say("there are %d stores, and the spec asks for %d", up, c.Spec.Store.Replicas)
	}
	for _, cell := range r.World.PD.CellInfos() {
		if want := min(r.World.PD.Replicas(), up); len(cell.Peers) != want || len(cell.Pending) > 0 {
			say("cell %d has %d replicas, of which %d are being filled, and should have %d", cell.ID, len(cell.Peers), len(cell.Pending), want)
		}
	}
	images := map[naming.Component]string{naming.PD: c.Spec.PD.Image, naming.Store: c.Spec.Store.Image, naming.Proxy: c.Spec.Proxy.Image}
	pods := map[naming.Component]int32{}
	for _, p := range ct.ReadAll[corev1.Pod](r.API, sim.Namespace) {
		component := naming.Component(p.Labels[naming.LabelComponent])
		pods[component]++
		if !kubeview.PodReady(p) || p.Spec.Containers[0].Image != images[component] {
			say("pod %s is ready: %v, and runs %s, and not %s", p.Name, kubeview.PodReady(p), p.Spec.Containers[0].Image, images[component])
		}
	}
	want := map[naming.Component]int32{naming.PD: c.Spec.PD.Replicas, naming.Store: c.Spec.Store.Replicas, naming.Proxy: c.Spec.Proxy.Replicas}
	for component, n := range want {
		if component == naming.Proxy && c.Spec.Proxy.Autoscaling != nil {
			continue // the autoscaler asks
		}
		if pods[component] != n {
			say("there are %d pods of %s, and the spec asks for %d", pods[component], component, n)
		}
	}
	for _, claim := range ct.ReadAll[corev1.PersistentVolumeClaim](r.API, sim.Namespace) {
		if claim.Annotations[naming.AnnotationReplacing] != "" || claim.DeletionTimestamp != nil {
			say("volume claim %s is still being replaced", claim.Name)
		}
	}
	return strings.Join(wrong, "\n")
}
