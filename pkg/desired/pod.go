// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// template is the pod template of a component, with its restart hash.
func template(c *v1alpha1.CellCluster, x component, launcherImage string) corev1.PodTemplateSpec {
	off := false
	t := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      merged(x.spec.Labels, naming.Labels(c.Name, x.name)),
			Annotations: merged(x.spec.Annotations, map[string]string{"kubectl.kubernetes.io/default-container": string(x.name)}),
		},
		Spec: corev1.PodSpec{
			InitContainers:                []corev1.Container{launcherContainer(x.spec, launcherImage)},
			Containers:                    []corev1.Container{container(c, x)},
			Volumes:                       append([]corev1.Volume{emptyDir(naming.LauncherVolume)}, x.volumes...),
			ImagePullSecrets:              x.spec.ImagePullSecrets,
			Affinity:                      affinity(x.spec),
			TopologySpreadConstraints:     spread(c, x.name, x.spec),
			Tolerations:                   x.spec.Tolerations,
			PriorityClassName:             x.spec.PriorityClassName,
			SchedulerName:                 c.Spec.SchedulerName,
			SecurityContext:               podSecurity(x.spec),
			TerminationGracePeriodSeconds: x.spec.TerminationGracePeriodSeconds,
			AutomountServiceAccountToken:  &off,
			EnableServiceLinks:            &off,
		},
	}
	setRestartHash(&t)
	t.Annotations = merged(t.Annotations, x.annotations)
	return t
}

// launcherContainer copies the launcher into a volume that it shares with the
// component, so that the component's image needs neither launcher nor shell.
func launcherContainer(s *v1alpha1.ComponentSpec, image string) corev1.Container {
	return corev1.Container{
		Name:            naming.InitContainerName,
		Image:           image,
		ImagePullPolicy: s.ImagePullPolicy,
		Command:         []string{"/cell-launcher", "install", naming.LauncherPath},
		// What a program says at its end shows in the pod's status.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		// Those of the program, which cost nothing, since it starts later: a quota asks for them in every container.
		Resources:       resources(s),
		VolumeMounts:    []corev1.VolumeMount{{Name: naming.LauncherVolume, MountPath: naming.LauncherDir}},
		SecurityContext: containerSecurity(s),
	}
}

func container(c *v1alpha1.CellCluster, x component) corev1.Container {
	mounts := []corev1.VolumeMount{{Name: naming.LauncherVolume, MountPath: naming.LauncherDir, ReadOnly: true}}
	return corev1.Container{
		Name:                     string(x.name),
		Image:                    x.spec.Image,
		ImagePullPolicy:          x.spec.ImagePullPolicy,
		Command:                  []string{naming.LauncherPath, string(x.name)},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		Ports:                    x.ports,
		Env:                      environment(c, x),
		Resources:                resources(x.spec),
		VolumeMounts:             append(mounts, x.mounts...),
		ReadinessProbe:           x.readiness,
		LivenessProbe:            x.liveness,
		StartupProbe:             x.startup,
		Lifecycle:                x.lifecycle,
		SecurityContext:          containerSecurity(x.spec),
	}
}

// environment holds the start plan too. The plan is part of the pod, so that a
// changed flag reaches a pod with the restart that the operator chose, and
// never with an accidental one before it.
func environment(c *v1alpha1.CellCluster, x component) []corev1.EnvVar {
	env := []corev1.EnvVar{
		fieldEnv("POD_NAME", "metadata.name"),
		fieldEnv("POD_NAMESPACE", "metadata.namespace"),
		fieldEnv("POD_IP", "status.podIP"),
		fieldEnv("NODE_NAME", "spec.nodeName"),
	}
	if !slices.ContainsFunc(x.spec.Env, func(e corev1.EnvVar) bool { return e.Name == "TZ" }) {
		env = append(env, corev1.EnvVar{Name: "TZ", Value: c.Spec.Timezone})
	}
	env = append(env, x.spec.Env...)
	return append(env, corev1.EnvVar{Name: launch.PlanVariable, Value: literal(x.plan)})
}

// literal protects text from Kubernetes' own expansion of $(NAME) and $$ in
// the values of environment variables.
func literal(text string) string {
	return strings.NewReplacer("$$", "$$$$", "$(", "$$(").Replace(text)
}

func fieldEnv(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path},
	}}
}

func resources(s *v1alpha1.ComponentSpec) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: resourceList(s.Requests), Limits: resourceList(s.Limits)}
}

// resourceList leaves out storage, which is the volume's and not the container's.
func resourceList(r *v1alpha1.ResourceRequirement) corev1.ResourceList {
	if r == nil || (r.CPU == nil && r.Memory == nil) {
		return nil
	}
	out := corev1.ResourceList{}
	if r.CPU != nil {
		out[corev1.ResourceCPU] = *r.CPU
	}
	if r.Memory != nil {
		out[corev1.ResourceMemory] = *r.Memory
	}
	return out
}

func podSecurity(s *v1alpha1.ComponentSpec) *corev1.PodSecurityContext {
	if s.PodSecurityContext != nil {
		return s.PodSecurityContext
	}
	return &corev1.PodSecurityContext{
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func containerSecurity(s *v1alpha1.ComponentSpec) *corev1.SecurityContext {
	if s.SecurityContext != nil {
		return s.SecurityContext
	}
	off := false
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: &off,
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}
