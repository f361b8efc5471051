// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package server answers kube-scheduler's questions about pods of cell clusters,
// over HTTP, by what the cache knows and the predicates decide.
package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/placement"
	"github.com/deepfabric/elasticell-operator/pkg/scheduler/cache"
	"github.com/deepfabric/elasticell-operator/pkg/scheduler/predicates"
)

// waitLimit is how long a question waits for what is being chosen for another member, or for
// a CellCluster that is not in the cache yet. kube-scheduler asks one question at a time, so it is short.
const waitLimit = 300 * time.Millisecond

// evenLimit is how long a pod is kept from a zone that is allowed but fuller than another, where that one may
// become full by what is being chosen. A volume ties the pod to its zone for good, so some seconds are worth
// it; kube-scheduler itself may have died meanwhile, and then asks anew for those that it was choosing for.
const evenLimit = 10 * time.Second

// errUneven is why such a pod waits.
var errUneven = errors.New("the emptiest zone hangs on another of the pod's kind, which is being placed at this moment")

// lateLimit is the age up to which a pod may be known to kube-scheduler before its CellCluster is known here.
const lateLimit = 10 * time.Second

// Extender answers questions about pods.
type Extender struct {
	cache    *cache.Cache
	admitted *admissions
	metrics  *metrics
	now      func() time.Time

	// mu makes each answer see all admissions before it.
	mu sync.Mutex
}

// filter says which nodes a pod may have, and keeps in mind that it was let through. It
// also tells for how long it had to wait.
func (e *Extender) filter(ctx context.Context, pod *corev1.Pod, nodes []string) (predicates.Answer, time.Duration) {
	g, ordinal, ours := memberOf(pod)
	if !ours || g.component == naming.Proxy {
		return predicates.Answer{Nodes: nodes}, 0
	}
	var answer predicates.Answer
	var err error
	waited := e.await(ctx, func(last bool) bool {
		answer, err = e.decide(pod, g, ordinal, nodes, last)
		return !answer.Undecided && !(errors.Is(err, cache.ErrNoCluster) && e.now().Sub(pod.CreationTimestamp.Time) < lateLimit)
	})
	if err != nil {
		answer = refuseAll(nodes, err.Error())
	}
	return answer, waited
}

// await asks until it gets a final answer or waitLimit is over, once for each change of the cache. It tells how long it waited.
func (e *Extender) await(ctx context.Context, ask func(last bool) (final bool)) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	waited := time.Duration(0)
	for {
		changed := e.cache.Changed()
		last := ctx.Err() != nil
		if ask(last) || last {
			return waited
		}
		begin := time.Now()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		waited += time.Since(begin)
	}
}

// decide answers with what is known now. What could be better in a moment is taken only as
// the last answer, and by a pod that has waited long enough.
func (e *Extender) decide(pod *corev1.Pod, g group, ordinal int32, nodes []string, last bool) (predicates.Answer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.admitted.drop(g, ordinal) // it is asked for anew, so it is not under way
	q, tree, err := e.question(pod, g, ordinal, nodes)
	if err != nil {
		return predicates.Answer{}, err
	}
	answer := predicates.Filter(q)
	switch {
	case len(answer.Nodes) == 0 || answer.Undecided && !last:
	case answer.Undecided && e.admitted.mayWait(pod.UID, e.now()):
		return predicates.Answer{}, errUneven
	default:
		e.admitted.note(g, ordinal, pod.UID, tree, answer.Within, e.now())
	}
	return answer, nil
}

// question gathers all that is known about a pod's cluster.
func (e *Extender) question(pod *corev1.Pod, g group, ordinal int32, nodes []string) (*predicates.Question, *cache.Tree, error) {
	cluster, err := e.cache.Cluster(g.cluster.Namespace, g.cluster.Name)
	if err != nil {
		return nil, nil, err
	}
	keys := cluster.Spec.PD.TopologyKeys
	if g.component == naming.Store {
		keys = cluster.Spec.Store.TopologyKeys
	}
	tree, err := e.cache.Tree(keys, pod)
	if err != nil {
		return nil, nil, err
	}
	members, err := e.cache.Members(cluster, g.component, tree)
	if err != nil {
		return nil, nil, err
	}
	known, choosing, others := e.admitted.others(g, ordinal, members, tree, e.now())
	return &predicates.Question{
		Cluster: g.cluster.String(), Component: g.component, Ordinal: ordinal,
		Topology: tree.Topology, Rule: rule(cluster, g.component, others+1),
		Members: known, Choosing: choosing,
		Pinned: e.cache.Pin(pod.Namespace, naming.Claim(g.cluster.Name, g.component, ordinal), tree),
		Nodes:  nodes,
	}, tree, nil
}

