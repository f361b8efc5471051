// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Hash is a short name for the content of a value that encodes to JSON.
func Hash(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		// Only types of the Kubernetes API come here, and all of them encode.
		panic(fmt.Sprintf("hash %T: %v", value, err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:10])
}

// setRestartHash records on a template the hash of all in it that deserves a
// restart: everything but the launcher's image and resources, and what only repeats the plan.
func setRestartHash(t *corev1.PodTemplateSpec) {
	bare := t.DeepCopy()
	keepLauncher(bare, &corev1.Container{})
	delete(bare.Annotations, naming.AnnotationHeartbeat)
	hash := Hash(bare)
	t.Annotations = merged(t.Annotations, map[string]string{naming.AnnotationRestartHash: hash})
}

// keepLauncher gives a template's launcher what another's has and no restart is worth.
func keepLauncher(t *corev1.PodTemplateSpec, as *corev1.Container) {
	if l := launcher(t); l != nil {
		l.Image, l.Resources = as.Image, as.Resources
	}
}

// launcher is the container that installs the launcher in the pods of a template; nil if there is none.
func launcher(t *corev1.PodTemplateSpec) *corev1.Container {
	for i := range t.Spec.InitContainers {
		if c := &t.Spec.InitContainers[i]; c.Name == naming.InitContainerName {
			return c
		}
	}
	return nil
}

// RestartHash is the hash that a pod or a template carries; "" if none.
func RestartHash(annotations map[string]string) string {
	return annotations[naming.AnnotationRestartHash]
}

// LauncherImage is the image of the launcher in a template; "" if there is none.
func LauncherImage(t *corev1.PodTemplateSpec) string {
	if l := launcher(t); l != nil {
		return l.Image
	}
	return ""
}

// KeepLauncher gives the desired template's launcher the image and the resources of the live one's
// if they differ in nothing else, so that a new operator restarts no pod. It is
// not for a pod that fails for that image.
func KeepLauncher(want, live *corev1.PodTemplateSpec) {
	if has := launcher(live); has != nil && RestartHash(want.Annotations) == RestartHash(live.Annotations) {
		keepLauncher(want, has.DeepCopy())
	}
}
