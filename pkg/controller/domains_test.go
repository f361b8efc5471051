// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubefake "k8s.io/client-go/kubernetes/fake"

	cellsfake "github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned/fake"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

func TestDomains(t *testing.T) {
	s, err := newSources(kubefake.NewClientset(), cellsfake.NewSimpleClientset(), nil, true)
	require.NoError(t, err)
	nodes := s.shared.Core().V1().Nodes().Informer().GetStore()
	put := func(name, zone string) {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"host": name}}}
		if zone != "" {
			n.Labels["zone"] = zone
		}
		require.NoError(t, nodes.Add(n))
	}
	put("a", "z1")
	put("b", "z1")
	put("c", "")
	assert.Equal(t, 1, s.Domains("zone"))
	assert.Equal(t, 3, s.Domains("host"))
	assert.Zero(t, s.Domains("rack"))

	put("c", "z2")
	assert.Equal(t, 1, s.Domains("zone"), "it counts only when it is told to")
	assert.True(t, s.domains.recount())
	assert.Equal(t, 2, s.Domains("zone"))
	assert.False(t, s.domains.recount(), "nothing has changed since")

	for i := range 2 * view.MostDomains {
		put(fmt.Sprintf("n%d", i), "z1")
	}
	assert.True(t, s.domains.recount())
	assert.Equal(t, view.MostDomains, s.Domains("host"))
	put("one-more", "z1")
	assert.False(t, s.domains.recount(), "enough is enough, and no cluster is looked at again")

	s, err = newSources(kubefake.NewClientset(), cellsfake.NewSimpleClientset(), nil, false)
	require.NoError(t, err)
	assert.Zero(t, s.Domains("zone"), "nodes may not be read")
}
