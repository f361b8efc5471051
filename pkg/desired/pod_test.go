// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// kubernetesExpands is what a kubelet makes of the value of an environment
// variable, as its API documents: $(NAME) becomes the value of NAME, or stays
// where there is none; $$ is a $ that begins no reference; all else stays.
func kubernetesExpands(text string, value func(name string) (string, bool)) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		end := strings.IndexByte(rest, ')')
		switch {
		case strings.HasPrefix(rest, "$$"):
			out.WriteByte('$')
			i++
		case strings.HasPrefix(rest, "$(") && end > 0:
			if v, ok := value(rest[2:end]); ok {
				out.WriteString(v)
			} else {
				out.WriteString(rest[:end+1])
			}
			i += end
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

func TestKubernetesExpands(t *testing.T) {
	value := func(name string) (string, bool) { return strings.ToLower(name), name == "A" || name == "B" }
	for text, want := range map[string]string{
		"$(A)": "a", "x$(A)-$(B)": "xa-b", "$(C)": "$(C)", "$$(A)": "$(A)", "$$$(A)": "$a", "$$$$(A)": "$$(A)",
		"$": "$", "$$": "$", "$A": "$A", "${A}": "${A}", "$(A": "$(A", "a$": "a$", "$()": "$()",
	} {
		assert.Equal(t, want, kubernetesExpands(text, value), text)
	}
}

func TestLiteral(t *testing.T) {
	for _, text := range []string{"", "plain", "${HOST}", "$${x}", "$(POD_NAME)", "$$(POD_NAME)", "$$$(POD_NAME)", "$$", "$$$", "$", "a$", "$(", "$)", "$(a)$$(b)$"} {
		checkLiteral(t, text)
	}
}

func FuzzLiteral(f *testing.F) {
	for _, seed := range []string{"$$$$(A)$$", "$($($$)", "ü$(ß)", "$$)($"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkLiteral(t, text) })
}

func checkLiteral(t *testing.T, text string) {
	t.Helper()
	for _, defined := range []bool{true, false} {
		got := kubernetesExpands(literal(text), func(string) (string, bool) { return "EXPANDED", defined })
		assert.Equal(t, text, got, "literal(%q) is %q", text, literal(text))
	}
}

// The plan stands after the variables that it must not be expanded with.
func TestEnvironment(t *testing.T) {
	c := small(t)
	c.Spec.Timezone = "Asia/Shanghai"
	c.Spec.Store.Env = []corev1.EnvVar{{Name: "MINE", Value: "$(POD_NAME)"}}
	env := templates(t, c)[naming.Store].Spec.Containers[0].Env
	names := make([]string, 0, len(env))
	for _, e := range env {
		names = append(names, e.Name)
	}
	assert.Equal(t, []string{"POD_NAME", "POD_NAMESPACE", "POD_IP", "NODE_NAME", "TZ", "MINE", "CELL_PLAN"}, names)
	assert.Equal(t, "Asia/Shanghai", env[4].Value)
	assert.Equal(t, "$(POD_NAME)", env[5].Value, "the user's own is expanded by Kubernetes")

	// A name twice is what server-side apply refuses.
	c.Spec.Store.Env = []corev1.EnvVar{{Name: "TZ", Value: "Europe/Paris"}}
	var zones []string
	for _, e := range templates(t, c)[naming.Store].Spec.Containers[0].Env {
		if e.Name == "TZ" {
			zones = append(zones, e.Value)
		}
	}
	assert.Equal(t, []string{"Europe/Paris"}, zones, "the user's own wins over spec.timezone")
}

