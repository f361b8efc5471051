// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/placement"
)

// selectedNode is the annotation by which kube-scheduler tells a claim's provisioner the node
// that it chose. From then on the claim is bound to that node.
const selectedNode = "volume.kubernetes.io/selected-node"

// pin is the domain that a claim's volume can be used from.
func (c *Cache) pin(claim *corev1.PersistentVolumeClaim, t *Tree) placement.Place {
	if name := claim.Spec.VolumeName; name != "" {
		if volume, err := c.volumes.Get(name); err == nil {
			if volume.Spec.NodeAffinity == nil {
				return placement.Place{}
			}
			return reach(volume.Spec.NodeAffinity.Required, t)
		}
		// The volume is so new that it is not here yet.
	}
	at, _ := t.Of(claim.Annotations[selectedNode])
	return at
}

// Pin is the domain that the claim of a pod is bound to; none if it may be anywhere.
func (c *Cache) Pin(namespace, claim string, t *Tree) placement.Place {
	o, exists, err := c.claims.GetByKey(namespace + "/" + claim)
	if err != nil || !exists {
		return placement.Place{}
	}
	object, ok := o.(*corev1.PersistentVolumeClaim)
	if !ok {
		return placement.Place{}
	}
	return c.pin(object, t)
}

// reach is the narrowest domain that surely holds all nodes of a selector. Its terms are
// alternatives, the requirements of a term hold together, and so do not the values of one.
func reach(selector *corev1.NodeSelector, t *Tree) placement.Place {
	var out placement.Place
	if selector == nil {
		return out
	}
	for i, term := range selector.NodeSelectorTerms {
		var narrowest placement.Place
		for _, requirement := range term.MatchExpressions {
			if p := values(requirement, t); p.Level() > narrowest.Level() {
				narrowest = p
			}
		}
		for _, requirement := range term.MatchFields {
			if requirement.Key == "metadata.name" && requirement.Operator == corev1.NodeSelectorOpIn && len(requirement.Values) == 1 {
				narrowest, _ = t.Of(requirement.Values[0])
			}
		}
		if i == 0 {
			out = narrowest
		} else {
			out = t.Common(out, narrowest)
		}
	}
	return out
}

func values(requirement corev1.NodeSelectorRequirement, t *Tree) placement.Place {
	var out placement.Place
	if requirement.Operator != corev1.NodeSelectorOpIn {
		return out
	}
	for i, value := range requirement.Values {
		p := t.Labelled(requirement.Key, value)
		if i == 0 {
			out = p
		} else {
			out = t.Common(out, p)
		}
	}
	return out
}
