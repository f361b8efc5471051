// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// owned are the pods of an owner. Those of its labels without an owner become its own.
func (w *World) owned(selector *metav1.LabelSelector, owner metav1.OwnerReference) []*corev1.Pod {
	matches := labels.SelectorFromSet(selector.MatchLabels)
	var out []*corev1.Pod
	for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
		if !matches.Matches(labels.Set(p.Labels)) {
			continue
		}
		controller := metav1.GetControllerOfNoCopy(p)
		if controller == nil && p.DeletionTimestamp == nil {
			p = p.DeepCopy()
			p.OwnerReferences = append(p.OwnerReferences, owner)
			w.API.Replace(p, false)
			controller = &owner
		}
		if controller != nil && controller.UID == owner.UID {
			out = append(out, p)
		}
	}
	return out
}

// runSets is the controller of StatefulSets with pods that start in parallel and
// are restarted by nobody but their deleter.
func (w *World) runSets() {
	for _, s := range ct.ReadAll[appsv1.StatefulSet](w.API, Namespace) {
		if s.DeletionTimestamp != nil {
			continue
		}
		owner := *metav1.NewControllerRef(s, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))
		have := map[string]bool{}
		ready := int32(0)
		for _, p := range w.owned(s.Spec.Selector, owner) {
			have[p.Name] = true
			if view.PodReady(p) {
				ready++
			}
			ordinal, _ := naming.Ordinal(p.Name)
			switch {
			case p.DeletionTimestamp != nil:
			case ordinal >= *s.Spec.Replicas, p.Status.Phase == corev1.PodFailed:
				w.API.Delete(p, metav1.DeleteOptions{})
			}
		}
		for i := range *s.Spec.Replicas {
			if name := fmt.Sprintf("%s-%d", s.Name, i); !have[name] && pod(w, name) == nil {
				w.createMember(s, name, owner)
			}
		}
		next := s.DeepCopy()
		next.Status.ObservedGeneration, next.Status.Replicas, next.Status.ReadyReplicas = s.Generation, int32(len(have)), ready
		w.API.Replace(next, false)
	}
}

// createMember makes a pod and its claim. For a claim that is being deleted no pod is made.
func (w *World) createMember(s *appsv1.StatefulSet, name string, owner metav1.OwnerReference) {
	p := newPod(name, &s.Spec.Template, owner)
	for _, t := range s.Spec.VolumeClaimTemplates {
		claim := fmt.Sprintf("%s-%s", t.Name, name)
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: t.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}})
		live := ct.Read[corev1.PersistentVolumeClaim](w.API, Namespace, claim)
		if live != nil && live.DeletionTimestamp != nil {
			return
		}
		if live != nil {
			continue
		}
		c := t.DeepCopy()
		c.Namespace, c.Name, c.Finalizers = Namespace, claim, []string{protection}
		if c.Spec.StorageClassName == nil {
			class := Class
			c.Spec.StorageClassName = &class
		}
		c.Status.Phase = corev1.ClaimPending
		w.API.Put(c)
	}
	w.API.Put(p)
}

func newPod(name string, t *corev1.PodTemplateSpec, owner metav1.OwnerReference) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: name, Labels: maps.Clone(t.Labels), Annotations: maps.Clone(t.Annotations),
			OwnerReferences: []metav1.OwnerReference{owner}},
		Spec:   *t.Spec.DeepCopy(),
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
}

