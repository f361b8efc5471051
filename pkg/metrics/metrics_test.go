// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/metrics"
)

// scrape is what a registry shows, one line a sample.
func scrape(t *testing.T, r prometheus.Gatherer) []string {
	t.Helper()
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	return strings.Split(recorder.Body.String(), "\n")
}

func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	m := metrics.New(r)
	m.Synced(3*time.Millisecond, "ok")
	m.CalledPD("list stores", "ok", 20*time.Millisecond)
	lines := scrape(t, r)
	for _, want := range []string{
		`cell_operator_sync_duration_seconds_count{result="ok"} 1`,
		`cell_operator_sync_duration_seconds_sum{result="ok"} 0.003`,
		`cell_operator_pd_request_duration_seconds_count{operation="list stores",outcome="ok"} 1`,
	} {
		assert.Contains(t, lines, want)
	}
	assert.Panics(t, func() { metrics.New(r) }, "the same names twice")
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWrapCounts(t *testing.T) {
	r := prometheus.NewRegistry()
	m := metrics.New(r)
	answers := []struct {
		code int
		err  error
	}{{200, nil}, {200, nil}, {409, nil}, {0, errors.New("connection refused")}}
	for _, a := range answers {
		wrapped := m.Wrap(transport(func(*http.Request) (*http.Response, error) {
			if a.err != nil {
				return nil, a.err
			}
			return &http.Response{StatusCode: a.code, Body: http.NoBody}, nil
		}))
		response, err := wrapped.RoundTrip(httptest.NewRequest(http.MethodPatch, "/x", nil))
		assert.Equal(t, a.err, err)
		if err == nil {
			assert.Equal(t, a.code, response.StatusCode)
			assert.NoError(t, response.Body.Close())
		}
	}
	lines := scrape(t, r)
	assert.Contains(t, lines, `cell_operator_api_requests_total{code="200",method="PATCH"} 2`)
	assert.Contains(t, lines, `cell_operator_api_requests_total{code="409",method="PATCH"} 1`)
	assert.Contains(t, lines, `cell_operator_api_requests_total{code="0",method="PATCH"} 1`)
}

func TestQueue(t *testing.T) {
	r := prometheus.NewRegistry()
	m := metrics.New(r)
	q := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[string]{Name: "cellcluster", MetricsProvider: m.Queue()})
	defer q.ShutDown()
	q.Add("a")
	q.Add("b")
	k, _ := q.Get()
	q.Done(k)
	lines := scrape(t, r)
	assert.Contains(t, lines, `cell_operator_queue_adds_total{name="cellcluster"} 2`)
	assert.Contains(t, lines, `cell_operator_queue_depth{name="cellcluster"} 1`)
	assert.Contains(t, lines, `cell_operator_queue_work_duration_seconds_count{name="cellcluster"} 1`)
}

// A cluster that is gone leaves nothing behind, and a change of phase shows at once.
func TestClusters(t *testing.T) {
	c := ct.Cluster("demo", ct.Bootstrapped, func(c *v1alpha1.CellCluster) {
		c.Status.Phase = v1alpha1.PhaseNormal
		c.Status.PD.ReadyReplicas, c.Status.Store.ReadyReplicas, c.Status.Proxy.ReadyReplicas = 3, 2, 1
		c.Status.Conditions = []metav1.Condition{
			{Type: "Ready", Status: metav1.ConditionTrue}, {Type: "Available", Status: metav1.ConditionUnknown}, {Type: "Degraded", Status: metav1.ConditionFalse},
		}
	})
	autoscaled := ct.Cluster("autoscaled", func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 4} })
	clusters := []*v1alpha1.CellCluster{c, ct.Cluster("new"), autoscaled}
	r := prometheus.NewRegistry()
	require.NoError(t, r.Register(&metrics.Clusters{List: func() []*v1alpha1.CellCluster { return clusters }}))
	lines := scrape(t, r)
	for _, want := range []string{
		`cell_operator_cluster_phase{cluster="demo",namespace="ns",phase="Normal"} 1`,
		`cell_operator_cluster_ready_pods{cluster="demo",component="store",namespace="ns"} 2`,
		`cell_operator_cluster_wanted_pods{cluster="demo",component="store",namespace="ns"} 3`,
		`cell_operator_cluster_wanted_pods{cluster="new",component="proxy",namespace="ns"} 2`,
		`cell_operator_cluster_condition{cluster="demo",condition="Ready",namespace="ns"} 1`,
		`cell_operator_cluster_condition{cluster="demo",condition="Available",namespace="ns"} -1`,
		`cell_operator_cluster_condition{cluster="demo",condition="Degraded",namespace="ns"} 0`,
	} {
		assert.Contains(t, lines, want)
	}
	for _, line := range lines {
		assert.NotContains(t, line, `cell_operator_cluster_phase{cluster="new"`, "a cluster without a phase")
		assert.NotContains(t, line, `wanted_pods{cluster="autoscaled",component="proxy"`, "what the spec says only counts at the beginning")
	}

	clusters = nil
	for _, line := range scrape(t, r) {
		assert.False(t, strings.HasPrefix(line, "cell_operator_cluster"), line)
	}
}
