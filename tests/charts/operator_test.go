// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	psaapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func renderDeployment(t *testing.T, values string) appsv1.Deployment {
	t.Helper()
	return decode[appsv1.Deployment](t, one(t, render(t, operatorChart, values), "Deployment"))
}

func args(d appsv1.Deployment) []string { return d.Spec.Template.Spec.Containers[0].Args }

func TestOperatorPodIsRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	restricted := psaapi.LevelVersion{Level: psaapi.LevelRestricted, Version: psaapi.LatestVersion()}
	for name, values := range map[string]string{
		"default": "", "full": readTestdata(t, "cell-operator.full.yaml"),
		"as helm --reuse-values of a release before these values has it": "{podSecurityContext: null, securityContext: null}",
	} {
		t.Run(name, func(t *testing.T) {
			pod := renderDeployment(t, values).Spec.Template
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
			assert.True(t, result.Allowed, "%s: %s", result.ForbiddenReason(), result.ForbiddenDetail())
			assert.True(t, *pod.Spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem)
			assert.EqualValues(t, 65532, *pod.Spec.SecurityContext.RunAsUser)
		})
	}
}

func TestSecurityContextIsMerged(t *testing.T) {
	for _, o := range ofKind(render(t, operatorChart, `
scheduler: {create: true}
podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: 1}
securityContext: {readOnlyRootFilesystem: null}
`), "Deployment") {
		pod := decode[appsv1.Deployment](t, o).Spec.Template.Spec
		assert.Nil(t, pod.SecurityContext.RunAsUser, "%s: OpenShift chooses it", o)
		assert.Nil(t, pod.SecurityContext.RunAsGroup, "%s", o)
		assert.EqualValues(t, 1, *pod.SecurityContext.FSGroup, "%s", o)
		assert.True(t, *pod.SecurityContext.RunAsNonRoot, "%s: what is not named stays", o)
		for _, c := range pod.Containers {
			assert.Nil(t, c.SecurityContext.ReadOnlyRootFilesystem, "%s", o)
			assert.False(t, *c.SecurityContext.AllowPrivilegeEscalation, "%s", o)
		}
	}
}

func TestServiceAccountAnnotations(t *testing.T) {
	objects := render(t, operatorChart, `{controllerManager: {serviceAccountAnnotations: {a: of-operator}}, scheduler: {create: true, serviceAccountAnnotations: {a: of-scheduler}}}`)
	found := map[string]string{}
	for _, o := range ofKind(objects, "ServiceAccount") {
		found[o.Name] = o.Annotations["a"]
	}
	assert.Equal(t, map[string]string{"cell-controller-manager": "of-operator", "cell-scheduler": "of-scheduler"}, found)
}

func TestOperatorDeployment(t *testing.T) {
	d := renderDeployment(t, "")
	assert.Subset(t, d.Spec.Template.Labels, d.Spec.Selector.MatchLabels)
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	assert.Equal(t, []string{"/cell-controller-manager"}, c.Command)
	assert.Equal(t, "/healthz", c.LivenessProbe.HTTPGet.Path)
	assert.Equal(t, "/readyz", c.ReadinessProbe.HTTPGet.Path)
	assert.Equal(t, d.Spec.Selector.MatchLabels, pod.TopologySpreadConstraints[0].LabelSelector.MatchLabels)
	assert.Contains(t, c.Args, "--cluster-resources=true")
	assert.Contains(t, c.Args, "--launcher-image="+c.Image, "the operator is told its own image")
	assert.NotContains(t, strings.Join(c.Args, " "), "--namespaces", "all namespaces")
}

func TestOperatorOwnLabelsWin(t *testing.T) {
	d := renderDeployment(t, `controllerManager: {podLabels: {app.kubernetes.io/name: mine, team: storage}}`)
	assert.Subset(t, d.Spec.Template.Labels, d.Spec.Selector.MatchLabels)
	assert.Equal(t, "storage", d.Spec.Template.Labels["team"])
}

func TestOperatorSpreadKeepsItsSelector(t *testing.T) {
	d := renderDeployment(t, readTestdata(t, "cell-operator.full.yaml"))
	selector := d.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector
	assert.Equal(t, map[string]string{"team": "storage"}, selector.MatchLabels)
}

