// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/placement"
)

// MostDomains is how many domains are told apart at most: no cluster needs more to stand apart.
const MostDomains = 10

// Spread tells whether the loss of one domain costs neither PD's quorum nor the majority
// of a cell, by where the pods stand: of the last topology key always, of those before
// it only where there are enough domains. So it is about nodes, and zones where there are three.
func (c *Cluster) Spread() (status metav1.ConditionStatus, reason, message string) {
	var borne, notes []string
	waiting := false
	for _, set := range []*Set{&c.PD, &c.Store} {
		s := c.spreadOf(set)
		if s.problem != "" {
			return metav1.ConditionFalse, s.reason, s.problem
		}
		waiting = waiting || s.waiting
		notes = append(notes, s.notes...)
		for _, key := range s.borne {
			if !slices.Contains(borne, key) {
				borne = append(borne, key)
			}
		}
	}
	if waiting {
		return metav1.ConditionUnknown, v1alpha1.ReasonWaitingForPods, "not all PDs and stores have a node yet"
	}
	message = "no topology key is known of the nodes, so nothing keeps members apart"
	if len(borne) > 0 {
		message = fmt.Sprintf("PD's quorum and every cell's majority bear the loss of one %s", strings.Join(borne, " or "))
	}
	return metav1.ConditionTrue, v1alpha1.ReasonSpread, strings.Join(append([]string{message}, notes...), "; ")
}

// spread is the standing of a component.
type spread struct {
	reason, problem string
	notes           []string // what cannot be borne for want of domains
	borne           []string // the keys of whose domains one can be lost
	waiting         bool
}

func (c *Cluster) spreadOf(set *Set) spread {
	keys, wanted := c.Object.Spec.PD.TopologyKeys, int(c.Object.Spec.PD.Replicas)
	if set.Component == naming.Store {
		keys, wanted = c.Object.Spec.Store.TopologyKeys, int(c.Object.Spec.Store.Replicas)
	}
	nodes := c.nodesOf(set)
	t := placement.New(keys, slices.Values(nodes))
	var places []placement.Place
	for _, n := range nodes {
		if p, _ := t.Of(n.Name); p.Known() {
			places = append(places, p)
		}
	}
	rule := placement.PDs(max(wanted, len(nodes)))
	if set.Component == naming.Store {
		rule = placement.Stores(max(wanted, len(nodes)), int(*c.Object.Spec.PD.Config.MaxReplicas))
	}
	s := spread{waiting: len(nodes) < wanted}
	for i, loss := range t.Losses(rule, places) {
		domains := max(c.Domains[loss.Key], t.Domains(i))
		enough := rule.Bearable() > 0 && domains*rule.Bearable() >= rule.Apart
		switch {
		case loss.Apart <= rule.Bearable():
			s.borne = append(s.borne, loss.Key)
		case !enough && i < len(t.Keys())-1:
			s.notes = append(s.notes, fmt.Sprintf("%s, which with %d such domains cannot be avoided", told(loss, set.Component, rule), domains))
		default:
			s.reason, s.problem = v1alpha1.ReasonCrowded, told(loss, set.Component, rule)+"; "+remedy(set.Component, rule, domains)
			if !enough && rule.Bearable() > 0 {
				s.reason = v1alpha1.ReasonTooFewDomains
			}
			return s
		}
	}
	return s
}

// nodesOf are the nodes of a component's pods, one entry a pod. Where nodes may not be read only their names are known.
func (c *Cluster) nodesOf(set *Set) []placement.Node {
	var out []placement.Node
	for _, p := range set.Pods {
		name := p.Spec.NodeName
		if name == "" || p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded {
			continue
		}
		n := placement.Node{Name: name, Labels: map[string]string{corev1.LabelHostname: name}, Open: true}
		if node := c.Nodes[name]; node != nil {
			n.Labels = node.Labels
		}
		out = append(out, n)
	}
	return out
}

// told is what a domain holds, and what would be lost with it.
func told(l placement.Loss, component naming.Component, rule placement.Rule) string {
	where := l.Key + "=" + l.Value
	if l.Value == "" {
		where = "the domain of nodes without " + l.Key
	}
	if component == naming.PD {
		return fmt.Sprintf("%s holds %d of %d PDs: its loss would cost the quorum of %d", where, l.Members, rule.Members, rule.Members/2+1)
	}
	return fmt.Sprintf("%s holds %d of %d stores: its loss could cost a cell %d of its %d replicas", where, l.Members, rule.Members, l.Apart, rule.Apart)
}

func remedy(component naming.Component, rule placement.Rule, domains int) string {
	switch {
	case rule.Bearable() == 0 && component == naming.PD:
		return "set spec.pd.replicas to 3 or more to bear that"
	case rule.Bearable() == 0:
		return "set spec.pd.config.maxReplicas to 3 or more to bear that"
	case domains*rule.Bearable() < rule.Apart:
		return fmt.Sprintf("there are %d such domains, and it takes %d to bear that", domains, (rule.Apart+rule.Bearable()-1)/rule.Bearable())
	}
	return fmt.Sprintf("make room elsewhere, then move a member by annotating its volume claim with %s=true", naming.AnnotationReplace)
}
