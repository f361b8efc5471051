// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// Workload is something that happens to a cluster on purpose.
type Workload struct {
	Name string
	// New: it begins with the creation of the cluster. Else the cluster is settled before.
	New bool
	// Spec changes the spec that the cluster is created with.
	Spec func(*v1alpha1.CellClusterSpec)
	// Do begins it.
	Do func(*Run)
	// Each is called in each second; it may be nil.
	Each func(*Run)
	// Done tells whether it is at its end; nil: when the newest spec is carried out.
	Done func(*Run) bool
	// Least and Limit are for how many seconds it goes on at least, and at most where that is long.
	Least, Limit int
	// Asked is the pod that the user has asked to be replaced, "" for none.
	Asked string
	// Spares are how many stores there may be beyond what the user asks for.
	Spares int32
	// MayLead: stores may be stopped while they lead cells.
	MayLead bool
	// Wiped is the pod of a store whose volume is emptied. A start that comes as soon as the old id is out
	// of the way succeeds on it, so that the volume is either kept or replaced; "" for none.
	Wiped string
	// Cures: what only a restart cures is restarted though another member is away for good.
	Cures bool
	// Harms: it takes members away itself, so that their absence is not the operator's doing.
	Harms bool
}

func (w *Workload) done(r *Run) bool {
	if w.Done != nil {
		return w.Done(r)
	}
	return r.Ready()
}

type spec = v1alpha1.CellClusterSpec

// edits is a workload that is one edit.
func edits(name string, before, change func(*spec)) *Workload {
	return &Workload{Name: name, Spec: before, Do: func(r *Run) { r.Edit(change) }}
}

// ledByLast has PD led by the member that goes first.
func ledByLast(w *Workload) *Workload {
	do := w.Do
	w.Do = func(r *Run) {
		members := r.World.PD.MemberInfos()
		if err := r.World.PD.Elect(members[len(members)-1].Name); err != nil {
			r.breach("elect the last PD: %v", err)
		}
		do(r)
	}
	return w
}

func pds(n int32) func(*spec)    { return func(s *spec) { s.PD.Replicas = n } }
func stores(n int32) func(*spec) { return func(s *spec) { s.Store.Replicas = n } }

// Workloads are all there are.
func Workloads() []*Workload {
	return []*Workload{
		{Name: "create", New: true, Do: func(*Run) {}},
		edits("pd 1 to 3", pds(1), pds(3)),
		edits("pd 3 to 5", nil, pds(5)),
		ledByLast(edits("pd 5 to 3", pds(5), pds(3))),
		ledByLast(edits("pd 3 to 1", nil, pds(1))),
		edits("store 3 to 5", nil, stores(5)),
		edits("store 5 to 3", stores(5), stores(3)),
		edits("upgrade pd", nil, func(s *spec) { s.PD.Image = "pd:2" }),
		edits("upgrade store", nil, func(s *spec) { s.Store.Image = "store:2" }),
		edits("upgrade proxy", nil, func(s *spec) { s.Proxy.Image = "proxy:2" }),
		edits("new config", nil, func(s *spec) {
			s.PD.Config = &v1alpha1.PDConfig{LogLevel: "debug"}
			s.Store.Env, s.Proxy.PriorityClassName = []corev1.EnvVar{{Name: "A", Value: "b"}}, "high"
			s.Store.Config = &v1alpha1.StoreConfig{CellCapacity: new(int64(1 << 30))}
		}),
		edits("upgrade all", nil, func(s *spec) { s.PD.Image, s.Store.Image, s.Proxy.Image = "pd:2", "store:2", "proxy:2" }),
		edits("grow volumes", nil, func(s *spec) {
			s.PD.Requests, s.Store.Requests = storage("2Gi"), storage("3Gi")
		}),
		autoscaling(),
		pausing(),
		deletion(),
		badImage(),
		badImageTakenBack(),
		badPD("bad pd image", sim.MissingImages+"pd"),
		badPD("pd that crashes", sim.CrashingImages+"pd"),
		badPD("pd that never gets ready", sim.HangingImages+"pd"),
		edits("upgrade all of one each", func(s *spec) {
			s.PD.Replicas, s.Store.Replicas, s.Proxy.Replicas = 1, 1, 1
			s.PD.Config = &v1alpha1.PDConfig{MaxReplicas: new(int32(1))}
		}, func(s *spec) { s.PD.Image, s.Store.Image, s.Proxy.Image = "pd:2", "store:2", "proxy:2" }),
		edits("proxy 2 to 4", nil, func(s *spec) { s.Proxy.Replicas = 4 }),
		edits("proxy 4 to 2", func(s *spec) { s.Proxy.Replicas = 4 }, func(s *spec) { s.Proxy.Replicas = 2 }),
		relocation(),
		givenUp(),
		givenUpAndDead(),
		wedged("pds are wedged", false),
		wedged("pds are wedged, and one is away", true),
		wipedPD(),
		wipedStore(),
		spoiledStore(),
		lostNode("lost node", 45),
		lostNode("lost node, told late", 200),
		lateReturn(),
		back("two nodes away and back", 3, 1, 2),
		back("two of five pds away and back", 5, 3, 4),
		noFailover(),
		upgradeInFailover(),
		edits("store 5 to 3, volumes go", func(s *spec) { s.Store.Replicas, s.EnablePVReclaim = 5, true }, stores(3)),
		edits("pd 5 to 3, volumes go", func(s *spec) { s.PD.Replicas, s.EnablePVReclaim = 5, true }, pds(3)),
		thereAndBack("store 5 to 3 to 5", stores(5), stores(3)),
		ledByLast(thereAndBack("pd 3 to 1 to 3", nil, pds(1))),
		replacedPD(),
		replacedStore(),
		drainedNode(),
	}
}

