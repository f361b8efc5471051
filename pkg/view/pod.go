// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// PodReady tells whether a pod is ready and not on its way out.
func PodReady(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil {
		return false
	}
	c := podCondition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

func podCondition(p *corev1.Pod, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == t {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// Trouble is why a pod does not run. The zero value means that nothing is known to be wrong.
type Trouble struct {
	// Kind tells what sort of trouble it is.
	Kind TroubleKind
	// Message says what is wrong, in one sentence.
	Message string
}

// TroubleKind is a sort of trouble of a pod.
type TroubleKind string

// The kinds of trouble.
const (
	// NoTrouble: nothing is known to be wrong.
	NoTrouble TroubleKind = ""
	// Failing: a container cannot start, or ends again and again.
	Failing TroubleKind = "Failing"
	// Unschedulable: no node takes the pod.
	Unschedulable TroubleKind = "Unschedulable"
)

// PodBroken tells whether a pod is in trouble, or has not been ready for longer
// than Patience: one that starts, or misses a probe, is not broken.
func PodBroken(p *corev1.Pod, now time.Time) bool {
	if p.DeletionTimestamp != nil || PodReady(p) {
		return false
	}
	return PodTrouble(p).Kind != NoTrouble || NotReadyFor(p, now) > Patience
}

// WasReady tells whether a pod that is not ready has been: a kubelet says of a pod that it is not ready as soon as it
// begins with it, and again only when that has changed.
func WasReady(p *corev1.Pod) bool {
	c := podCondition(p, corev1.PodReady)
	return c != nil && c.Status != corev1.ConditionTrue && p.Status.StartTime != nil && c.LastTransitionTime.Sub(p.Status.StartTime.Time) > begins
}

// Restarts is how often a kubelet has started the component's program again in a pod.
func Restarts(p *corev1.Pod) int32 {
	if s := program(p); s != nil {
		return s.RestartCount
	}
	return 0
}

// HasFailed tells whether the component's program has ended with an error in a pod, also while it runs again.
func HasFailed(p *corev1.Pod) bool {
	s := program(p)
	return s != nil && s.RestartCount > 0 && s.LastTerminationState.Terminated != nil && s.LastTerminationState.Terminated.ExitCode != 0
}

// begins is how long a kubelet takes at most from a pod's start to the first word of it.
const begins = 3 * time.Second

// Evictable tells whether the disruption budgets let a store's pod be evicted at this moment.
func Evictable(p *corev1.Pod) bool { return p.Labels[naming.LabelEvictable] != "" }

// LauncherFails tells whether a pod does not even get its launcher, as with an image that does not exist.
func LauncherFails(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.InitContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.Name == naming.InitContainerName && containerTrouble(s) != ""
	})
}

// startingReasons are waiting reasons that pass by themselves.
var startingReasons = map[string]bool{"": true, "PodInitializing": true, "ContainerCreating": true}

// PodTrouble reads off a pod's status why it does not run.
func PodTrouble(p *corev1.Pod) Trouble {
	if p.DeletionTimestamp != nil {
		return Trouble{}
	}
	if c := podCondition(p, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable && !claimComing(c.Message) {
		return Trouble{Unschedulable, fmt.Sprintf("no node takes pod %s: %s", p.Name, oneLine(c.Message))}
	}
	for _, s := range append(p.Status.InitContainerStatuses[:len(p.Status.InitContainerStatuses):len(p.Status.InitContainerStatuses)], p.Status.ContainerStatuses...) {
		if message := containerTrouble(s); message != "" {
			return Trouble{Failing, fmt.Sprintf("pod %s, container %s: %s", p.Name, s.Name, message)}
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		return Trouble{Failing, fmt.Sprintf("pod %s has failed: %s", p.Name, oneLine(p.Status.Reason+" "+p.Status.Message))}
	}
	return Trouble{}
}

// claimComing tells whether a pod waits for its claim alone, which its StatefulSet
// is about to make.
func claimComing(message string) bool {
	return strings.Contains(message, "persistentvolumeclaim") && strings.Contains(message, "not found")
}

// containerTrouble says why a container does not run; "" if it does or is starting.
func containerTrouble(s corev1.ContainerStatus) string {
	w := s.State.Waiting
	if w != nil && !startingReasons[w.Reason] {
		message := w.Reason
		if last := s.LastTerminationState.Terminated; last != nil {
			return fmt.Sprintf("%s, it ended with exit code %d%s", message, last.ExitCode, because(telling(last.Message)))
		}
		return message + because(w.Message)
	}
	if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
		return fmt.Sprintf("ended with exit code %d%s", t.ExitCode, because(telling(t.Message)))
	}
	return ""
}

// alarm is what programs call the line of their log that says why they end.
var alarm = regexp.MustCompile(`(?i)\b(fatal|panic|error)\b`)

// telling is the line of a program's last words that tells most: the last that sounds like an alarm, or else the last of all.
func telling(message string) string {
	lines := strings.Split(strings.TrimSpace(message), "\n")
	for _, line := range slices.Backward(lines) {
		if alarm.MatchString(line) {
			return line
		}
	}
	return lines[len(lines)-1]
}

func because(message string) string {
	if message = oneLine(message); message == "" {
		return ""
	}
	return ": " + message
}

// longestReason bounds a quoted message, in bytes.
const longestReason = 300

// localPort is the near end of a connection in an error message. It changes
// with each attempt, and the status would with it.
var localPort = regexp.MustCompile(`\S+:\d+->`)

func oneLine(s string) string {
	s = localPort.ReplaceAllString(strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " "), "")
	if len(s) > longestReason {
		s = strings.ToValidUTF8(s[:longestReason], "") + "…" // a letter cut in two is no text
	}
	return s
}
