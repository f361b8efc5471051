// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// TestBadSpec creates a cluster of which nothing works. Each fault is told in
// the line of `kubectl get cc`, and goes away with the correction of the spec.
func TestBadSpec(t *testing.T) {
	t.Parallel()
	w := harness.Get(t)
	w.NeedOperator(t)
	w.OwnNamespace(t, "bad-spec", "baseline")
	bad := w.CellsNamed("bad-spec", "cell", "bad")
	const (
		noRoom = "--set=pd.resources.requests.cpu=1000"
		// Nobody serves images there, so that the pull fails at once.
		noPD    = "--set=pd.image=localhost:1/pd:none"
		noFlag  = "--set=store.extraArgs={-no-such-flag}"
		noProxy = "--set=proxy.image=localhost:1/proxy:none"
	)
	bad.Install(t, noRoom, noPD, noFlag, noProxy)
	bad.AwaitMessage(t, "no node takes pod bad-pd-", "Insufficient cpu")
	bad.Upgrade(t, noPD, noFlag, noProxy)
	bad.AwaitMessage(t, "pod bad-pd-", "container pd", "localhost:1/pd:none")
	bad.Upgrade(t, noFlag, noProxy)
	bad.AwaitMessage(t, "pod bad-store-0", "container store")
	bad.Upgrade(t, noProxy)
	bad.AwaitMessage(t, "pod bad-proxy-", "container proxy", "localhost:1/proxy:none")
	bad.Upgrade(t)
	bad.AwaitReady(t)
	bad.Write(t, "healed")
	bad.Read(t, "healed")
}

// TestMissingStorageClass waits for a class that comes late.
func TestMissingStorageClass(t *testing.T) {
	t.Parallel()
	w := harness.Get(t)
	w.NeedOperator(t)
	w.OwnNamespace(t, "no-class", "baseline")
	waiting := w.CellsNamed("no-class", "cell", "waiting")
	waiting.Install(t, "--set=pd.storageClassName=slow,pd.replicas=1")
	waiting.AwaitMessage(t, "spec.pd.storageClassName", `"slow"`, "create it")

	wait := storagev1.VolumeBindingWaitForFirstConsumer
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "slow"}, Provisioner: "kubernetes.io/no-provisioner", VolumeBindingMode: &wait}
	_, err := w.Kube.StorageV1().StorageClasses().Create(t.Context(), class, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { w.Kubectl(t, "delete", "storageclass", "slow") })
	waiting.AwaitMessage(t, "no node takes pod "+naming.Pod("waiting", naming.PD, 0), "persistent volume")
	waiting.Uninstall(t)
}
