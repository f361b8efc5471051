// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// standing is a view of PDs and stores on nodes, which are "zone:node,node zone:node"; a zone "-" is none.
// PDs and stores are names of nodes, "?" for a pod that has none.
func standing(nodes, pds, stores string) *view.Cluster {
	object := &v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo"}}
	object.Spec.PD.Replicas, object.Spec.Store.Replicas = int32(len(strings.Fields(pds))), int32(len(strings.Fields(stores)))
	v1alpha1.SetDefaults(object)
	c := &view.Cluster{
		Object: object, Nodes: map[string]*corev1.Node{}, Domains: map[string]int{},
		PD: view.Set{Component: naming.PD}, Store: view.Set{Component: naming.Store},
	}
	zones, hosts := map[string]bool{}, 0
	for part := range strings.FieldsSeq(nodes) {
		zone, list, _ := strings.Cut(part, ":")
		for name := range strings.SplitSeq(list, ",") {
			n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
			if zone != "-" {
				n.Labels[corev1.LabelTopologyZone] = zone
				zones[zone] = true
			}
			hosts++
			c.Nodes[name] = n
		}
	}
	c.Domains[corev1.LabelTopologyZone], c.Domains[corev1.LabelHostname] = len(zones), hosts
	for set, names := range map[*view.Set]string{&c.PD: pds, &c.Store: stores} {
		for i, name := range strings.Fields(names) {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("demo-%s-%d", set.Component, i)}}
			if name != "?" {
				p.Spec.NodeName = name
			}
			set.Pods = append(set.Pods, view.Pod{Ordinal: int32(i), Pod: p})
		}
	}
	return c
}

func TestSpread(t *testing.T) {
	const (
		zone  = "topology.kubernetes.io/zone"
		host  = "kubernetes.io/hostname"
		three = "z1:a,b z2:c,d z3:e,f"
	)
	both := "PD's quorum and every cell's majority bear the loss of one " + zone + " or " + host
	tests := map[string]struct {
		nodes, pds, stores string
		change             func(*view.Cluster)
		want               metav1.ConditionStatus
		reason, message    string
	}{
		"three zones": {
			nodes: three, pds: "a c e", stores: "b d f", want: "True", reason: "Spread", message: both,
		},
		"two PDs in a zone of three": {
			nodes: three, pds: "a b c", stores: "a c e", want: "False", reason: "Crowded",
			message: zone + "=z1 holds 2 of 3 PDs: its loss would cost the quorum of 2; make room elsewhere, then move a member by annotating its volume claim with cell.deepfabric.com/replace=true",
		},
		"two stores in a zone of three": {
			nodes: three, pds: "a c e", stores: "a b e", want: "False", reason: "Crowded",
			message: zone + "=z1 holds 2 of 3 stores: its loss could cost a cell 2 of its 3 replicas; make room elsewhere, then move a member by annotating its volume claim with cell.deepfabric.com/replace=true",
		},
		"more stores than replicas may share as long as three zones have some": {
			nodes: three, pds: "a c e", stores: "a b a b c e", want: "True", reason: "Spread", message: both,
		},
		"five replicas bear the loss of two": {
			nodes: three, pds: "a c e", stores: "a b c d e", want: "True", reason: "Spread", message: both,
			change: func(c *view.Cluster) { c.Object.Spec.PD.Config.MaxReplicas = new(int32(5)) },
		},
		"two zones cannot be helped, and it is said": {
			nodes: "z1:a,b z2:c,d", pds: "a b c", stores: "a b c", want: "True", reason: "Spread",
			message: "PD's quorum and every cell's majority bear the loss of one " + host + "; " + zone + "=z1 holds 2 of 3 PDs: its loss would cost the quorum of 2, which with 2 such domains cannot be avoided; " +
				zone + "=z1 holds 2 of 3 stores: its loss could cost a cell 2 of its 3 replicas, which with 2 such domains cannot be avoided",
		},
		"no zones": {
			nodes: "-:a,b,c", pds: "a b c", stores: "a b c", want: "True", reason: "Spread",
			message: "PD's quorum and every cell's majority bear the loss of one " + host,
		},
		"one node": {
			nodes: "-:a", pds: "a a a", stores: "a a a", want: "False", reason: "TooFewDomains",
			message: host + "=a holds 3 of 3 PDs: its loss would cost the quorum of 2; there are 1 such domains, and it takes 3 to bear that",
		},
		"a node with two where others are free": {
			nodes: "-:a,b,c,d", pds: "a b c", stores: "a a b", want: "False", reason: "Crowded",
			message: host + "=a holds 2 of 3 stores: its loss could cost a cell 2 of its 3 replicas; make room elsewhere, then move a member by annotating its volume claim with cell.deepfabric.com/replace=true",
		},
		"one PD": {
			nodes: three, pds: "a", stores: "a c e", want: "False", reason: "Crowded",
			message: host + "=a holds 1 of 1 PDs: its loss would cost the quorum of 1; set spec.pd.replicas to 3 or more to bear that",
		},
		"one replica": {
			nodes: three, pds: "a c e", stores: "a c e", want: "False", reason: "Crowded",
			message: host + "=a holds 1 of 3 stores: its loss could cost a cell 1 of its 1 replicas; set spec.pd.config.maxReplicas to 3 or more to bear that",
			change:  func(c *view.Cluster) { c.Object.Spec.PD.Config.MaxReplicas = new(int32(1)) },
		},
		"pods without a node": {
			nodes: three, pds: "a c e", stores: "a c ?", want: "Unknown", reason: "WaitingForPods", message: "not all PDs and stores have a node yet",
		},
		"what stands badly shows before all are there": {
			nodes: three, pds: "a b ?", stores: "a c e", want: "False", reason: "Crowded",
			message: zone + "=z1 holds 2 of 3 PDs: its loss would cost the quorum of 2; make room elsewhere, then move a member by annotating its volume claim with cell.deepfabric.com/replace=true",
		},
		"nodes that may not be read": {
			nodes: three, pds: "a b c", stores: "a c e", want: "True", reason: "Spread",
			message: "PD's quorum and every cell's majority bear the loss of one " + host,
			change:  func(c *view.Cluster) { c.Nodes, c.Domains = nil, nil },
		},
		"a node that lost its zone": {
			nodes: "z1:a -:b,d z3:c", pds: "a b c", stores: "d b c", want: "False", reason: "Crowded",
			message: "the domain of nodes without " + zone + " holds 2 of 3 stores: its loss could cost a cell 2 of its 3 replicas; make room elsewhere, then move a member by annotating its volume claim with cell.deepfabric.com/replace=true",
			change:  func(c *view.Cluster) { c.Domains[zone] = 3 },
		},
		"a key that no node has": {
			nodes: three, pds: "a a a", stores: "a a a", want: "True", reason: "Spread", message: "no topology key is known of the nodes, so nothing keeps members apart",
			change: func(c *view.Cluster) {
				c.Object.Spec.PD.TopologyKeys, c.Object.Spec.Store.TopologyKeys = []string{"rack"}, []string{"rack"}
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := standing(test.nodes, test.pds, test.stores)
			if test.change != nil {
				test.change(c)
			}
			status, reason, message := c.Spread()
			assert.Equal(t, test.want, status)
			assert.Equal(t, test.reason, reason)
			assert.Equal(t, test.message, message)
		})
	}
}
