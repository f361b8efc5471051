// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	kubeview "github.com/deepfabric/elasticell-operator/pkg/view"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// Outcome is what came of a run.
type Outcome struct {
	Fault string
	// Wrong is what is wrong with its end, "" if nothing is.
	Wrong string
	// Breaches are what must never be so and was.
	Breaches []string
	// Counts is how often each object was created and deleted.
	Counts map[string]Count
	// End is how things stand, one line a thing, without what differs from run to run.
	End []string
	// Writes are those of the operators.
	Writes []Write
	// Events are all changes of objects.
	Events []ct.Event
	// Told is what the operators told users by Kubernetes' Events.
	Told []told
	// Seconds is how long it took.
	Seconds int

	scattered bool // see Fault.Scatters
}

// Count is how often an object was created and deleted.
type Count struct{ Created, Deleted int }

func (r *Run) outcome(wrong string) *Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &Outcome{Wrong: wrong, Breaches: r.breaches, Writes: r.writes, Told: r.told, Seconds: r.Seconds, Counts: map[string]Count{}}
	out.Events = r.API.History(r.begin)
	for _, e := range out.Events {
		if e.Name.Namespace == "elsewhere" {
			continue
		}
		name := countedAs(e)
		c := out.Counts[name]
		switch e.Type {
		case watch.Added:
			c.Created++
		case watch.Deleted:
			c.Deleted++
		default:
			continue
		}
		out.Counts[name] = c
	}
	out.End = r.end()
	if wrong != "" {
		out.Wrong += "\n" + strings.Join(r.describe(), "\n")
	}
	return out
}

// countedAs is the name under which an object's creations and deletions are
// counted: those with names of chance are counted together.
func countedAs(e ct.Event) string {
	name := e.Name.Name
	switch {
	case e.Resource.Resource == "persistentvolumes":
		name = "of " + e.Object.(*corev1.PersistentVolume).Spec.ClaimRef.Name
	case e.Resource.Resource == "pods" && strings.HasPrefix(name, naming.Member(sim.Cluster, naming.Proxy)+"-"):
		name = naming.Member(sim.Cluster, naming.Proxy)
	}
	return e.Resource.Resource + " " + name
}

// Difference is what is different from the undisturbed run and must not be; "" if nothing
// is. The volume of a wiped pod may be kept, and a store that has started on it just before it
// goes is emptied into a spare.
func (o *Outcome) Difference(undisturbed *Outcome, wiped string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(union(o.Counts, undisturbed.Counts))) {
		have, want := o.Counts[name], undisturbed.Counts[name]
		if wiped != "" && strings.HasSuffix(name, wiped) && oneLess(have.Created, want.Created) && oneLess(have.Deleted, want.Deleted) {
			continue
		}
		if wiped != "" && strings.HasSuffix(name, spare) && want == (Count{}) && have.Created == 1 {
			continue
		}
		if have != want {
			out = append(out, fmt.Sprintf("%s was created %d times and deleted %d times, undisturbed %d and %d", name, have.Created, have.Deleted, want.Created, want.Deleted))
		}
	}
	if end := o.EndDifference(undisturbed, wiped); end != "" {
		out = append(out, end)
	}
	return strings.Join(out, "\n")
}

// spare is the store that is added where one is replaced.
const spare = "store-3"

func oneLess(have, want int) bool { return have == want || have == want-1 }

