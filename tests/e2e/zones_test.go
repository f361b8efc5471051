// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// schedulerImage is kube-scheduler's, made here of the program that the cluster runs.
const schedulerImage = "deepfabric/kube-scheduler"

// TestZones installs the scheduler, places a cluster by it over three zones, and takes one of them away under load.
func TestZones(t *testing.T) {
	w, demo := needDemo(t)
	needScheduler(t, w)
	w.OwnNamespace(t, "zones", "baseline")
	c := w.CellsNamed("zones", "cell", "zones")
	c.Install(t, "--set=schedulerName=cell-scheduler")
	status := c.AwaitReady(t).Status
	c.Write(t, "before")

	spread := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSpread)
	require.NotNil(t, spread)
	assert.Equal(t, metav1.ConditionTrue, spread.Status, spread.Message)
	zones := zonesOfNodes(t, w)
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		seen := map[string]bool{}
		for _, p := range c.Pods(t, component) {
			assert.Equal(t, "cell-scheduler", p.Spec.SchedulerName)
			seen[zones[p.Spec.NodeName]] = true
		}
		assert.Len(t, seen, 3, "%s in zones", component)
	}
	requireCellsInZones(t, c, 3)

	node := c.NodeOf(t, naming.Pod(c.Name, naming.Store, 1))
	c.UnderLoad(t, "zone-away", func() {
		w.Node(t, "stop", node)
		t.Cleanup(func() { _ = w.TryNode("start", node) })
		harness.Eventually(t, "Kubernetes knows that the node is away", func() error {
			n, err := w.Kube.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
			for _, condition := range n.Status.Conditions {
				if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
					return fmt.Errorf("node %s is Ready", node)
				}
			}
			return err
		})
		c.Read(t, "before")
		began := time.Now()
		c.Write(t, "meanwhile")
		c.Read(t, "meanwhile")
		t.Logf("without the zone of %s writes and reads go on: a round of them took %v", node, time.Since(began).Round(time.Millisecond))
	})
	require.NoError(t, w.TryNode("start", node))
	c.AwaitReady(t)
	c.Read(t, "meanwhile")
	requireCellsInZones(t, c, 3)
	demo.AwaitReady(t)
}

// needScheduler installs the scheduler with the chart for the time of a test.
func needScheduler(t *testing.T, w *harness.World) {
	t.Helper()
	version, err := w.Kube.Discovery().ServerVersion()
	require.NoError(t, err)
	archive := filepath.Join(t.TempDir(), "kube-scheduler.tar")
	dir := t.TempDir()
	program, err := os.ReadFile(filepath.Join(w.Bin, "kube-scheduler"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kube-scheduler"), program, 0o755))
	file := filepath.Join(dir, "Dockerfile")
	require.NoError(t, os.WriteFile(file, []byte("FROM scratch\nCOPY kube-scheduler /usr/local/bin/kube-scheduler\n"), 0o644))
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.Root, "hack", "image.sh"), file, dir, schedulerImage+":"+version.GitVersion, archive)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, w.LoadImages(t.Context(), archive))

	upgrade := func(args ...string) {
		w.Helm(t, append([]string{"upgrade", harness.OperatorRelease, "charts/cell-operator", "--namespace=" + harness.OperatorNamespace}, args...)...)
	}
	upgrade("--set=scheduler.create=true,scheduler.kubeScheduler.image=" + schedulerImage)
	t.Cleanup(func() { upgrade() })
	w.Kubectl(t, "--namespace="+harness.OperatorNamespace, "rollout", "status", "deployment/cell-scheduler", "--timeout=110s")
}

func zonesOfNodes(t *testing.T, w *harness.World) map[string]string {
	t.Helper()
	nodes, err := w.Kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	zones := map[string]string{}
	for _, n := range nodes.Items {
		zones[n.Name] = n.Labels[corev1.LabelTopologyZone]
	}
	return zones
}

// requireCellsInZones waits until PD says that each cell has its replicas in so many zones.
func requireCellsInZones(t *testing.T, c *harness.Cells, count int) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("every cell has its replicas in %d zones", count), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stores, err := c.PD(t).Stores(ctx)
		if err != nil {
			return err
		}
		zones := map[uint64]string{}
		for _, s := range stores {
			zones[s.ID] = s.Labels["zone"]
		}
		cells, err := c.PD(t).Cells(ctx)
		if err != nil {
			return err
		}
		for _, cell := range cells {
			seen := map[string]bool{}
			for _, p := range cell.Peers {
				seen[zones[p.StoreID]] = true
			}
			if len(seen) != count || seen[""] {
				return fmt.Errorf("cell %d is in %v", cell.ID, seen)
			}
		}
		return nil
	})
}
