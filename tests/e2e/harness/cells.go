// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// Cells is a cell cluster that a release of charts/cell-cluster describes.
type Cells struct {
	w *World
	// Release is helm's, Namespace and Name are the CellCluster's.
	Release, Namespace, Name string
}

// CellsNamed is a cell cluster that may or may not exist.
func (w *World) CellsNamed(namespace, release, name string) *Cells {
	return &Cells{w: w, Namespace: namespace, Release: release, Name: name}
}

// Install installs the chart with its defaults, changed by args of helm.
func (c *Cells) Install(t *testing.T, args ...string) {
	t.Helper()
	c.helm(t, "install", append([]string{"--create-namespace"}, args...))
}

// Upgrade is Install for what is installed already. What args do not name gets
// its default again.
func (c *Cells) Upgrade(t *testing.T, args ...string) {
	t.Helper()
	c.helm(t, "upgrade", args)
}

func (c *Cells) helm(t *testing.T, verb string, args []string) {
	t.Helper()
	c.w.Helm(t, append([]string{
		verb, c.Release, "charts/cell-cluster", "--namespace=" + c.Namespace, "--set=clusterName=" + c.Name,
		// All stores see the disk of this machine, and PD places nothing on a store whose disk is 80 % full.
		"--set=pd.config.storageThreshold=99",
	}, args...)...)
}

// Uninstall removes the release and waits until nothing of the cluster is left
// but its claims.
func (c *Cells) Uninstall(t *testing.T) {
	t.Helper()
	c.w.Helm(t, "uninstall", c.Release, "--namespace="+c.Namespace)
	Eventually(t, "cluster "+c.Name+" is gone", func() error {
		if left := c.Objects(t); len(left) > 0 {
			return fmt.Errorf("left are %v", slices.Sorted(maps.Keys(left)))
		}
		return nil
	})
}

// Get reads the CellCluster; nil if there is none.
func (c *Cells) Get(t *testing.T) (*v1alpha1.CellCluster, error) {
	t.Helper()
	return c.w.Cells.DeepfabricV1alpha1().CellClusters(c.Namespace).Get(t.Context(), c.Name, metav1.GetOptions{})
}

// AwaitReady waits until the newest spec is carried out.
func (c *Cells) AwaitReady(t *testing.T) *v1alpha1.CellCluster {
	t.Helper()
	return c.AwaitReadyWithin(t, Patience)
}

// AwaitReadyWithin is AwaitReady for what takes longer.
func (c *Cells) AwaitReadyWithin(t *testing.T, limit time.Duration) *v1alpha1.CellCluster {
	t.Helper()
	var last *v1alpha1.CellCluster
	Within(t, limit, "cluster "+c.Namespace+"/"+c.Name+" is Ready", func() error {
		var err error
		if last, err = c.Get(t); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(last.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case ready == nil || ready.ObservedGeneration != last.Generation:
			return errors.New("the operator has not looked at it yet")
		case ready.Status != metav1.ConditionTrue:
			return fmt.Errorf("%s: %s; phase %s, message %q", ready.Reason, ready.Message, last.Status.Phase, last.Status.Message)
		}
		return nil
	})
	return last
}

// AwaitMessage waits until the line that `kubectl get` prints holds all texts.
func (c *Cells) AwaitMessage(t *testing.T, texts ...string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("`kubectl get cc %s` says %q", c.Name, texts), func() error {
		line, err := c.w.Try("kubectl", "--namespace="+c.Namespace, "get", "cc", c.Name, "--no-headers")
		if err != nil {
			return err
		}
		for _, text := range texts {
			if !strings.Contains(line, text) {
				return fmt.Errorf("it says %q", line)
			}
		}
		return nil
	})
}

// Pods are the pods of a component, those on their way out too.
func (c *Cells) Pods(t *testing.T, component naming.Component) []corev1.Pod {
	t.Helper()
	selector := labels.SelectorFromSet(naming.SelectorLabels(c.Name, component)).String()
	pods, err := c.w.Kube.CoreV1().Pods(c.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	require.NoError(t, err)
	return pods.Items
}

// Lives are the UID and the restarts of each pod of the components, by name, but
// for pods on their way out. As long as they are equal no pod was restarted.
func (c *Cells) Lives(t *testing.T, components ...naming.Component) map[string]string {
	t.Helper()
	lives := map[string]string{}
	for _, component := range components {
		for _, p := range c.Pods(t, component) {
			if p.DeletionTimestamp != nil {
				continue
			}
			restarts := int32(0)
			for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
				restarts += s.RestartCount
			}
			lives[p.Name] = fmt.Sprintf("%s, %d restarts", p.UID, restarts)
		}
	}
	return lives
}

// DeletePod deletes a pod and waits until its successor of the same name is ready.
func (c *Cells) DeletePod(t *testing.T, name string) {
	t.Helper()
	old, err := c.w.Kube.CoreV1().Pods(c.Namespace).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	require.NoError(t, c.w.Kube.CoreV1().Pods(c.Namespace).Delete(t.Context(), name, metav1.DeleteOptions{}))
	c.AwaitSuccessor(t, name, old.UID)
}

// AwaitSuccessor waits until another pod of the same name is ready.
func (c *Cells) AwaitSuccessor(t *testing.T, name string, old types.UID) {
	t.Helper()
	Eventually(t, "pod "+name+" is back", func() error {
		p, err := c.w.Kube.CoreV1().Pods(c.Namespace).Get(t.Context(), name, metav1.GetOptions{})
		switch {
		case err != nil:
			return err
		case p.UID == old:
			return errors.New("the old one is still there")
		case !PodReady(p):
			return fmt.Errorf("it is not ready: %s", p.Status.Phase)
		}
		return nil
	})
}

// PD is a client of the cluster's PDs, by their Service.
func (c *Cells) PD(t *testing.T) pdapi.Client {
	t.Helper()
	host := naming.ServiceHost(c.Namespace, c.Name, naming.PD)
	client := pdapi.NewFactory(pdapi.Options{})([]string{fmt.Sprintf("http://%s:%d", host, naming.PDClientPort)})
	t.Cleanup(func() { client.Close() })
	return client
}

// Stores are the ids of the stores by pod, as PD knows them.
func (c *Cells) Stores(t *testing.T) map[string]uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stores, err := c.PD(t).Stores(ctx)
	require.NoError(t, err)
	ids := map[string]uint64{}
	for _, s := range stores {
		ids[naming.PodOfHost(s.Address)] = s.ID
	}
	return ids
}
