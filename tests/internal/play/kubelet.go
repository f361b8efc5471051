// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

const (
	// MissingImages begin the names of images that cannot be pulled.
	MissingImages = "missing/"
	// CrashingImages begin the names of images whose program ends at once.
	CrashingImages = "crashing/"
	// NodeCPU is how many cores a node has: a pod that asks for more fits nowhere.
	NodeCPU = 16

	// lookAgain is how long the kubelet waits for something that no event tells it about.
	lookAgain = 50 * time.Millisecond
	// restartAfter is after how long a program that has ended is started again.
	restartAfter = 500 * time.Millisecond
)

// step takes a pod one step further on its way: to a node, up, to ready, or
// down. It returns after how long to look again, 0 for the next event of the pod.
func (w *World) step(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	pod, err := w.pods.Pods(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		w.stop(key)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	switch {
	case pod.DeletionTimestamp != nil:
		w.stop(key)
		return 0, w.remove(ctx, pod)
	case pod.Spec.NodeName == "":
		if why := w.unschedulable(pod); why != "" {
			return lookAgain, w.report(ctx, pod, pending(pod, why))
		}
		return 0, w.bind(ctx, pod)
	}
	if why := containerTrouble(pod.Spec.Containers[0].Image); why != nil {
		return 0, w.report(ctx, pod, failing(pod, *why))
	}
	ip := w.start(pod)
	ready, err := w.serve(pod, ip)
	if dead := (*crash)(nil); errors.As(err, &dead) {
		return restartAfter, w.report(ctx, pod, failing(pod, crashed(dead.Error())))
	}
	if err != nil {
		return 0, err
	}
	if err := w.report(ctx, pod, running(pod, ip, ready)); err != nil || ready {
		return 0, err
	}
	return lookAgain, nil
}

// unschedulable says, in the scheduler's words, why no node takes a pod; "" if one does.
func (w *World) unschedulable(pod *corev1.Pod) string {
	cpu := resource.NewQuantity(NodeCPU, resource.DecimalSI)
	if pod.Spec.Containers[0].Resources.Requests.Cpu().Cmp(*cpu) > 0 {
		return fmt.Sprintf("0/%d nodes are available: %d Insufficient cpu.", w.nodes, w.nodes)
	}
	claim := w.claim(pod)
	if name := claimName(pod); claim == nil && name != "" {
		return fmt.Sprintf("persistentvolumeclaim %q not found", name)
	}
	if claim == nil || claim.Spec.StorageClassName == nil {
		return ""
	}
	if _, err := w.classes.Get(*claim.Spec.StorageClassName); apierrors.IsNotFound(err) {
		return fmt.Sprintf("storageclass.storage.k8s.io %q not found", *claim.Spec.StorageClassName)
	}
	return ""
}

// claimName is the name of the claim that a pod mounts, "" if it mounts none.
func claimName(pod *corev1.Pod) string {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			return v.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// claim is a pod's claim, nil if there is none.
func (w *World) claim(pod *corev1.Pod) *corev1.PersistentVolumeClaim {
	name := claimName(pod)
	if name == "" {
		return nil
	}
	claim, err := w.claims.PersistentVolumeClaims(pod.Namespace).Get(name)
	if err != nil {
		return nil
	}
	return claim
}

// provision makes the volume of a claim, where volumes are played.
func (w *World) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if !w.Volumes || claim.Spec.VolumeName != "" {
		return nil
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv-" + string(claim.UID)},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: claim.Spec.Resources.Requests, AccessModes: claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/played"}},
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
		},
	}
	if _, err := w.kube.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make volume: %w", err)
	}
	body := fmt.Appendf(nil, `{"spec":{"volumeName":%q}}`, volume.Name)
	if _, err := w.kube.CoreV1().PersistentVolumeClaims(claim.Namespace).Patch(ctx, claim.Name, types.MergePatchType, body, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("bind claim to its volume: %w", err)
	}
	return nil
}

// bind gives a pod a node, by its ordinal or in turn, and binds its claim.
func (w *World) bind(ctx context.Context, pod *corev1.Pod) error {
	if claim := w.claim(pod); claim != nil && claim.Status.Phase != corev1.ClaimBound {
		if err := w.provision(ctx, claim); err != nil {
			return err
		}
		status := corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, AccessModes: claim.Spec.AccessModes, Capacity: claim.Spec.Resources.Requests}
		body, err := json.Marshal(map[string]any{"status": status})
		if err != nil {
			return fmt.Errorf("encode claim: %w", err)
		}
		if _, err := w.kube.CoreV1().PersistentVolumeClaims(pod.Namespace).Patch(ctx, claim.Name, types.MergePatchType, body, metav1.PatchOptions{}, "status"); err != nil {
			return fmt.Errorf("bind claim: %w", err)
		}
	}
	node, ok := naming.Ordinal(pod.Name)
	if !ok {
		node = int32(len(pod.Name)) + int32(pod.Name[len(pod.Name)-1])
	}
	err := w.kube.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: nodeName(int(node)%w.nodes + 1)},
	}, metav1.CreateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // bound already, or gone: the event is on its way
	}
	return err
}

func (w *World) remove(ctx context.Context, pod *corev1.Pod) error {
	now := int64(0)
	err := w.kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// report writes a pod's status, if it differs.
func (w *World) report(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if equality.Semantic.DeepEqual(status, pod.Status) {
		return nil
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	_, err = w.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, body, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// containerTrouble is what a kubelet says of a container whose image is no good; nil for a good one.
func containerTrouble(image string) *corev1.ContainerStatus {
	switch {
	case strings.HasPrefix(image, MissingImages):
		return &corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
			Reason: "ImagePullBackOff", Message: fmt.Sprintf("Back-off pulling image %q", image)}}}
	case strings.HasPrefix(image, CrashingImages):
		status := crashed("the data directory is damaged")
		return &status
	}
	return nil
}

// crashed is what a kubelet says of a container that ends again and again.
func crashed(of string) corev1.ContainerStatus {
	return corev1.ContainerStatus{RestartCount: 3,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
			Reason: "CrashLoopBackOff", Message: "back-off 40s restarting failed container"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: 1, Reason: "Error", Message: of}},
	}
}
