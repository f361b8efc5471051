// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

func pod(modify ...PodModifier) *corev1.Pod {
	return Pod(Cluster("demo"), naming.Store, 0, modify...)
}

// status changes the status of the pod's container.
func status(change func(*corev1.ContainerStatus)) PodModifier {
	return func(p *corev1.Pod) {
		Running(p)
		change(&p.Status.ContainerStatuses[0])
	}
}

func ended(code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message}}
}

func TestPodReady(t *testing.T) {
	assert.False(t, view.PodReady(pod()))
	assert.False(t, view.PodReady(pod(Running)))
	assert.True(t, view.PodReady(pod(Ready)))
	assert.False(t, view.PodReady(pod(Ready, Terminating)), "who is on the way out is not counted on")
}

func TestPodTrouble(t *testing.T) {
	initFails := func(p *corev1.Pod) {
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "install-launcher", State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such\n\timage"},
		}}}
		Waiting("PodInitializing", "")(p)
	}
	tests := map[string]struct {
		pod     *corev1.Pod
		kind    view.TroubleKind
		message string
	}{
		"just made":                 {pod(), view.NoTrouble, ""},
		"starting":                  {pod(Waiting("ContainerCreating", "")), view.NoTrouble, ""},
		"waiting without a reason":  {pod(Waiting("", "")), view.NoTrouble, ""},
		"running":                   {pod(Running), view.NoTrouble, ""},
		"ready":                     {pod(Ready), view.NoTrouble, ""},
		"no node":                   {pod(Unschedulable("0/3 nodes are available: 3 Insufficient memory.")), view.Unschedulable, "no node takes pod demo-store-0: 0/3 nodes are available: 3 Insufficient memory."},
		"no image":                  {pod(Waiting("ImagePullBackOff", `Back-off pulling image "x"`)), view.Failing, `pod demo-store-0, container store: ImagePullBackOff: Back-off pulling image "x"`},
		"no image for the launcher": {pod(initFails), view.Failing, "pod demo-store-0, container install-launcher: ErrImagePull: no such image"},
		"crashing":                  {pod(Crashing(255, "expected IP in URL")), view.Failing, "pod demo-store-0, container store: CrashLoopBackOff, it ended with exit code 255: expected IP in URL"},
		"crashing, silently":        {pod(Crashing(137, "")), view.Failing, "pod demo-store-0, container store: CrashLoopBackOff, it ended with exit code 137"},
		"crashed":                   {pod(status(func(s *corev1.ContainerStatus) { s.State = ended(2, "no such flag") })), view.Failing, "pod demo-store-0, container store: ended with exit code 2: no such flag"},
		"ended well":                {pod(status(func(s *corev1.ContainerStatus) { s.State = ended(0, "") })), view.NoTrouble, ""},
		"ran before":                {pod(status(func(s *corev1.ContainerStatus) { s.LastTerminationState = ended(1, "x") })), view.NoTrouble, ""},
		"evicted":                   {pod(Failed("Evicted", "the node was low on memory")), view.Failing, "pod demo-store-0 has failed: Evicted the node was low on memory"},
		"on the way out":            {pod(Crashing(1, "x"), Terminating), view.NoTrouble, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := test.pod.DeepCopy()
			assert.Equal(t, view.Trouble{Kind: test.kind, Message: test.message}, view.PodTrouble(test.pod))
			assert.Equal(t, before, test.pod, "the pod belongs to a cache")
		})
	}
}

// A quoted message is one line of bounded length, and text: what is not would
// differ from what the API server stored of it, so that each sync wrote the status.
func TestQuotedMessages(t *testing.T) {
	for name, message := range map[string]string{
		"long":           strings.Repeat("x", 1000),
		"long and wide":  strings.Repeat("ü", 1000),
		"wide and shift": "x" + strings.Repeat("ü", 1000),
		"lines":          strings.Repeat("a b\r\n", 1000),
		"not text":       "bad \xff\xfe bytes",
	} {
		t.Run(name, func(t *testing.T) {
			got := view.PodTrouble(pod(Crashing(1, message))).Message
			assert.True(t, utf8.ValidString(got), "%q", got)
			assert.Less(t, len(got), 500)
			assert.NotContains(t, got, "\n")
		})
	}
}

func TestPodBroken(t *testing.T) {
	tests := map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"ready":                        {pod(Age(time.Hour), Ready), false},
		"in trouble":                   {pod(Crashing(1, "x")), true},
		"in trouble on the way out":    {pod(Crashing(1, "x"), Terminating), false},
		"young":                        {pod(Age(20*time.Second), Running), false},
		"not ready for long":           {pod(Age(time.Hour), Running), true},
		"never scheduled for long":     {pod(Age(time.Hour)), true},
		"old, and not ready since now": {pod(Age(time.Hour), Ready, notReadySince(time.Second)), false},
		"old, not ready for long":      {pod(Age(time.Hour), Ready, notReadySince(2*time.Minute)), true},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, view.PodBroken(test.pod, Now()), name)
	}
}

func notReadySince(before time.Duration) PodModifier {
	return func(p *corev1.Pod) {
		for i := range p.Status.Conditions {
			if c := &p.Status.Conditions[i]; c.Type == corev1.PodReady {
				c.Status, c.LastTransitionTime.Time = corev1.ConditionFalse, Now().Add(-before)
			}
		}
	}
}
