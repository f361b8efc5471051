// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	schedulinghelpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/pkg/placement"
)

// Tree is the topology of all nodes as one kind of pods sees it.
type Tree struct {
	*placement.Topology
	nodes []*corev1.Node

	mu       sync.Mutex
	labelled map[string]map[string]placement.Place // by label key and value
}

// most is how many trees are kept: one for each combination of keys, selectors and
// tolerations, of which even thousands of clusters have few.
const most = 256

// trees are made when asked for, and forgotten when nodes change.
type trees struct {
	mu    sync.Mutex
	known map[string]*Tree
	epoch int
}

func (t *trees) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = nil
	t.epoch++
}

// Tree is the topology of the nodes by keys. Those are open that the pod's node
// selector and affinity ask for, and whose taints it tolerates but for such as come and go.
func (c *Cache) Tree(keys []string, pod *corev1.Pod) (*Tree, error) {
	kind, err := kindOf(keys, pod)
	if err != nil {
		return nil, err
	}
	c.trees.mu.Lock()
	t, epoch := c.trees.known[kind], c.trees.epoch
	c.trees.mu.Unlock()
	if t != nil {
		return t, nil
	}
	nodes, err := c.nodes.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	t = &Tree{Topology: placement.New(keys, topologyNodes(nodes, pod)), nodes: nodes, labelled: map[string]map[string]placement.Place{}}
	c.trees.mu.Lock()
	defer c.trees.mu.Unlock()
	if c.trees.epoch == epoch { // else a node changed meanwhile, and the next question looks again
		if c.trees.known == nil || len(c.trees.known) >= most {
			c.trees.known = map[string]*Tree{}
		}
		c.trees.known[kind] = t
	}
	return t, nil
}

// kindOf is a text that is the same for pods to which the same nodes are open.
func kindOf(keys []string, pod *corev1.Pod) (string, error) {
	kind := struct {
		Keys        []string
		Selector    map[string]string
		Affinity    *corev1.NodeSelector
		Tolerations []corev1.Toleration
	}{Keys: keys, Selector: pod.Spec.NodeSelector, Tolerations: pod.Spec.Tolerations}
	if a := pod.Spec.Affinity; a != nil && a.NodeAffinity != nil {
		kind.Affinity = a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	}
	text, err := json.Marshal(kind)
	if err != nil {
		return "", fmt.Errorf("encode what the pod asks of nodes: %w", err)
	}
	return string(text), nil
}

func topologyNodes(nodes []*corev1.Node, pod *corev1.Pod) iter.Seq[placement.Node] {
	wanted := nodeaffinity.GetRequiredNodeAffinity(pod)
	list := make([]placement.Node, len(nodes))
	for i, n := range nodes {
		matches, err := wanted.Match(n)
		list[i] = placement.Node{Name: n.Name, Labels: n.Labels, Open: err == nil && matches && tolerated(n, pod)}
	}
	return slices.Values(list)
}

// transient taints come and go with a node's state or are an administrator's cordon: a
// node with them is no reason to crowd the others.
func transient(taint *corev1.Taint) bool {
	return strings.HasPrefix(taint.Key, "node.kubernetes.io/") || strings.HasPrefix(taint.Key, "node.cloudprovider.kubernetes.io/")
}

func tolerated(n *corev1.Node, pod *corev1.Pod) bool {
	_, bad := schedulinghelpers.FindMatchingUntoleratedTaint(klog.Background(), n.Spec.Taints, pod.Spec.Tolerations, func(t *corev1.Taint) bool {
		return (t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute) && !transient(t)
	}, true)
	return !bad
}

// Labelled is the narrowest domain that holds all nodes with a label; none if there are no such nodes.
func (t *Tree) Labelled(key, value string) placement.Place {
	t.mu.Lock()
	defer t.mu.Unlock()
	values := t.labelled[key]
	if values == nil {
		values = map[string]placement.Place{}
		for _, n := range t.nodes {
			v, has := n.Labels[key]
			if !has {
				continue
			}
			p, _ := t.Of(n.Name)
			if before, there := values[v]; there {
				p = t.Common(before, p)
			}
			values[v] = p
		}
		t.labelled[key] = values
	}
	return values[value]
}

// sameNode tells whether nothing of a node changed that a tree is made of.
func sameNode(old *corev1.Node, o any) bool {
	n, ok := o.(*corev1.Node)
	return ok && maps.Equal(old.Labels, n.Labels) && slices.Equal(old.Spec.Taints, n.Spec.Taints)
}
