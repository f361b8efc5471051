// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// TestRecreate removes the cluster and creates it again under its name, on the
// volumes that were left.
func TestRecreate(t *testing.T) {
	_, demo := needDemo(t)
	stores, claims := demo.Stores(t), demo.Claims(t)
	require.Len(t, claims, 6)
	demo.Uninstall(t)
	demoInstalled = false
	assert.Equal(t, claims, demo.Claims(t), "all volumes stay")

	demo.Install(t)
	demo.AwaitReady(t)
	demoInstalled = true
	assert.Equal(t, claims, demo.Claims(t))
	demo.Read(t, "demo")
	assert.Equal(t, stores, demo.Stores(t), "the stores are the same")
	demo.Write(t, "after")
	demo.Read(t, "after")
}

// TestUninstallOperator leaves clusters running without an operator, takes them
// up again with one that looks after some namespaces only, without any right on
// the whole of Kubernetes, and at last with the usual one.
func TestUninstallOperator(t *testing.T) {
	w, demo := needDemo(t)
	lives := demo.Lives(t, naming.Components()...)
	w.UninstallOperator(t)
	w.Kubectl(t, "get", "crd", "cellclusters.deepfabric.com")
	demo.Read(t, "demo")
	assert.Equal(t, lives, demo.Lives(t, naming.Components()...))

	t.Run("one for some namespaces", func(t *testing.T) { namespacedOperator(t, w, demo) })
	w.NeedOperator(t)
	touch(t, w, demo, "after the operator's return")
	demo.AwaitReady(t)
	assert.Equal(t, lives, demo.Lives(t, naming.Components()...), "no pod was restarted")
}

func namespacedOperator(t *testing.T, w *harness.World, demo *harness.Cells) {
	w.OwnNamespace(t, "team", "baseline")
	w.OwnNamespace(t, "stranger", "baseline")
	// Whoever is admin of the namespaces may do it.
	for _, namespace := range []string{harness.OperatorNamespace, "cell", "team"} {
		w.Kubectl(t, "--namespace="+namespace, "create", "rolebinding", "people", "--clusterrole=admin", "--user=team-admin")
		t.Cleanup(func() {
			w.Kubectl(t, "--namespace="+namespace, "delete", "rolebinding", "people", "--ignore-not-found")
		})
	}
	w.InstallOperator(t, "--kube-as-user=team-admin", "--set=namespaces={cell,team}", "--set=crds.install=false",
		"--set=clusterPermissions.nodes=false,clusterPermissions.persistentvolumes=false,clusterPermissions.storageclasses=false")
	rights := w.Kubectl(t, "get", "clusterroles,clusterrolebindings", "--selector=app.kubernetes.io/instance="+harness.OperatorRelease, "--output=name")
	assert.Empty(t, rights, "it has no rights on the whole of Kubernetes")
	assert.Equal(t, "yes", w.Kubectl(t, "--namespace=team", "--as=team-admin", "auth", "can-i", "create", "cellclusters"))

	stranger := w.CellsNamed("stranger", "cell", "stranger")
	stranger.Install(t)
	small := w.CellsNamed("team", "cell", "small")
	small.Install(t, "--set=pd.replicas=1,proxy.replicas=1")
	touch(t, w, demo, "by the operator of some namespaces")
	cluster := small.AwaitReady(t)
	small.Write(t, "small")
	small.Read(t, "small")
	for id, s := range cluster.Status.Store.Stores {
		assert.Equal(t, "default", s.Zone, "store %s: nodes cannot be read", id)
	}
	left, err := stranger.Get(t)
	require.NoError(t, err)
	assert.Empty(t, left.Status.Phase, "nobody looks after other namespaces")
	stranger.Uninstall(t)
	small.Uninstall(t)
}
