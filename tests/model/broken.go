// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// Workloads of what a bad spec breaks, and of what only a restart cures.

// badImage upgrades stores to an image that does not exist, and then to one that does.
func badImage() *Workload {
	return &Workload{
		Name: "bad image", Least: 130,
		Do: func(r *Run) { r.Edit(func(s *spec) { s.Store.Image = sim.MissingImages + "store" }) },
		Each: at(120, func(r *Run) {
			r.Edit(func(s *spec) { s.Store.Image = "store:2" })
		}),
	}
}

// badImageTakenBack upgrades stores to an image that does not exist, and puts the old one back: the only store
// that is restarted for it is the one that had begun.
func badImageTakenBack() *Workload {
	var before map[string]types.UID
	w := &Workload{
		Name: "bad image taken back", Least: 130,
		Do: func(r *Run) {
			before = r.uids()
			r.Edit(func(s *spec) { s.Store.Image = sim.MissingImages + "store" })
		},
	}
	w.Each = func(r *Run) {
		at(120, func(r *Run) { r.Edit(func(s *spec) { s.Store.Image = "store:1" }) })(r)
		if r.fault.Harms {
			return // others take pods away
		}
		now := r.uids()
		for name, uid := range before {
			if name != "demo-store-2" && now[name] != uid {
				r.breach("pod %s is restarted for an image that was taken back", name)
			}
		}
	}
	return w
}

// givenUp is an outage of PD after which no store and no proxy ever turns to it again, until they are restarted.
func givenUp() *Workload {
	var before map[string]types.UID
	return &Workload{
		// Who has given PD up cannot be told by it to let leaders go.
		Name: "PD is given up", Least: 30, Harms: true, MayLead: true,
		Do: func(r *Run) {
			before = r.uids()
			r.World.GiveUp()
		},
		Done: func(r *Run) bool {
			for name, uid := range r.uids() {
				if before[name] == uid && !strings.HasPrefix(name, naming.Member(sim.Cluster, naming.PD)) {
					return false
				}
			}
			return r.Ready()
		},
	}
}

// givenUpAndDead is such an outage while a node is dead: who lives is cured before what is gone is repaired.
func givenUpAndDead() *Workload {
	w := givenUp()
	before, gone, lost := map[string]types.UID{}, "", ""
	// By the short period all stores count as gone before they are restarted, and get spares.
	w.Name, w.Spec, w.Least, w.Spares, w.Cures = "PD is given up, and a node is dead", soon, 60, 3, true
	w.Do = func(r *Run) {
		before = r.uids()
		// One without a proxy: whether that of a dead node may have given PD up depends on how long PD's leader is known.
		for i := range int32(3) {
			pod := naming.Pod(sim.Cluster, naming.Store, i)
			if node := r.World.NodeOf(pod); !slices.ContainsFunc(r.members(naming.Proxy), func(p *corev1.Pod) bool { return p.Spec.NodeName == node }) {
				gone, lost = pod, node
			}
		}
		r.World.KillNode(lost)
		r.World.GiveUp()
	}
	w.Each = at(45, func(r *Run) { r.World.OutOfService(lost) })
	w.Done = func(r *Run) bool {
		now := r.uids()
		for i := range int32(3) {
			if pod := naming.Pod(sim.Cluster, naming.Store, i); pod != gone && now[pod] == before[pod] {
				return false
			}
		}
		return r.Ready()
	}
	return w
}

// wedged are PDs of which none campaigns any more until it is restarted. One that is away for good changes nothing about that.
func wedged(name string, away bool) *Workload {
	w := &Workload{
		Name: name, Spec: soon, Least: 60, Cures: true, Harms: away, MayLead: true,
		Do: func(r *Run) {
			if away {
				r.World.KillNode(r.World.NodeOf("demo-pd-2"))
			}
			for _, m := range r.World.PD.MemberInfos() {
				r.World.PD.Wedge(m.Name)
			}
		},
		Done: func(r *Run) bool { return r.World.PD.Leader() != "" && r.Ready() },
	}
	if away {
		w.Spares = 1
		w.Each = at(150, func(r *Run) {
			if r.World.PD.Leader() == "" {
				r.breach("nobody has been restarted for want of a leader")
			}
			r.World.OutOfService(r.World.Dead())
		})
		w.Least = 180
	}
	return w
}

// badPD upgrades PDs to an image that does not work, and puts the old one back: no PD goes but the one that had
// begun, and none loses its volume more than once.
func badPD(name, image string) *Workload {
	var before map[string]types.UID
	claims := map[types.UID]bool{}
	w := &Workload{
		Name: name, Spec: soon, Least: 330,
		Do: func(r *Run) {
			before, claims = r.uids(), map[types.UID]bool{}
			r.Edit(func(s *spec) { s.PD.Image = image })
		},
	}
	w.Each = func(r *Run) {
		at(320, func(r *Run) { r.Edit(func(s *spec) { s.PD.Image = "pd:1" }) })(r)
		if r.limp || r.Seconds > 320 {
			return
		}
		changed := 0
		now := r.uids()
		for i := range int32(3) {
			if pod := naming.Pod(sim.Cluster, naming.PD, i); now[pod] != before[pod] {
				changed++
			}
			if claim := ct.Read[corev1.PersistentVolumeClaim](r.API, sim.Namespace, naming.Claim(sim.Cluster, naming.PD, i)); claim != nil {
				claims[claim.UID] = true
			}
		}
		if len(claims) > 4 {
			r.breach("three PDs have had %d volumes", len(claims))
		}
		if changed > 1 {
			r.breach("%d PDs have been restarted for an image that does not work", changed)
		}
	}
	return w
}
