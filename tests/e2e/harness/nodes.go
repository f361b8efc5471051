// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Node does something to a node, in tests/cluster's words: stop, start, cut, join.
func (w *World) Node(t *testing.T, verb, name string) {
	t.Helper()
	require.NoError(t, w.TryNode(verb, name))
}

// TryNode is Node for cleanups, where the node may be well already.
func (w *World) TryNode(verb, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if out, err := w.command(ctx, "node", verb, name).CombinedOutput(); err != nil {
		return fmt.Errorf("node %s %s: %w: %s", verb, name, err, out)
	}
	return nil
}

// NodeOf is the node that a pod runs on.
func (c *Cells) NodeOf(t *testing.T, pod string) string {
	t.Helper()
	p, err := c.w.Kube.CoreV1().Pods(c.Namespace).Get(t.Context(), pod, metav1.GetOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, p.Spec.NodeName, "pod %s has a node", pod)
	return p.Spec.NodeName
}

// programs are what runs in the containers of each component.
var programs = map[naming.Component]string{
	naming.PD: "/usr/local/bin/pd", naming.Store: "/usr/local/bin/cell", naming.Proxy: "/usr/local/bin/proxy",
}

// Kill ends the program in each of the component's pods at once, as a crash
// would; in those with the given names only, if there are any. It returns how many.
func (c *Cells) Kill(t *testing.T, component naming.Component, names ...string) int {
	t.Helper()
	killed := 0
	for _, p := range c.Pods(t, component) {
		if len(names) > 0 && p.Name != names[0] {
			continue
		}
		for _, id := range containers(&p) {
			for _, pid := range processesOf(t, id, programs[component]) {
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
				killed++
			}
		}
	}
	return killed
}

// KeepDown kills the component's programs as soon as they come up, for a while.
func (c *Cells) KeepDown(t *testing.T, component naming.Component, d time.Duration) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < d; time.Sleep(lookEvery) {
		c.Kill(t, component)
	}
}

// Wipe empties the volume of a pod behind its back and ends its program, so that
// the next start finds nothing.
func (c *Cells) Wipe(t *testing.T, component naming.Component, pod string) {
	t.Helper()
	claim, err := c.w.Kube.CoreV1().PersistentVolumeClaims(c.Namespace).Get(t.Context(), "data-"+pod, metav1.GetOptions{})
	require.NoError(t, err)
	volume, err := c.w.Kube.CoreV1().PersistentVolumes().Get(t.Context(), claim.Spec.VolumeName, metav1.GetOptions{})
	require.NoError(t, err)
	require.NotNil(t, volume.Spec.Local, "volume %s is a folder of a node", volume.Name)
	entries, err := os.ReadDir(volume.Spec.Local.Path)
	require.NoError(t, err)
	require.NotEmpty(t, entries, "there is something to wipe")
	for _, e := range entries {
		require.NoError(t, os.RemoveAll(filepath.Join(volume.Spec.Local.Path, e.Name())))
	}
	require.Positive(t, c.Kill(t, component, pod), "pod %s ran", pod)
}

// containers are the ids of a pod's containers that have been started.
func containers(p *corev1.Pod) []string {
	var ids []string
	for _, s := range p.Status.ContainerStatuses {
		if id := containerID(s.ContainerID); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// CrashOperator ends an operator's process and takes its pod away before the
// kubelet makes it wait for its next start: a new pod comes at once.
func (w *World) CrashOperator(t *testing.T) {
	t.Helper()
	for _, p := range w.OperatorPods(t) {
		for _, id := range containers(&p) {
			for _, pid := range processesOf(t, id, operatorProgram) {
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			}
		}
		now := int64(0)
		err := w.Kube.CoreV1().Pods(OperatorNamespace).Delete(t.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if !apierrors.IsNotFound(err) {
			require.NoError(t, err)
		}
	}
}