func storage(size string) *v1alpha1.ResourceRequirement {
	q := resource.MustParse(size)
	return &v1alpha1.ResourceRequirement{Storage: &q}
}

// autoscaling hands the proxies to an autoscaler and takes them back.
func autoscaling() *Workload {
	return &Workload{
		Name: "autoscaling on and off", Least: 60,
		Do: func(r *Run) {
			r.Edit(func(s *spec) {
				least := int32(3)
				s.Proxy.Autoscaling = &v1alpha1.AutoscalingSpec{MinReplicas: &least, MaxReplicas: 5}
			})
		},
		Each: at(30, func(r *Run) {
			r.Edit(func(s *spec) { s.Proxy.Autoscaling, s.Proxy.Replicas = nil, 2 })
		}),
	}
}

// at does something in one second of a workload.
func at(second int, do func(*Run)) func(*Run) {
	return func(r *Run) {
		if r.Seconds == second {
			do(r)
		}
	}
}

// pausing pauses a cluster at the beginning of an upgrade.
func pausing() *Workload {
	return &Workload{
		Name: "pause and go on", Least: 90,
		Do: func(r *Run) {
			r.Edit(func(s *spec) { s.PD.Image, s.Store.Image, s.Proxy.Image = "pd:2", "store:2", "proxy:2" })
		},
		Each: func(r *Run) {
			at(4, func(r *Run) { r.Edit(func(s *spec) { s.Paused = true }) })(r)
			at(80, func(r *Run) { r.Edit(func(s *spec) { s.Paused = false }) })(r)
		},
	}
}

// deletion deletes the cluster. The claims stay.
func deletion() *Workload {
	return &Workload{
		Name: "delete",
		Do:   func(r *Run) { r.API.Delete(r.Object(), metav1.DeleteOptions{}) },
		Done: func(r *Run) bool {
			return r.Object() == nil && len(ct.ReadAll[corev1.Pod](r.API, sim.Namespace)) == 0 && len(ct.ReadAll[corev1.Service](r.API, sim.Namespace)) == 0
		},
	}
}

