// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// failureMembers are the PDs that are being replaced, by pod name. They are for people and for the
// scheduler's extender, which leaves them out when it counts members; the operator decides nothing by them.
func failureMembers(c *view.Cluster, old map[string]v1alpha1.FailureMember) map[string]v1alpha1.FailureMember {
	r := desired.ReplacingIn(c.Start)
	if r == nil {
		return nil
	}
	return map[string]v1alpha1.FailureMember{r.Pod: since(c, old, r.Pod, v1alpha1.FailureMember{
		PodName: r.Pod, MemberID: hexadecimal(r.Member), PVCUID: string(r.Claim),
	})}
}

// failureStores are the stores that are given up or being replaced, by id. They are for people and for the
// scheduler's extender, which leaves them out when it counts members; the operator decides nothing by them.
func failureStores(c *view.Cluster, old map[string]v1alpha1.FailureMember) map[string]v1alpha1.FailureMember {
	if c.PDUnknown() != "" {
		return old
	}
	out := map[string]v1alpha1.FailureMember{}
	add := func(id uint64, ordinal int32) {
		key := decimal(id)
		f := v1alpha1.FailureMember{PodName: naming.Pod(c.Object.Name, naming.Store, ordinal), MemberID: key}
		if claim := c.Store.Claims[ordinal]; claim != nil {
			f.PVCUID = string(claim.UID)
		}
		out[key] = since(c, old, key, f)
	}
	for _, s := range store.Gone(c) {
		if ordinal, ok := naming.Ordinal(c.StorePod(&s)); ok {
			add(s.ID, ordinal)
		}
	}
	for ordinal, claim := range c.Store.Claims {
		if id := store.Replacing(claim); id != 0 {
			add(id, ordinal)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// since keeps the time of an entry that was there before.
func since(c *view.Cluster, old map[string]v1alpha1.FailureMember, key string, f v1alpha1.FailureMember) v1alpha1.FailureMember {
	now := metav1.NewTime(c.Now)
	f.Since = &now
	if before, ok := old[key]; ok && before.Since != nil {
		f.Since = before.Since
	}
	return f
}
