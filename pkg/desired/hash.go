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
// restart: everything but the launcher's image and what only repeats the plan.
func setRestartHash(t *corev1.PodTemplateSpec) {
	bare := t.DeepCopy()
	setLauncherImage(bare, "")
	delete(bare.Annotations, naming.AnnotationHeartbeat)
	hash := Hash(bare)
	t.Annotations = merged(t.Annotations, map[string]string{naming.AnnotationRestartHash: hash})
}

func setLauncherImage(t *corev1.PodTemplateSpec, image string) {
	for i := range t.Spec.InitContainers {
		if t.Spec.InitContainers[i].Name == naming.InitContainerName {
			t.Spec.InitContainers[i].Image = image
		}
	}
}

// RestartHash is the hash that a pod or a template carries; "" if none.
func RestartHash(annotations map[string]string) string {
	return annotations[naming.AnnotationRestartHash]
}

// LauncherImage is the image of the launcher in a template; "" if there is none.
func LauncherImage(t *corev1.PodTemplateSpec) string {
	for i := range t.Spec.InitContainers {
		if t.Spec.InitContainers[i].Name == naming.InitContainerName {
			return t.Spec.InitContainers[i].Image
		}
	}
	return ""
}

// KeepLauncher gives the desired template the launcher's image of the live one
// if they differ in nothing else, so that a new operator restarts no pod. It is
// not for a pod that fails for that image.
func KeepLauncher(want, live *corev1.PodTemplateSpec) {
	image := LauncherImage(live)
	if image == "" || RestartHash(want.Annotations) != RestartHash(live.Annotations) {
		return
	}
	setLauncherImage(want, image)
}
