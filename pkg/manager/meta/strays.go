// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meta

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Live reads single objects from the API server, past the caches, which see
// only what carries the operator's label.
type Live interface {
	// Pod and Claim are nil for what does not exist.
	Pod(ctx context.Context, namespace, name string) (*corev1.Pod, error)
	Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error)
}

const (
	// patience is how long something must have been missing before it is looked for. Caches
	// are never that far behind, and StatefulSets make what is missing within seconds.
	patience = 30 * time.Second
	// lookEvery is how far looks for the missing objects of a cluster are apart.
	lookEvery = time.Minute
)

// Stray is an ordinal of which the caches do not show the pod, or not the claim.
type Stray struct {
	Set     *view.Set
	Ordinal int32
	// Waiting is the pod that waits for the claim; nil if the pod itself is missing.
	Waiting *corev1.Pod
}

// DecideStrays are the members of which something has been missing for a while,
// and after how long to look again because something is missing only now.
func DecideStrays(c *view.Cluster) (strays []Stray, again time.Duration) {
	missing := func(since time.Time, s Stray) {
		if left := patience - c.Now.Sub(since); left <= 0 {
			strays = append(strays, s)
		} else if again == 0 || left < again {
			again = left
		}
	}
	unready := unreadySince(c)
	if unready.IsZero() {
		unready = c.Now // the status is about to say so
	}
	for _, set := range []*view.Set{&c.PD, &c.Store} {
		if set.Set == nil || set.Set.DeletionTimestamp != nil {
			continue
		}
		for ordinal := range set.Replicas() {
			pod, exists := set.Pod(ordinal)
			switch {
			case !exists:
				missing(unready, Stray{Set: set, Ordinal: ordinal})
			case set.Claims[ordinal] == nil && pod.DeletionTimestamp == nil:
				missing(pod.CreationTimestamp.Time, Stray{Set: set, Ordinal: ordinal, Waiting: pod.Pod})
			}
		}
	}
	return strays, again
}

// find looks for what is missing of a member, and brings it back into sight if
// it is there: somebody took its labels away. A pod that waits for a claim that is
// not there is deleted, so that its StatefulSet makes both anew.
func (m *Manager) find(ctx context.Context, c *view.Cluster, s Stray) error {
	ns, name := c.Object.Namespace, naming.Pod(c.Object.Name, s.Set.Component, s.Ordinal)
	labels := naming.Labels(c.Object.Name, s.Set.Component)
	if s.Waiting == nil {
		pod, err := m.live.Pod(ctx, ns, name)
		if err != nil {
			return fmt.Errorf("look for pod %s: %w", name, err)
		}
		if pod == nil || pod.DeletionTimestamp != nil || !madeFor(pod, s.Set) {
			return nil
		}
		return relabel(ctx, m, m.controls.Pods, c, "pod", pod, labels)
	}
	claimName := naming.Claim(c.Object.Name, s.Set.Component, s.Ordinal)
	claim, err := m.live.Claim(ctx, ns, claimName)
	if err != nil {
		return fmt.Errorf("look for volume claim %s: %w", claimName, err)
	}
	if claim != nil {
		return relabel(ctx, m, m.controls.Claims, c, "volume claim", claim, labels)
	}
	if s.Waiting.Spec.NodeName != "" {
		return nil // it has mounted its volume
	}
	if err := m.controls.Pods.Delete(ctx, s.Waiting); err != nil {
		return fmt.Errorf("set pod %s free: %w", name, err)
	}
	m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonRepairing,
		"Deleted pod %s, which waited for volume claim %s that is gone; its StatefulSet makes both anew", name, claimName)
	return nil
}

// relabel gives an object its labels back.
func relabel[T control.Object](ctx context.Context, m *Manager, patcher control.Patcher[T], c *view.Cluster, kind string, o T, want map[string]string) error {
	missing := lacking(nil, o, want)
	if len(missing) == 0 {
		return nil // the caches are late
	}
	if err := patcher.PatchMetadata(ctx, o, control.Metadata{Labels: missing[0].Labels}); err != nil {
		return err
	}
	m.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonRepairing,
		"Put the labels of %s %s back, by which it is found", kind, o.GetName())
	return nil
}

// madeFor tells whether a pod comes from a StatefulSet's template, and from no other's.
func madeFor(pod *corev1.Pod, set *view.Set) bool {
	owner := metav1.GetControllerOf(pod)
	return desired.RestartHash(pod.Annotations) != "" && (owner == nil || owner.UID == set.Set.UID)
}

// replacing tells whether a PD is being replaced, for which its volume goes.
func replacing(c *view.Cluster, pod string) bool {
	noted := desired.ReplacingIn(c.Start)
	return noted != nil && noted.Pod == pod
}

// noteLeaving says of a claim that is being deleted that a pod waits for its end, and that it is wrong if that takes long.
func noteLeaving(c *view.Cluster, r *manager.Result, pod string, claim *corev1.PersistentVolumeClaim) {
	// Kubernetes' own goes when it has noticed that the pod is gone.
	others := slices.DeleteFunc(slices.Clone(claim.Finalizers), func(f string) bool { return f == "kubernetes.io/pvc-protection" })
	left := view.Patience - c.Now.Sub(claim.DeletionTimestamp.Time)
	if len(others) == 0 || left > 0 {
		r.Wait(v1alpha1.ReasonWaitingForVolume, "pod %s comes when volume claim %s, which is being deleted, is gone", pod, claim.Name)
		r.LookAgain(max(left, 0) + time.Second)
		return
	}
	r.Problem(v1alpha1.ReasonWaitingForVolume, "pod %s comes when volume claim %s, which has been deleted, is gone; see who set these finalizers, which keep it: %s", pod, claim.Name, strings.Join(others, ", "))
}

// noteLost says which claims have lost their volumes. Nothing is done about them:
// whoever knows where the volume went can bring it back, or have the member replaced.
func noteLost(c *view.Cluster, r *manager.Result) {
	for _, set := range []*view.Set{&c.PD, &c.Store} {
		for ordinal := range set.Replicas() {
			claim := set.Claims[ordinal]
			pod, there := set.Pod(ordinal)
			if set.VolumeGoes(ordinal) && !there {
				noteLeaving(c, r, naming.Pod(c.Object.Name, set.Component, ordinal), claim)
			}
			if there && set.Doomed(ordinal) != nil && !replacing(c, pod.Name) {
				r.Problem(v1alpha1.ReasonWaitingForVolume,
					"volume claim %s has been deleted and goes as soon as pod %s stops, with all that is on it; the operator replaces the member first where it can, and does not restart it before",
					claim.Name, pod.Name)
			}
			if claim == nil || claim.Status.Phase != corev1.ClaimLost || claim.Annotations[naming.AnnotationReplacing] != "" {
				continue
			}
			r.Problem(v1alpha1.ReasonWaitingForVolume,
				"volume claim %s has lost its volume %s; bring the volume back, or have the member replaced: kubectl annotate pvc %s %s=true",
				claim.Name, claim.Spec.VolumeName, claim.Name, naming.AnnotationReplace)
		}
	}
}
