// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"

	"github.com/stretchr/testify/require"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What keeps pods from running stands in the one line of kubectl get, and
// correcting the spec mends the cluster.
func TestTrouble(t *testing.T) {
	tests := []struct {
		name, path, bad, good, message string
	}{
		{"PD's image is missing", "spec.pd.image", "missing/pd:1", "pd:1",
			`pod demo-pd-0, container pd: ImagePullBackOff: Back-off pulling image "missing/pd:1"`},
		{"a store's image is missing", "spec.store.image", "missing/store:1", "store:1",
			`pod demo-store-0, container store: ImagePullBackOff: Back-off pulling image "missing/store:1"`},
		{"PD crashes", "spec.pd.image", "crashing/pd:1", "pd:1",
			`pod demo-pd-0, container pd: CrashLoopBackOff, it ended with exit code 1: the data directory is damaged`},
		{"a store crashes", "spec.store.image", "crashing/store:1", "store:1",
			`pod demo-store-0, container store: CrashLoopBackOff, it ended with exit code 1: the data directory is damaged`},
		{"no room for PD", "spec.pd.requests", "{cpu: 100}", "{cpu: 1}",
			`no node takes pod demo-pd-0: 0/3 nodes are available: 3 Insufficient cpu.`},
		{"no room for a store", "spec.store.requests", "{cpu: 100}", "{cpu: 1}",
			`no node takes pod demo-store-0: 0/3 nodes are available: 3 Insufficient cpu.`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ns := namespace(t)
			operate(t, ns)
			create(t, ns, smallest, set(test.path, test.bad))
			awaitMessage(t, ns, "demo", test.message)
			change(t, ns, "demo", set(test.path, test.good))
			awaitReady(t, ns, "demo")
		})
	}
}

// Proxies have names that nobody can foretell.
func TestTroubleOfProxies(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	operate(t, ns)
	create(t, ns, smallest, set("spec.proxy.image", "missing/proxy:1"))
	awaitMessageLike(t, ns, "demo", `^pod demo-proxy-\w+-\w+, container proxy: ImagePullBackOff: Back-off pulling image "missing/proxy:1"$`)
	change(t, ns, "demo", set("spec.proxy.image", "proxy:1"))
	awaitReady(t, ns, "demo")
}

func TestMissingStorageClass(t *testing.T) {
	for _, component := range []string{"pd", "store"} {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			ns := namespace(t)
			operate(t, ns)
			class := ns + "-fast"
			create(t, ns, smallest, set("spec."+component+".storageClassName", class))
			awaitMessage(t, ns, "demo", `spec.`+component+`.storageClassName: there is no StorageClass "`+class+
				`"; create it, or delete this cluster and create it with another class`)
			_, err := env.kube.StorageV1().StorageClasses().Create(t.Context(),
				&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "example.com/none"}, metav1.CreateOptions{})
			require.NoError(t, err)
			awaitReady(t, ns, "demo")
		})
	}
}
