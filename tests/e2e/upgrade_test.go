// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// TestChartUpgrade changes what disturbs no member.
func TestChartUpgrade(t *testing.T) {
	w, demo := needDemo(t)
	before := demo.Lives(t, naming.PD, naming.Store)
	demo.Upgrade(t, "--set=proxy.replicas=3,pd.service.type=NodePort", "--set-string=proxy.service.annotations.team=storage")
	demo.AwaitReady(t)
	assert.Len(t, demo.Pods(t, naming.Proxy), 3)
	assert.Equal(t, "storage", service(t, w, "demo-proxy").Annotations["team"])
	assert.Equal(t, before, demo.Lives(t, naming.PD, naming.Store))

	pd := service(t, w, "demo-pd")
	require.Equal(t, corev1.ServiceTypeNodePort, pd.Spec.Type)
	url := "http://" + net.JoinHostPort(nodeIP(t, w), strconv.Itoa(int(pd.Spec.Ports[0].NodePort))) + "/health"
	client := &http.Client{Timeout: 5 * time.Second}
	harness.Eventually(t, "PD answers at a node's port", func() error {
		resp, err := client.Get(url)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s says %s", url, resp.Status)
		}
		return nil
	})

	demo.Upgrade(t)
	demo.AwaitReady(t)
	harness.Eventually(t, "the proxies and the annotation go again", func() error {
		if n := len(demo.Pods(t, naming.Proxy)); n != 2 {
			return fmt.Errorf("there are %d proxies", n)
		}
		if s := service(t, w, "demo-proxy"); s.Annotations["team"] != "" {
			return fmt.Errorf("annotations are %v", s.Annotations)
		}
		return nil
	})
	assert.Equal(t, corev1.ServiceTypeClusterIP, service(t, w, "demo-pd").Spec.Type)
	demo.Read(t, "demo")
}

func service(t *testing.T, w *harness.World, name string) *corev1.Service {
	t.Helper()
	s, err := w.Kube.CoreV1().Services("cell").Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return s
}

func nodeIP(t *testing.T, w *harness.World) string {
	t.Helper()
	nodes, err := w.Kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, a := range nodes.Items[0].Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	require.Fail(t, "the node has no address")
	return ""
}

// touch changes something small in a cluster's spec and waits until an operator
// has carried it out.
func touch(t *testing.T, w *harness.World, c *harness.Cells, value string) {
	t.Helper()
	patch := fmt.Sprintf(`--patch={"spec":{"proxy":{"service":{"annotations":{"touched":%q}}}}}`, value)
	w.Kubectl(t, "--namespace="+c.Namespace, "patch", "cellcluster", c.Name, "--type=merge", patch)
	harness.Eventually(t, "an operator acts", func() error {
		s, err := w.Kube.CoreV1().Services(c.Namespace).Get(t.Context(), naming.Service(c.Name, naming.Proxy), metav1.GetOptions{})
		if err == nil && s.Annotations["touched"] != value {
			err = fmt.Errorf("annotations of Service %s are %v", s.Name, s.Annotations)
		}
		return err
	})
}

// TestOperatorUpgrade gives the operator a new image, and with it a new launcher
// to all pods that are made from now on, but restarts none for that.
func TestOperatorUpgrade(t *testing.T) {
	w, demo := needDemo(t)
	next := filepath.Join(t.TempDir(), "next.tar")
	require.NoError(t, harness.Retag(w.ImageFile("cell-operator.tar"), next, "docker.io/deepfabric/cell-operator:next"))
	require.NoError(t, w.LoadImages(t.Context(), next))
	lives, templates := demo.Lives(t, naming.Components()...), generations(t, w)
	old, _ := w.AwaitLeader(t, "somebody leads", func(string, string) bool { return true })

	w.Helm(t, "upgrade", harness.OperatorRelease, "charts/cell-operator", "--namespace="+harness.OperatorNamespace, "--reuse-values",
		"--set=operatorImage=deepfabric/cell-operator:next,controllerManager.logLevel=4")
	w.AwaitOperator(t)
	images := map[string]string{}
	for _, p := range w.OperatorPods(t) {
		images[p.Name] = p.Spec.Containers[0].Image
	}
	w.AwaitLeader(t, "a new operator leads", func(identity, pod string) bool {
		return identity != old && images[pod] == "deepfabric/cell-operator:next"
	})
	touch(t, w, demo, "after the operator's upgrade")
	demo.AwaitReady(t)
	assert.Equal(t, lives, demo.Lives(t, naming.Components()...), "no pod was restarted")
	assert.Equal(t, templates, generations(t, w), "no template was written")

	w.Helm(t, "rollback", harness.OperatorRelease, "--namespace="+harness.OperatorNamespace)
	w.AwaitOperator(t)
	touch(t, w, demo, "after the operator's rollback")
	demo.AwaitReady(t)
	assert.Equal(t, lives, demo.Lives(t, naming.Components()...), "no pod was restarted")
}

// generations are those of the demo's StatefulSets and Deployment.
func generations(t *testing.T, w *harness.World) string {
	t.Helper()
	return w.Kubectl(t, "--namespace=cell", "get", "statefulsets,deployments", "--output",
		`jsonpath={range .items[*]}{.metadata.name} {.metadata.generation}{"\n"}{end}`)
}