// runDeployments is the controller of Deployments, without ReplicaSets: pods of the
// new template come first, and old ones go one for each new one that is ready.
func (w *World) runDeployments() {
	for _, d := range ct.ReadAll[appsv1.Deployment](w.API, Namespace) {
		if d.DeletionTimestamp != nil {
			continue
		}
		owner := *metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))
		hash := desired.RestartHash(d.Spec.Template.Annotations)
		want := int32(1)
		if d.Spec.Replicas != nil {
			want = *d.Spec.Replicas
		}
		var fresh, old []*corev1.Pod
		ready := int32(0)
		for _, p := range w.owned(d.Spec.Selector, owner) {
			if p.DeletionTimestamp != nil {
				continue
			}
			if view.PodReady(p) {
				ready++
			}
			if desired.RestartHash(p.Annotations) == hash {
				fresh = append(fresh, p)
			} else {
				old = append(old, p)
			}
		}
		for i := int32(0); int32(len(fresh)) < want && i < 2*want+2; i++ {
			if name := fmt.Sprintf("%s-%s-%d", d.Name, hash[:6], i); pod(w, name) == nil {
				p := newPod(name, &d.Spec.Template, owner)
				w.API.Put(p)
				fresh = append(fresh, p)
			}
		}
		slices.SortStableFunc(old, func(a, b *corev1.Pod) int { return boolInt(view.PodReady(a)) - boolInt(view.PodReady(b)) })
		for _, p := range append(old, fresh[min(want, int32(len(fresh))):]...) {
			if view.PodReady(p) {
				if ready <= want {
					continue
				}
				ready--
			}
			w.API.Delete(p, metav1.DeleteOptions{})
		}
		next := d.DeepCopy()
		next.Status.ObservedGeneration, next.Status.Replicas, next.Status.ReadyReplicas = d.Generation, int32(len(fresh)+len(old)), ready
		next.Status.UpdatedReplicas, next.Status.AvailableReplicas = int32(len(fresh)), ready
		w.API.Replace(next, false)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// autoscale is the autoscaler, in a quiet hour: it only keeps to its limits.
func (w *World) autoscale() {
	for _, h := range ct.ReadAll[autoscalingv2.HorizontalPodAutoscaler](w.API, Namespace) {
		d := ct.Read[appsv1.Deployment](w.API, Namespace, h.Spec.ScaleTargetRef.Name)
		if d == nil || d.DeletionTimestamp != nil || h.DeletionTimestamp != nil {
			continue
		}
		have, least := int32(1), int32(1)
		if d.Spec.Replicas != nil {
			have = *d.Spec.Replicas
		}
		if h.Spec.MinReplicas != nil {
			least = *h.Spec.MinReplicas
		}
		want := min(max(have, least), h.Spec.MaxReplicas)
		if want == have && d.Spec.Replicas != nil {
			continue
		}
		next := d.DeepCopy()
		next.Spec.Replicas = &want
		_, err := w.API.OtherKube.AppsV1().Deployments(Namespace).Update(bg, next, metav1.UpdateOptions{FieldManager: "autoscaler"})
		if err != nil {
			w.Breach("the autoscaler cannot scale: %v", err)
		}
	}
}

// collectGarbage deletes what has owners that are all gone, and finishes orphaning.
func (w *World) collectGarbage() {
	uids := map[string]bool{}
	for _, o := range w.objects() {
		uids[string(o.GetUID())] = true
	}
	for _, s := range ct.ReadAll[appsv1.StatefulSet](w.API, Namespace) {
		if s.DeletionTimestamp != nil && slices.Contains(s.Finalizers, metav1.FinalizerOrphanDependents) {
			for _, p := range ct.ReadAll[corev1.Pod](w.API, Namespace) {
				if c := metav1.GetControllerOfNoCopy(p); c != nil && c.UID == s.UID {
					p = p.DeepCopy()
					p.OwnerReferences = nil
					w.API.Replace(p, false)
				}
			}
			w.API.Remove(s)
			delete(uids, string(s.UID))
		}
	}
	for _, o := range w.objects() {
		refs := o.GetOwnerReferences()
		if len(refs) == 0 || o.GetDeletionTimestamp() != nil || slices.ContainsFunc(refs, func(r metav1.OwnerReference) bool { return uids[string(r.UID)] }) {
			continue
		}
		w.API.Delete(o.(runtime.Object), metav1.DeleteOptions{})
	}
}
