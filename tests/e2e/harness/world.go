// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
)

// World is the Kubernetes that the tests of a binary share.
type World struct {
	// Name is the cluster's, for tests/cluster.
	Name string `json:"name"`
	// Root is the project's folder.
	Root string `json:"root"`
	// Program is the built tests/cluster.
	Program string `json:"program"`
	// Kubeconfig is a file.
	Kubeconfig string `json:"kubeconfig"`
	// Bin is the folder of kubectl and helm.
	Bin string `json:"bin"`

	// Kube and Cells are clients.
	Kube  kubernetes.Interface `json:"-"`
	Cells versioned.Interface  `json:"-"`
}

// Get returns the world of this process; it skips the test where there is none.
func Get(t *testing.T) *World {
	t.Helper()
	if current == nil {
		t.Skip("set " + Enable + "=1 to bring a real Kubernetes up (needs root)")
	}
	return current
}

func (w *World) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", w.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 200, 400
	if w.Kube, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("make client of Kubernetes: %w", err)
	}
	if w.Cells, err = versioned.NewForConfig(config); err != nil {
		return fmt.Errorf("make client of CellClusters: %w", err)
	}
	return nil
}

// command is one of tests/cluster's program. It finds its tools from the project's folder.
func (w *World) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.Program, append([]string{"--name=" + w.Name}, args...)...)
	cmd.Dir = filepath.Join(w.Root, "tests", "cluster")
	return cmd
}

// ImageFile is an image archive that make built.
func (w *World) ImageFile(name string) string { return filepath.Join(w.Root, "_out", "images", name) }

// LoadImages gives image archives to all nodes.
func (w *World) LoadImages(ctx context.Context, archives ...string) error {
	out, err := w.command(ctx, append([]string{"image", "load"}, archives...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("load images: %w: %s", err, out)
	}
	return nil
}

// Env is the environment in which kubectl and helm find the cluster.
func (w *World) Env() []string {
	return append(os.Environ(), "KUBECONFIG="+w.Kubeconfig, "PATH="+w.Bin+":"+os.Getenv("PATH"))
}

// Try runs a program of the world's, such as kubectl or helm, in the project's folder.
func (w *World) Try(program string, args ...string) (string, error) {
	return w.Patiently(2*time.Minute, program, args...)
}

// Patiently is Try for what may take longer.
func (w *World) Patiently(limit time.Duration, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(w.Bin, program), args...)
	cmd.Dir, cmd.Env = w.Root, w.Env()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}

// Kubectl runs kubectl, which must succeed.
func (w *World) Kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.Try("kubectl", args...)
	require.NoError(t, err)
	return out
}

// Helm runs helm, which must succeed.
func (w *World) Helm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.Try("helm", args...)
	require.NoError(t, err)
	return out
}

// Namespace makes sure of a namespace that enforces a Pod Security level. When
// the test ends badly it tells how things stand there.
func (w *World) Namespace(t *testing.T, name, level string) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": level},
	}}
	_, err := w.Kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		require.NoError(t, err)
	}
	w.ExplainFailure(t, name)
}

// OwnNamespace is Namespace for a namespace that goes with the test.
func (w *World) OwnNamespace(t *testing.T, name, level string) {
	t.Helper()
	t.Cleanup(func() {
		if !*keep || !t.Failed() {
			err := w.Kube.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{})
			require.NoError(t, err)
		}
	})
	w.Namespace(t, name, level)
}