func TestResources(t *testing.T) {
	q := func(s string) *resource.Quantity { return new(resource.MustParse(s)) }
	list := func(pairs ...string) corev1.ResourceList {
		out := corev1.ResourceList{}
		for i := 0; i < len(pairs); i += 2 {
			out[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
		}
		return out
	}
	tests := map[string]struct {
		have *v1alpha1.ResourceRequirement
		want corev1.ResourceList
	}{
		"nothing":              {nil, nil},
		"empty":                {&v1alpha1.ResourceRequirement{}, nil},
		"storage is no volume": {&v1alpha1.ResourceRequirement{Storage: q("1Gi")}, nil},
		"cpu alone":            {&v1alpha1.ResourceRequirement{CPU: q("100m"), Storage: q("1Gi")}, list("cpu", "100m")},
		"memory alone":         {&v1alpha1.ResourceRequirement{Memory: q("1Gi")}, list("memory", "1Gi")},
		"both":                 {&v1alpha1.ResourceRequirement{CPU: q("1"), Memory: q("1Gi")}, list("cpu", "1", "memory", "1Gi")},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, resourceList(test.have), name)
	}
}

func TestStorage(t *testing.T) {
	assert.Equal(t, "1Gi", new(Storage(&v1alpha1.ComponentSpec{})).String())
	c := small(t)
	c.Spec.PD.Requests = &v1alpha1.ResourceRequirement{Storage: new(resource.MustParse("7Gi"))}
	c.Spec.PD.StorageClassName = new("")
	set, err := PDStatefulSet(c, 3, launcherImage)
	require.NoError(t, err)
	claim := set.Spec.VolumeClaimTemplates[0].Spec
	assert.Equal(t, "7Gi", claim.Resources.Requests.Storage().String())
	assert.Equal(t, "", *claim.StorageClassName, "an empty name asks for a volume without a class, which is not the default class")
	assert.Equal(t, naming.DataVolume, set.Spec.VolumeClaimTemplates[0].Name)
}

func TestPodsAreModest(t *testing.T) {
	for component, template := range templates(t, small(t)) {
		s := template.Spec
		assert.False(t, *s.AutomountServiceAccountToken, "%s needs no Kubernetes", component)
		assert.False(t, *s.EnableServiceLinks, component)
		assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, s.SecurityContext.SeccompProfile.Type)
		for _, container := range append(s.InitContainers, s.Containers...) {
			assert.False(t, *container.SecurityContext.AllowPrivilegeEscalation, container.Name)
			assert.Equal(t, []corev1.Capability{"ALL"}, container.SecurityContext.Capabilities.Drop, container.Name)
		}
	}
	made := templates(t, small(t))
	assert.Nil(t, made[naming.PD].Spec.Containers[0].LivenessProbe, "a PD that catches up is not dead")
	assert.Nil(t, made[naming.Store].Spec.Containers[0].LivenessProbe, "a store that replays its log is not dead")
	assert.NotNil(t, made[naming.Proxy].Spec.Containers[0].LivenessProbe)
}

func TestUsersSecurityWins(t *testing.T) {
	c := small(t)
	c.Spec.PD.SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(7))}
	c.Spec.PD.PodSecurityContext = &corev1.PodSecurityContext{FSGroup: new(int64(8))}
	s := templates(t, c)[naming.PD].Spec
	assert.Equal(t, c.Spec.PD.PodSecurityContext, s.SecurityContext)
	assert.Equal(t, c.Spec.PD.SecurityContext, s.Containers[0].SecurityContext)
	assert.Equal(t, c.Spec.PD.SecurityContext, s.InitContainers[0].SecurityContext)
}

// The operator's own labels win, or its Services and budgets would miss the pods.
func TestLabelsOfPods(t *testing.T) {
	c := small(t)
	c.Spec.Store.Labels = map[string]string{naming.LabelComponent: "mine", "team": "x"}
	c.Spec.Store.Annotations = map[string]string{"note": "y"}
	template := templates(t, c)[naming.Store]
	assert.Equal(t, "store", template.Labels[naming.LabelComponent])
	assert.Equal(t, "x", template.Labels["team"])
	assert.Equal(t, "y", template.Annotations["note"])
}
