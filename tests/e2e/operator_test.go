// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// TestPodsComeBack deletes pods of each kind by hand.
func TestPodsComeBack(t *testing.T) {
	_, demo := needDemo(t)
	stores := demo.Stores(t)
	cluster := demo.AwaitReady(t)
	for _, pod := range []string{"demo-store-1", cluster.Status.PD.Leader} {
		demo.DeletePod(t, pod)
		demo.Read(t, "demo")
	}
	demo.AwaitReady(t)
	assert.Equal(t, stores, demo.Stores(t), "the stores are the same")
}

// TestWithoutOperator restarts a pod of each kind while no operator runs.
func TestWithoutOperator(t *testing.T) {
	w, demo := needDemo(t)
	stores := demo.Stores(t)
	w.ScaleOperator(t, 0)
	t.Cleanup(func() { w.ScaleOperator(t, 2) })
	demo.DeletePod(t, "demo-store-2")
	demo.DeletePod(t, "demo-pd-0")
	proxy := demo.Pods(t, naming.Proxy)[0].Name
	w.Kubectl(t, "--namespace=cell", "delete", "pod", proxy)
	w.Kubectl(t, "--namespace=cell", "rollout", "status", "deployment/demo-proxy", "--timeout=90s")
	demo.Read(t, "demo")
	assert.Equal(t, stores, demo.Stores(t), "the stores are the same")
	checkLocations(t, w, demo)
}

// TestLeaderElection takes the leading operator away, first in good order and
// then by a crash.
func TestLeaderElection(t *testing.T) {
	w, demo := needDemo(t)
	lives := demo.Lives(t, naming.Components()...)
	anybody := func(string, string) bool { return true }

	first, pod := w.AwaitLeader(t, "somebody leads", anybody)
	require.NoError(t, w.Kube.CoreV1().Pods(harness.OperatorNamespace).Delete(t.Context(), pod, metav1.DeleteOptions{}))
	second, pod := w.AwaitLeader(t, "the other takes over from a leader that stops", func(identity, _ string) bool { return identity != first })
	touch(t, w, demo, "after a stop of the leader")

	w.AwaitOperator(t)
	w.KillOperator(t, pod)
	w.AwaitLeader(t, "the other takes over from a leader that crashed", func(identity, _ string) bool { return identity != second })
	touch(t, w, demo, "after a crash of the leader")
	w.AwaitOperator(t)
	demo.AwaitReady(t)
	assert.Equal(t, lives, demo.Lives(t, naming.Components()...), "no pod of the cluster was restarted")
}
