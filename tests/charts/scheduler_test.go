// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	psaapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// ofScheduler are the objects that scheduler.create adds, with other values besides.
func ofScheduler(t *testing.T, values string) []object {
	t.Helper()
	user := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(values), &user))
	scheduler, _ := user["scheduler"].(map[string]any)
	if scheduler == nil {
		scheduler = map[string]any{}
		user["scheduler"] = scheduler
	}
	scheduler["create"] = true
	text, err := yaml.Marshal(user)
	require.NoError(t, err)
	without := map[string]bool{}
	for _, o := range render(t, operatorChart, "") {
		without[o.text] = true
	}
	var out []object
	for _, o := range render(t, operatorChart, string(text)) {
		if !without[o.text] {
			out = append(out, o)
		}
	}
	return out
}

func TestSchedulerIsAChoice(t *testing.T) {
	assert.NotContains(t, joined(render(t, operatorChart, "")), "cell-scheduler")
	compareGolden(t, "cell-operator.scheduler.golden.yaml", joined(ofScheduler(t, "")))
}

func TestSchedulerPod(t *testing.T) {
	d := decode[appsv1.Deployment](t, one(t, ofScheduler(t, "scheduler: {podLabels: {app.kubernetes.io/name: mine, team: storage}}"), "Deployment"))
	assert.Subset(t, d.Spec.Template.Labels, d.Spec.Selector.MatchLabels, "own labels win")
	assert.Equal(t, "storage", d.Spec.Template.Labels["team"])
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	restricted := psaapi.LevelVersion{Level: psaapi.LevelRestricted, Version: psaapi.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &d.Spec.Template.ObjectMeta, &d.Spec.Template.Spec))
	assert.True(t, result.Allowed, "%s: %s", result.ForbiddenReason(), result.ForbiddenDetail())
	for _, c := range d.Spec.Template.Spec.Containers {
		assert.NotNil(t, c.LivenessProbe, c.Name)
		assert.NotNil(t, c.ReadinessProbe, c.Name)
	}
	for _, e := range ofScheduler(t, "") {
		if e.Kind == "Deployment" {
			assert.NotEqual(t, "default-scheduler", decode[appsv1.Deployment](t, e).Spec.Template.Spec.SchedulerName, "left to Kubernetes")
		}
	}
}

func TestSchedulerSpread(t *testing.T) {
	spread := func(values string) []corev1.TopologySpreadConstraint {
		return decode[appsv1.Deployment](t, one(t, ofScheduler(t, values), "Deployment")).Spec.Template.Spec.TopologySpreadConstraints
	}
	own := map[string]string{"app.kubernetes.io/name": "cell-scheduler", "app.kubernetes.io/instance": "cell-operator"}
	byDefault := spread("")
	require.Len(t, byDefault, 1)
	assert.Equal(t, own, byDefault[0].LabelSelector.MatchLabels)
	zones := spread("scheduler: {topologySpread: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {a: b}}}]}")
	require.Len(t, zones, 1)
	assert.Equal(t, "zone", zones[0].TopologyKey)
	assert.Equal(t, map[string]string{"a": "b"}, zones[0].LabelSelector.MatchLabels)
	assert.Empty(t, spread("scheduler: {topologySpread: []}"))
}

