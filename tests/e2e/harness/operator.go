// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Where the operator is installed.
const (
	OperatorRelease    = "cell-operator"
	OperatorNamespace  = "cell-admin"
	operatorDeployment = "deployment/cell-controller-manager"
	operatorProgram    = "/cell-controller-manager"
	operatorPods       = "app.kubernetes.io/name=cell-operator"
	lease              = "cell-controller-manager"
)

// operator remembers whether the operator is installed as the chart's defaults say.
var operator struct {
	sync.Mutex
	usual bool
}

// NeedOperator makes sure that the operator runs, installed by the chart with
// its defaults in a namespace that enforces the restricted level.
func (w *World) NeedOperator(t *testing.T) {
	t.Helper()
	operator.Lock()
	defer operator.Unlock()
	w.Namespace(t, OperatorNamespace, "restricted")
	if operator.usual {
		return
	}
	w.Helm(t, "install", OperatorRelease, "charts/cell-operator", "--namespace="+OperatorNamespace, "--create-namespace")
	operator.usual = true
	w.AwaitOperator(t)
}

// InstallOperator installs another operator than one with the chart's defaults,
// where there is none, and uninstalls it at the end of the test.
func (w *World) InstallOperator(t *testing.T, args ...string) {
	t.Helper()
	w.Namespace(t, OperatorNamespace, "restricted")
	w.Helm(t, append([]string{"install", OperatorRelease, "charts/cell-operator", "--namespace=" + OperatorNamespace}, args...)...)
	t.Cleanup(func() { w.UninstallOperator(t) })
	w.AwaitOperator(t)
}

// UninstallOperator uninstalls the operator. It is stopped before, while it may
// still release its lease, for which the next one would wait otherwise.
func (w *World) UninstallOperator(t *testing.T) {
	t.Helper()
	operator.Lock()
	defer operator.Unlock()
	operator.usual = false
	w.ScaleOperator(t, 0)
	w.Helm(t, "uninstall", OperatorRelease, "--namespace="+OperatorNamespace)
}

// AwaitOperator waits until the operator is rolled out.
func (w *World) AwaitOperator(t *testing.T) {
	t.Helper()
	w.Kubectl(t, "--namespace="+OperatorNamespace, "rollout", "status", operatorDeployment, "--timeout=90s")
}

// ScaleOperator sets the number of the operator's pods and waits until it is so.
func (w *World) ScaleOperator(t *testing.T, replicas int) {
	t.Helper()
	w.Kubectl(t, "--namespace="+OperatorNamespace, "scale", operatorDeployment, fmt.Sprintf("--replicas=%d", replicas))
	if replicas == 0 {
		w.awaitNoOperator(t)
		return
	}
	w.AwaitOperator(t)
}

func (w *World) awaitNoOperator(t *testing.T) {
	t.Helper()
	Eventually(t, "the operator's pods are gone", func() error {
		if pods := w.OperatorPods(t); len(pods) > 0 {
			return fmt.Errorf("%d are left", len(pods))
		}
		return nil
	})
}

// OperatorPods are the operator's pods, those on their way out too.
func (w *World) OperatorPods(t *testing.T) []corev1.Pod {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // it is asked in cleanups too
	pods, err := w.Kube.CoreV1().Pods(OperatorNamespace).List(ctx, metav1.ListOptions{LabelSelector: operatorPods})
	require.NoError(t, err)
	return pods.Items
}

// Leader is the identity that holds the operator's lease, and the pod that it
// belongs to; an error if nobody holds it.
func (w *World) Leader(t *testing.T) (identity, pod string, err error) {
	t.Helper()
	l, err := w.Kube.CoordinationV1().Leases(OperatorNamespace).Get(t.Context(), lease, metav1.GetOptions{})
	if err != nil {
		return "", "", fmt.Errorf("read the lease: %w", err)
	}
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" {
		return "", "", errors.New("nobody holds the lease")
	}
	pod, _, _ = strings.Cut(*l.Spec.HolderIdentity, "_")
	return *l.Spec.HolderIdentity, pod, nil
}

// AwaitLeader waits until the lease's holder satisfies a condition, and returns
// its identity and pod.
func (w *World) AwaitLeader(t *testing.T, what string, wanted func(identity, pod string) bool) (identity, pod string) {
	t.Helper()
	Eventually(t, what, func() error {
		var err error
		if identity, pod, err = w.Leader(t); err == nil && !wanted(identity, pod) {
			err = fmt.Errorf("the leader is %s", identity)
		}
		return err
	})
	return identity, pod
}

// KillOperator ends the operator's process in a pod at once, as a crash of it would.
func (w *World) KillOperator(t *testing.T, pod string) {
	t.Helper()
	p, err := w.Kube.CoreV1().Pods(OperatorNamespace).Get(t.Context(), pod, metav1.GetOptions{})
	require.NoError(t, err)
	container := containerID(p.Status.ContainerStatuses[0].ContainerID)
	require.NotEmpty(t, container, "pod %s runs", pod)
	pids := processesOf(t, container, operatorProgram)
	require.Len(t, pids, 1, "processes of pod %s", pod)
	require.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
}

// containerID is the id in what Kubernetes calls one, "" if there is none.
func containerID(text string) string {
	_, id, _ := strings.Cut(text, "://")
	return id
}

// processesOf finds the processes of a program in a container by its control group.
func processesOf(t *testing.T, container, program string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	require.NoError(t, err)
	var pids []int
	for _, file := range files {
		group, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(group, []byte(container)) {
			continue // another's, or gone meanwhile
		}
		dir := filepath.Dir(file)
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !bytes.HasPrefix(command, []byte(program+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}
