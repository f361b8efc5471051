// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// Patience is how long anything may take that a cluster does in its own time.
	Patience = 2 * time.Minute
	// lookEvery is the pause between two looks.
	lookEvery = 200 * time.Millisecond
)

// Eventually waits until a look finds nothing missing. The last thing that was
// missing is told when patience ends.
func Eventually(t *testing.T, what string, look func() error) {
	t.Helper()
	Within(t, Patience, what, look)
}

// Within is Eventually for what takes longer.
func Within(t *testing.T, limit time.Duration, what string, look func() error) {
	t.Helper()
	var err error
	begin := time.Now()
	for time.Since(begin) < limit {
		if err = look(); err == nil {
			if took := time.Since(begin); took > time.Second {
				t.Logf("%s: after %.1f s", what, took.Seconds())
			}
			return
		}
		time.Sleep(lookEvery)
	}
	require.NoError(t, err, "%s: not within %s", what, limit)
}

// ExplainFailure lets a test that fails show what is in a namespace, and what
// the operator says.
func (w *World) ExplainFailure(t *testing.T, namespace string) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.explain(namespace))
		}
	})
}

func (w *World) explain(namespace string) string {
	var b strings.Builder
	show := func(args ...string) {
		out, err := w.Try("kubectl", args...)
		fmt.Fprintf(&b, "\n$ kubectl %s\n%s\n", strings.Join(args, " "), withoutNoise(out))
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	show("--namespace="+namespace, "get", "cc,pods", "-o", "wide")
	show("--namespace="+namespace, "get", "events", "--sort-by=.lastTimestamp")
	for _, pod := range w.unready(namespace) {
		show("--namespace="+namespace, "logs", pod, "--all-containers", "--tail=30")
	}
	if namespace == OperatorNamespace {
		return b.String()
	}
	show("--namespace="+OperatorNamespace, "logs", "--selector="+operatorPods, "--tail=60", "--prefix")
	return b.String()
}

// withoutNoise leaves out what client-go logs at each start.
func withoutNoise(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "Feature gate default state") && !strings.Contains(line, "Caches populated") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (w *World) unready(namespace string) []string {
	pods, err := w.Try("kubectl", "--namespace="+namespace, "get", "pods", "--output",
		`jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(pods) {
		if name, ready, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" && ready != string(metav1.ConditionTrue) {
			names = append(names, name)
		}
	}
	return names
}

// PodReady tells whether a pod is ready and stays.
func PodReady(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