// relocation gives a node another zone: its store tells PD so at a start alone.
func relocation() *Workload {
	return &Workload{
		Name: "a node's zone changes", Least: 10,
		Do: func(r *Run) { r.World.Relabel(r.World.NodeOf("demo-store-1"), corev1.LabelTopologyZone, "elsewhere") },
		Done: func(r *Run) bool {
			p := ct.Read[corev1.Pod](r.API, sim.Namespace, "demo-store-1")
			return p != nil && p.Annotations[naming.AnnotationZone] == "elsewhere" && r.Ready()
		},
	}
}

// uids are those of the pods, by name.
func (r *Run) uids() map[string]types.UID {
	out := map[string]types.UID{}
	for _, p := range ct.ReadAll[corev1.Pod](r.API, sim.Namespace) {
		out[p.Name] = p.UID
	}
	return out
}

// soon are short periods, so that runs are short.
func soon(s *spec) {
	period := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	s.PD.Config = &v1alpha1.PDConfig{MaxStoreDownTime: period(2 * time.Minute)}
	s.Store.Config = &v1alpha1.StoreConfig{PeerDownTime: period(time.Minute)}
	s.PD.Failover = &v1alpha1.FailoverSpec{Period: period(time.Minute)}
	s.Store.Failover = &v1alpha1.FailoverSpec{Period: period(time.Minute)}
}

// wipedPD empties the volume of a PD.
func wipedPD() *Workload {
	return &Workload{
		Name: "wiped pd", Spec: soon, Least: 90, Harms: true,
		Do: func(r *Run) { r.World.Wipe(naming.PD, 1) },
	}
}

// wipedStore empties the volume of a store, which cannot start any more while PD knows its address.
func wipedStore() *Workload {
	return &Workload{
		Name: "wiped store", Spec: soon, Least: 90, Harms: true, Spares: 1, Wiped: "demo-store-1",
		Do: func(r *Run) { r.World.Wipe(naming.Store, 1) },
	}
}

// spoiledStore leaves a store with data that it cannot start on, as a crash at a bad moment does.
func spoiledStore() *Workload {
	return &Workload{
		Name: "spoiled store", Spec: soon, Least: 90, Harms: true, Spares: 1,
		Do: func(r *Run) { r.World.Spoil(1) },
	}
}

// lostNode ends a node with a PD and a store for good, and the administrator says so after some seconds.
func lostNode(name string, told int) *Workload {
	return &Workload{
		Name: name, Spec: soon, Least: told + 30, Harms: true, Spares: 1,
		Do:   func(r *Run) { r.World.KillNode(r.World.NodeOf("demo-store-1")) },
		Each: at(told, func(r *Run) { r.World.OutOfService(r.World.Dead()) }),
	}
}

// lateReturn brings a node back whose members have been replaced meanwhile. What its
// volumes hold is nobody's any more.
func lateReturn() *Workload {
	w := lostNode("lost node comes back late", 45)
	w.Least = 280
	lost := ""
	w.Each = func(r *Run) {
		at(45, func(r *Run) {
			lost = r.World.Dead()
			r.World.OutOfService(lost)
		})(r)
		at(250, func(r *Run) { r.World.ReviveNode(lost) })(r)
	}
	return w
}

// replacedPD and replacedStore ask for another volume.
func replacedPD() *Workload {
	return &Workload{
		Name: "replace pd", Least: 30, Asked: "demo-pd-1",
		Do:   func(r *Run) { r.annotateClaim("data-demo-pd-1") },
		Done: func(r *Run) bool { return !r.requested("data-demo-pd-1") && r.Ready() },
	}
}

func replacedStore() *Workload {
	return &Workload{
		Name: "replace store", Spec: soon, Least: 30, Asked: "demo-store-1", Spares: 1,
		Do:   func(r *Run) { r.annotateClaim("data-demo-store-1") },
		Done: func(r *Run) bool { return !r.requested("data-demo-store-1") && r.Ready() },
	}
}

// annotateClaim asks for the replacement of the member that uses a claim, as a user does.
func (r *Run) annotateClaim(name string) {
	c := ct.Read[corev1.PersistentVolumeClaim](r.API, sim.Namespace, name).DeepCopy()
	metav1.SetMetaDataAnnotation(&c.ObjectMeta, naming.AnnotationReplace, "true")
	r.API.Replace(c, false)
}