func TestSchedulerMetrics(t *testing.T) {
	objects := ofScheduler(t, "scheduler: {extender: {httpPort: 9090}, metrics: {serviceMonitor: {enabled: true, labels: {release: prometheus}}}}")
	service := decode[corev1.Service](t, one(t, objects, "Service"))
	pod := decode[appsv1.Deployment](t, one(t, objects, "Deployment")).Spec.Template
	assert.Subset(t, pod.Labels, service.Spec.Selector)
	assert.EqualValues(t, 9090, service.Spec.Ports[0].Port)
	port := pod.Spec.Containers[0].Ports[0]
	assert.Equal(t, service.Spec.Ports[0].TargetPort.StrVal, port.Name)
	assert.EqualValues(t, 9090, port.ContainerPort)
	monitor := one(t, objects, "ServiceMonitor")
	assert.Equal(t, "prometheus", monitor.Labels["release"])
	var spec struct {
		Spec struct {
			Selector  metav1.LabelSelector
			Endpoints []struct{ Port string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(monitor.text), &spec))
	assert.Subset(t, service.Labels, spec.Spec.Selector.MatchLabels)
	assert.Equal(t, service.Spec.Ports[0].Name, spec.Spec.Endpoints[0].Port)

	objects = ofScheduler(t, "scheduler: {metrics: {service: {enabled: false}}}")
	assert.Empty(t, ofKind(objects, "Service"))
	assert.Empty(t, ofKind(objects, "ServiceMonitor"))
}

func TestSchedulerTriesAgain(t *testing.T) {
	flags := func(values string) string {
		pod := decode[appsv1.Deployment](t, one(t, ofScheduler(t, values), "Deployment")).Spec.Template.Spec
		return strings.Join(pod.Containers[1].Args, " ")
	}
	assert.Contains(t, flags(""), "--pod-max-in-unschedulable-pods-duration=30s")
	assert.NotContains(t, flags(`scheduler: {kubeScheduler: {podMaxInUnschedulablePodsDuration: ""}}`), "unschedulable", "a version without the flag would not start")
}

func TestSchedulerImageFollowsKubernetes(t *testing.T) {
	image := func(values string) string {
		d := decode[appsv1.Deployment](t, one(t, ofScheduler(t, values), "Deployment"))
		return d.Spec.Template.Spec.Containers[1].Image
	}
	assert.Regexp(t, `^registry\.k8s\.io/kube-scheduler:v1\.\d+\.\d+$`, image(""), "without what a vendor appends to the version")
	assert.Equal(t, "registry.example.com/kube-scheduler:v1.33.0", image("scheduler: {kubeScheduler: {image: registry.example.com/kube-scheduler, tag: v1.33.0}}"))
}

func TestSchedulerConfiguration(t *testing.T) {
	config := func(values string) map[string]any {
		m := decode[corev1.ConfigMap](t, one(t, ofScheduler(t, values), "ConfigMap"))
		var out map[string]any
		require.NoError(t, yaml.UnmarshalStrict([]byte(m.Data["config.yaml"]), &out))
		return out
	}
	c := config("")
	assert.Equal(t, "kubescheduler.config.k8s.io/v1", c["apiVersion"])
	assert.Equal(t, []any{map[string]any{"schedulerName": "cell-scheduler"}}, c["profiles"])
	extender, ok := c["extenders"].([]any)[0].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, false, extender["ignorable"], "without the extender pods wait")
	assert.Equal(t, true, extender["nodeCacheCapable"])
	c = config("scheduler: {schedulerName: apart, extender: {ignorable: true, port: 12345}}")
	assert.Equal(t, []any{map[string]any{"schedulerName": "apart"}}, c["profiles"])
	extender, ok = c["extenders"].([]any)[0].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, true, extender["ignorable"])
	assert.Equal(t, "http://127.0.0.1:12345/cell-scheduler-extender", extender["urlPrefix"])
}

func TestSchedulerRights(t *testing.T) {
	for _, o := range ofScheduler(t, "") {
		if o.Kind != "Role" && o.Kind != "ClusterRole" {
			continue
		}
		for _, rule := range decode[rbacv1.Role](t, o).Rules {
			assert.NotContains(t, rule.Resources, "*")
			assert.NotContains(t, rule.Verbs, "*")
			if o.Kind == "ClusterRole" {
				assert.Subset(t, []string{"get", "list", "watch"}, rule.Verbs, "the extender only reads")
			}
		}
	}
	for _, o := range ofScheduler(t, "rbac: {create: false}") {
		assert.False(t, strings.HasSuffix(o.Kind, "Role") || strings.HasSuffix(o.Kind, "Binding") || o.Kind == "ServiceAccount", o.Kind)
	}
}

func TestSchedulerRefused(t *testing.T) {
	for values, want := range map[string]string{
		"scheduler: {create: true, extender: {port: 10259}}":                                               "not all different",
		"scheduler: {schedulerName: default-scheduler}":                                                    "/scheduler/schedulerName", // it would fight the scheduler of Kubernetes
		"scheduler: {create: true, metrics: {service: {enabled: false}, serviceMonitor: {enabled: true}}}": "needs the Service",
		"scheduler: {nonsense: 1}":                                                                         "'nonsense' not allowed",
		"scheduler: {extender: {weight: 0}}":                                                               "/scheduler/extender/weight",
	} {
		_, err := renderFiles(operatorChart, values)
		assert.ErrorContains(t, err, want)
	}
	_, err := renderFiles(operatorChart, "scheduler: null")
	assert.NoError(t, err, "as helm --reuse-values of a release before it has it")
}