// rule is that of a component with as many members as the spec asks for, or as there are.
func rule(cluster *v1alpha1.CellCluster, component naming.Component, there int) placement.Rule {
	if component == naming.PD {
		return placement.PDs(max(int(cluster.Spec.PD.Replicas), there))
	}
	return placement.Stores(max(int(cluster.Spec.Store.Replicas), there), int(*cluster.Spec.PD.Config.MaxReplicas))
}

// score says how well a pod would stand on each node.
func (e *Extender) score(pod *corev1.Pod, nodes []string) []int64 {
	none := make([]int64, len(nodes))
	g, ordinal, ours := memberOf(pod)
	if !ours {
		return none
	}
	if g.component != naming.Proxy {
		q, tree, err := e.question(pod, g, ordinal, nodes)
		if err != nil {
			return none // the filter has said why
		}
		return predicates.Score(tree.Topology, append(q.Members, q.Choosing...), nodes)
	}
	tree, err := e.cache.Tree(proxyKeys, pod)
	if err != nil {
		return none
	}
	members, err := e.cache.Members(&v1alpha1.CellCluster{ObjectMeta: objectMeta(g.cluster)}, naming.Proxy, tree)
	if err != nil {
		return none
	}
	var places []placement.Place
	for _, m := range members {
		places = append(places, m.At)
	}
	return predicates.Score(tree.Topology, places, nodes)
}

// proxyKeys are what proxies are spread over, softly.
var proxyKeys = []string{corev1.LabelTopologyZone, corev1.LabelHostname}

// preempt says on which nodes the pod could stand if victims, by their UIDs, were gone. No PD or store
// of the pod's own cluster may be among them.
func (e *Extender) preempt(ctx context.Context, pod *corev1.Pod, victims map[string][]types.UID) map[string]bool {
	g, ordinal, ours := memberOf(pod)
	siblings := func(node string) bool {
		return ours && slices.ContainsFunc(victims[node], func(uid types.UID) bool { return e.cache.Sibling(uid, g.cluster) })
	}
	nodes := slices.Sorted(maps.Keys(victims))
	var left []string
	if !ours || g.component == naming.Proxy {
		left = slices.DeleteFunc(nodes, siblings)
	} else {
		var err error
		e.await(ctx, func(bool) bool {
			var later bool
			left, later, err = e.decidePreemption(pod, g, ordinal, nodes, siblings)
			return !later
		})
		if err != nil {
			klog.FromContext(ctx).Info("No preemption", "pod", klog.KObj(pod), "why", err.Error())
		}
	}
	out := map[string]bool{}
	for _, node := range left {
		out[node] = true
	}
	return out
}

// decidePreemption answers with what is known now, and keeps in mind that kube-scheduler chooses one of the nodes for the pod.
func (e *Extender) decidePreemption(pod *corev1.Pod, g group, ordinal int32, nodes []string, siblings func(node string) bool) (left []string, later bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.admitted.drop(g, ordinal) // no node was found for it, so it is not under way
	q, _, err := e.question(pod, g, ordinal, nodes)
	if err != nil {
		return nil, false, err
	}
	left, later = predicates.Preempt(q, siblings)
	if len(left) > 0 {
		e.admitted.notePreemption(g, ordinal, pod.UID, e.now())
	}
	return left, later, nil
}

// memberOf tells which member of which cluster a pod is; ours is false for the pods of others.
func memberOf(pod *corev1.Pod) (g group, ordinal int32, ours bool) {
	name := pod.Labels[naming.LabelInstance]
	if pod.Labels[naming.LabelManagedBy] != naming.ManagedBy || name == "" {
		return group{}, 0, false
	}
	g = group{types.NamespacedName{Namespace: pod.Namespace, Name: name}, naming.Component(pod.Labels[naming.LabelComponent])}
	switch g.component {
	case naming.PD, naming.Store:
		ordinal, ours = naming.Ordinal(pod.Name)
		return g, ordinal, ours && pod.Name == naming.Pod(name, g.component, ordinal)
	case naming.Proxy:
		return g, 0, true
	}
	return group{}, 0, false
}

func refuseAll(nodes []string, why string) predicates.Answer {
	answer := predicates.Answer{Reasons: []string{why}}
	for _, n := range nodes {
		answer.Refused = append(answer.Refused, predicates.Refusal{Node: n})
	}
	return answer
}

// settleTime is how long the extender gives what the process before it has let through to show.
const settleTime = 3 * time.Second

// Start fills the cache and returns when questions may be asked.
func (e *Extender) Start(ctx context.Context) error {
	if err := e.cache.Start(ctx); err != nil {
		return fmt.Errorf("start the extender: %w", err)
	}
	select {
	case <-time.After(settleTime):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