// EndDifference is what stands otherwise at the end than in the undisturbed run; "" if nothing
// does. What is left of a wiped pod's volume does not count, nor what is left of a spare, nor where
// a scheduler has put what was scattered.
func (o *Outcome) EndDifference(undisturbed *Outcome, wiped string) string {
	spread := "condition " + v1alpha1.ConditionSpread + "="
	// left is what remains of a volume that was replaced, or is kept of a spare that was removed.
	left := func(line string) bool {
		return strings.HasPrefix(line, "volume of "+naming.DataVolume+"-"+wiped+" ") && strings.Contains(line, string(corev1.VolumeReleased)) ||
			strings.HasPrefix(line, "volume of "+naming.DataVolume+"-"+sim.Cluster+"-"+spare+" ") ||
			strings.HasPrefix(line, "v1.PersistentVolumeClaim ") && strings.Contains(line, naming.AnnotationRetired) && strings.Contains(line, sim.Cluster+"-"+spare+`"`)
	}
	passedOver := func(line string) bool {
		return wiped != "" && left(line) || o.scattered && strings.HasPrefix(line, spread)
	}
	var out []string
	for _, line := range o.End {
		if passedOver(line) {
			continue
		}
		if !slices.Contains(undisturbed.End, line) {
			out = append(out, "at the end, and not undisturbed: "+line)
		}
	}
	for _, line := range undisturbed.End {
		if passedOver(line) {
			continue
		}
		if !slices.Contains(o.End, line) {
			out = append(out, "undisturbed, and not at the end: "+line)
		}
	}
	return strings.Join(out, "\n")
}

func union(a, b map[string]Count) map[string]Count {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// end is how things stand.
func (r *Run) end() []string {
	var out []string
	out = appendStates(out, ct.ReadAll[appsv1.StatefulSet](r.API, sim.Namespace))
	out = appendStates(out, ct.ReadAll[appsv1.Deployment](r.API, sim.Namespace))
	out = appendStates(out, ct.ReadAll[corev1.Service](r.API, sim.Namespace))
	out = appendStates(out, ct.ReadAll[corev1.ConfigMap](r.API, sim.Namespace))
	out = appendStates(out, ct.ReadAll[policyv1.PodDisruptionBudget](r.API, sim.Namespace))
	out = appendStates(out, ct.ReadAll[autoscalingv2.HorizontalPodAutoscaler](r.API, sim.Namespace))
	out = appendStates(out, ct.ReadAll[corev1.PersistentVolumeClaim](r.API, sim.Namespace))
	for _, p := range ct.ReadAll[corev1.Pod](r.API, sim.Namespace) {
		name := p.Name
		if p.Labels[naming.LabelComponent] == string(naming.Proxy) {
			name = "of proxy"
		}
		out = append(out, fmt.Sprintf("pod %s image=%s ready=%v annotations=%v labels=%v", name, p.Spec.Containers[0].Image, kubeview.PodReady(p), keys(p.Annotations), keys(p.Labels)))
	}
	for _, v := range ct.ReadAll[corev1.PersistentVolume](r.API, "") {
		out = append(out, fmt.Sprintf("volume of %s %s %s labels=%v", v.Spec.ClaimRef.Name, v.Spec.PersistentVolumeReclaimPolicy, v.Status.Phase, keys(v.Labels)))
	}
	out = append(out, r.elasticell()...)
	if c := r.Object(); c != nil {
		s := c.Status
		out = append(out, fmt.Sprintf("status %s bootstrapped=%v cluster=%s", s.Phase, s.Bootstrapped, s.ClusterID))
		for _, x := range s.Conditions {
			out = append(out, fmt.Sprintf("condition %s=%s %s", x.Type, x.Status, x.Reason))
		}
	}
	slices.Sort(out)
	return out
}

// elasticell is how PD and stores stand.
func (r *Run) elasticell() []string {
	if r.World.PD == nil {
		return nil
	}
	var out []string
	for _, m := range r.World.PD.MemberInfos() {
		out = append(out, fmt.Sprintf("member %s running=%v", m.PeerURL, m.Running))
	}
	for _, s := range r.World.PD.StoreInfos() {
		if s.State != pdapi.Tombstone {
			out = append(out, fmt.Sprintf("store at %s %s running=%v", s.Address, s.State, s.Running))
		}
	}
	for _, c := range r.World.PD.CellInfos() {
		out = append(out, fmt.Sprintf("a cell with %d replicas, %d of them pending", len(c.Peers), len(c.Pending)))
	}
	return out
}

// volatile are annotations whose values differ from run to run.
var volatile = map[string]bool{naming.AnnotationZone: true, naming.AnnotationRack: true, naming.AnnotationEvicting: true, naming.AnnotationRetired: true,
	naming.AnnotationReplacing: true, naming.LabelMemberID: true, naming.LabelStoreID: true}

// leftovers may remain of what is over, and mean nothing any more.
var leftovers = map[string]bool{naming.AnnotationEvicting: true}

func keys(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		switch {
		case leftovers[k]:
		case volatile[k]:
			out = append(out, k)
		default:
			out = append(out, k+"="+m[k])
		}
	}
	return out
}

