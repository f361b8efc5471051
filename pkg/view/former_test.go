// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// What is left of an earlier cluster of the same name is waited for; what was kept of it is taken over.
func TestFormer(t *testing.T) {
	former, c, old := Cluster("demo"), Cluster("demo"), Cluster("demo", Bootstrapped)
	former.UID = "the-first"
	owned := func(by types.UID) func(*corev1.PersistentVolumeClaim) {
		return func(p *corev1.PersistentVolumeClaim) {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: v1alpha1.Kind, Name: "demo", UID: by}}
		}
	}
	orphan := func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "StatefulSet", Name: "demo-pd", UID: "gone", Controller: new(true)}}
	}
	assert.Equal(t, "StatefulSet demo-pd", Settled(former).View(c, nil).Former())
	assert.Empty(t, Settled(c).View(c, nil).Former())
	assert.Empty(t, New().View(c, nil).Former())
	assert.Equal(t, "volume claim data-demo-store-1", New(Claim(c, naming.Store, 1, owned("the-first"))).View(c, nil).Former())
	assert.Empty(t, New(Claim(c, naming.Store, 1, owned(c.UID))).View(c, nil).Former())
	assert.Empty(t, New(Claim(c, naming.Store, 1)).View(c, nil).Former(), "kept claims")
	assert.Equal(t, "pod demo-pd-1", New(Pod(c, naming.PD, 1, orphan)).View(c, nil).Former())
	assert.Empty(t, New(Pod(c, naming.PD, 1)).View(c, nil).Former(), "kept pods")
	assert.Empty(t, New(Pod(old, naming.PD, 1, orphan)).View(old, nil).Former(), "a StatefulSet that was deleted by hand")
}