// requested tells whether a claim is still the one whose replacement was asked for.
func (r *Run) requested(name string) bool {
	c := ct.Read[corev1.PersistentVolumeClaim](r.API, sim.Namespace, name)
	return c == nil || c.Annotations[naming.AnnotationReplace] != ""
}

// drainedNode cordons and drains a node, and takes it back when it is empty.
func drainedNode() *Workload {
	return &Workload{
		Name: "drain a node", Least: 30, Harms: true,
		// Each store leads several cells.
		Spec: func(s *spec) { s.Store.InitialCells.Count = 9 },
		Do: func(r *Run) {
			for range 10 { // so that the store leads some
				r.World.PD.Balance()
			}
			r.node = r.World.NodeOf("demo-store-1")
			r.World.Cordon(r.node, true)
		},
		Each: func(r *Run) {
			if r.node != "" && r.World.Drain(r.node) {
				r.World.Cordon(r.node, false)
				r.node = ""
			}
		},
		Done: func(r *Run) bool { return r.node == "" && r.Ready() },
	}
}

// back takes the nodes of two PDs away, and brings them back. Of three, PD's quorum
// goes with them, and without it nothing may be done to anybody; of five, it stays, and yet
// neither PD can be replaced, since etcd adds no member while another is down.
func back(name string, pds, one, other int32) *Workload {
	var gone []string
	return &Workload{
		Name: name, Least: 190, Harms: true,
		Spec: func(s *spec) { soon(s); s.PD.Replicas = pds },
		Do: func(r *Run) {
			gone = []string{r.World.NodeOf(naming.Pod(sim.Cluster, naming.PD, one)), r.World.NodeOf(naming.Pod(sim.Cluster, naming.PD, other))}
			for _, n := range gone {
				r.World.KillNode(n)
			}
		},
		Each: at(180, func(r *Run) {
			for _, n := range gone {
				r.World.ReviveNode(n)
			}
		}),
	}
}

// noFailover empties the volume of a store of a cluster that may replace none, until it may.
func noFailover() *Workload {
	limit := func(n int32) func(*spec) { return func(s *spec) { s.Store.Failover.MaxFailoverCount = &n } }
	return &Workload{
		Name: "failover not allowed, then allowed", Least: 190, Harms: true, Spares: 1, Wiped: "demo-store-1",
		Spec: func(s *spec) { soon(s); limit(0)(s) },
		Do:   func(r *Run) { r.World.Wipe(naming.Store, 1) },
		Each: func(r *Run) {
			at(180, func(r *Run) { r.Edit(limit(1)) })(r)
			if set := r.set(naming.Store); r.Seconds <= 180 && set != nil && *set.Spec.Replicas > 3 {
				r.breach("there are %d stores and no failover is allowed", *set.Spec.Replicas)
			}
		},
	}
}

// upgradeInFailover upgrades stores while one is being replaced.
func upgradeInFailover() *Workload {
	return &Workload{
		Name: "upgrade in a failover", Spec: soon, Least: 150, Harms: true, Spares: 1, Wiped: "demo-store-1",
		Do:   func(r *Run) { r.World.Wipe(naming.Store, 1) },
		Each: at(132, func(r *Run) { r.Edit(func(s *spec) { s.Store.Image = "store:2" }) }),
	}
}

// thereAndBack makes a change and, when it is carried out, takes it back.
func thereAndBack(name string, before, change func(*spec)) *Workload {
	var original spec
	returned := false
	return &Workload{
		Name: name, Spec: before,
		Do: func(r *Run) {
			original, returned = *r.Object().Spec.DeepCopy(), false
			r.Edit(change)
		},
		Each: func(r *Run) {
			if !returned && r.Seconds > 5 && r.Ready() {
				returned = true
				r.Edit(func(s *spec) { *s = *original.DeepCopy() })
			}
		},
		Done: func(r *Run) bool { return returned && r.Ready() },
	}
}