// appendStates adds objects, without their statuses and what the API server gives them.
func appendStates[T any, P interface {
	*T
	metav1.Object
}](out []string, all []P) []string {
	for _, o := range all {
		u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			panic(err) // a struct of Kubernetes
		}
		delete(u, "status")
		m := map[string]any{"name": o.GetName(), "labels": keys(o.GetLabels()), "annotations": keys(o.GetAnnotations()), "deleting": o.GetDeletionTimestamp() != nil}
		for _, ref := range o.GetOwnerReferences() {
			m["owner"] = ref.Kind + " " + ref.Name
		}
		u["metadata"] = m
		if s, ok := u["spec"].(map[string]any); ok {
			delete(s, "volumeName")
		}
		text, err := json.Marshal(u)
		if err != nil {
			panic(err)
		}
		out = append(out, fmt.Sprintf("%T %s", *o, text))
	}
	return out
}

// objectWrites counts the writes of objects, without statuses.
func (o *Outcome) objectWrites() int {
	n := 0
	for _, w := range o.Writes {
		if w.To == toKubernetes && w.Resource != "cellclusters/status" {
			n++
		}
	}
	return n
}

// Log is what the operators wrote, one line a write; of a status, its phase and message.
func (o *Outcome) Log() []string {
	var out []string
	for _, w := range o.Writes {
		line := fmt.Sprintf("write %d by operator %d in second %d: %s", w.N, w.Operator, w.Second, w)
		if c, ok := w.body.(*v1alpha1.CellCluster); ok {
			line += fmt.Sprintf(": %s %s", c.Status.Phase, c.Status.Message)
			for _, x := range c.Status.Conditions {
				line += fmt.Sprintf(" %s=%s/%s", x.Type, x.Status, x.Reason)
			}
		}
		out = append(out, line)
	}
	return out
}

// describe says for a failed run how things are.
func (r *Run) describe() []string {
	var out []string
	if c := r.Object(); c != nil {
		out = append(out, fmt.Sprintf("phase %s: %s", c.Status.Phase, c.Status.Message))
		if o := c.Status.Operation; o != nil {
			out = append(out, fmt.Sprintf("operation %s %s %s: %s", o.Type, o.Target, o.Step, o.Message))
		}
		for _, x := range c.Status.Conditions {
			out = append(out, fmt.Sprintf("%s=%s %s generation %d of %d: %s", x.Type, x.Status, x.Reason, x.ObservedGeneration, c.Generation, x.Message))
		}
	}
	for _, p := range ct.ReadAll[corev1.Pod](r.API, sim.Namespace) {
		why := ""
		for _, s := range p.Status.ContainerStatuses {
			if s.State.Waiting != nil {
				why = s.State.Waiting.Reason + ": " + s.State.Waiting.Message
			}
		}
		out = append(out, fmt.Sprintf("pod %s on %q ready=%v ending=%v %s", p.Name, p.Spec.NodeName, kubeview.PodReady(p), p.DeletionTimestamp != nil, why))
	}
	for _, c := range ct.ReadAll[corev1.PersistentVolumeClaim](r.API, sim.Namespace) {
		out = append(out, fmt.Sprintf("claim %s %v ending=%v", c.Name, keys(c.Annotations), c.DeletionTimestamp != nil))
	}
	if pd := r.World.PD; pd != nil {
		out = append(out, "PD's leader "+pd.Leader())
	}
	out = append(out, r.elasticell()...)
	for _, w := range r.writes[max(0, len(r.writes)-30):] {
		out = append(out, fmt.Sprintf("write %d by operator %d in second %d: %s", w.N, w.Operator, w.Second, w))
	}
	return out
}