func TestGoMemLimit(t *testing.T) {
	for limit, want := range map[string]string{
		"512Mi": "483183820", "1Gi": "966367641", "1.5Gi": "1449551462", "100M": "90000000",
		"1e9": "900000000", "1000000000": "900000000", `"1e9"`: "900000000", "null": "",
	} {
		t.Run(limit, func(t *testing.T) {
			d := renderDeployment(t, "controllerManager: {resources: {limits: {memory: "+limit+"}}}")
			env := d.Spec.Template.Spec.Containers[0].Env
			if want == "" {
				assert.Empty(t, env)
				return
			}
			require.Len(t, env, 1)
			assert.Equal(t, "GOMEMLIMIT", env[0].Name)
			assert.Equal(t, want, env[0].Value)
		})
	}
}

func TestOperatorReplicas(t *testing.T) {
	many := render(t, operatorChart, "")
	budget := decode[policyv1.PodDisruptionBudget](t, one(t, many, "PodDisruptionBudget"))
	d := decode[appsv1.Deployment](t, one(t, many, "Deployment"))
	assert.Equal(t, d.Spec.Selector, budget.Spec.Selector)

	single := render(t, operatorChart, "controllerManager: {replicas: 1, leaderElection: {enabled: false}}")
	assert.Empty(t, ofKind(single, "PodDisruptionBudget"), "it would block every drain")
	d = decode[appsv1.Deployment](t, one(t, single, "Deployment"))
	assert.Contains(t, args(d), "--leader-elect=false")
	assert.Equal(t, appsv1.RecreateDeploymentStrategyType, d.Spec.Strategy.Type, "two pods at once would both work")
}

func TestOperatorMetrics(t *testing.T) {
	objects := render(t, operatorChart, "controllerManager: {metrics: {service: {enabled: false}}}")
	assert.Empty(t, ofKind(objects, "Service"))
	assert.Empty(t, ofKind(render(t, operatorChart, ""), "ServiceMonitor"))
}

// TestCRDIsPassedOnUnchanged: the chart's copy is the generated CRD, and of what
// is rendered only the annotation that keeps it is new, byte for byte.
func TestCRDIsPassedOnUnchanged(t *testing.T) {
	generated := readFile(t, filepath.Join("..", "..", "manifests", "crd.yaml"))
	require.Equal(t, generated, readFile(t, filepath.Join("..", "..", "charts", operatorChart, "files", "crd.yaml")),
		"run hack/update-codegen.sh")
	const keep = "    helm.sh/resource-policy: keep\n"

	kept := one(t, render(t, operatorChart, ""), "CustomResourceDefinition")
	assert.Equal(t, "keep", kept.Annotations["helm.sh/resource-policy"])
	assert.Equal(t, 1, strings.Count(kept.text, keep))
	assert.Equal(t, generated, strings.Replace(kept.text, keep, "", 1))

	loose := one(t, render(t, operatorChart, "crds: {keep: false}"), "CustomResourceDefinition")
	assert.Equal(t, generated, loose.text)

	none := render(t, operatorChart, "crds: {install: false}")
	assert.Empty(t, ofKind(none, "CustomResourceDefinition"))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestOperatorNamespaces(t *testing.T) {
	cases := []struct {
		name, values string
		want         []string // namespaces with a Role; nil means all, by a ClusterRole
		flag         string
	}{
		{"all", "", nil, ""},
		{"own", "clusterScoped: false", []string{"cell-admin"}, "--namespaces=cell-admin"},
		{"several", "{clusterScoped: false, namespaces: [b, a]}", []string{"a", "b"}, "--namespaces=a,b"},
		{"list wins", "namespaces: [a]", []string{"a"}, "--namespaces=a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			objects := render(t, operatorChart, c.values)
			var roles []string
			for _, o := range ofKind(objects, "Role") {
				if o.Name == "cell-controller-manager" {
					roles = append(roles, o.Namespace)
				}
			}
			assert.Equal(t, c.want, roles)
			flags := args(decode[appsv1.Deployment](t, one(t, objects, "Deployment")))
			i := slices.IndexFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--namespaces") })
			if c.flag == "" {
				assert.Negative(t, i)
				return
			}
			require.GreaterOrEqual(t, i, 0)
			assert.Equal(t, c.flag, flags[i])
		})
	}
}

// TestOperatorWithoutClusterRights: a team can install it with the rights of its
// own namespace alone.
func TestOperatorWithoutClusterRights(t *testing.T) {
	objects := render(t, operatorChart, `
clusterScoped: false
crds: {install: false}
clusterPermissions: {nodes: false, persistentvolumes: false, storageclasses: false}
`)
	for _, o := range objects {
		assert.Equal(t, "cell-admin", o.Namespace, "%s is outside of the namespace", o)
	}
	assert.Contains(t, args(decode[appsv1.Deployment](t, one(t, objects, "Deployment"))), "--cluster-resources=false")
}
