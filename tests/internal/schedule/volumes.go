// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// insecure does not ask for kube-scheduler's certificate, which it has made itself.
var insecure = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a loopback address

// Class is the storage class of local volumes that are made when a pod has a node.
const Class = "made-locally"

const (
	provisioner  = "test.cell.deepfabric.com/local"
	selectedNode = "volume.kubernetes.io/selected-node"
)

// MakeVolumes plays a provisioner of local volumes until ctx ends: kube-scheduler names a
// node, and from then on the claim can never be used elsewhere.
func MakeVolumes(ctx context.Context, kube kubernetes.Interface) (stop func() error, err error) {
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	_, err = kube.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: Class}, Provisioner: provisioner, VolumeBindingMode: &mode,
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("make storage class: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var failures []error
	var running sync.WaitGroup
	made := map[string]bool{}
	factory := informers.NewSharedInformerFactory(kube, 0)
	see := func(o any) {
		claim, ok := o.(*corev1.PersistentVolumeClaim)
		if !ok || claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName != Class || claim.Spec.VolumeName != "" {
			return
		}
		name, node := "pv-"+string(claim.UID), claim.Annotations[selectedNode]
		mu.Lock()
		defer mu.Unlock()
		if node == "" || made[name] {
			return
		}
		made[name] = true
		running.Go(func() {
			if _, err := kube.CoreV1().PersistentVolumes().Create(ctx, volume(name, node, claim), metav1.CreateOptions{}); err != nil && ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, fmt.Errorf("make volume: %w", err))
			}
		})
	}
	if _, err := factory.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: see, UpdateFunc: func(_, o any) { see(o) },
	}); err != nil {
		cancel()
		return nil, fmt.Errorf("watch claims: %w", err)
	}
	factory.Start(ctx.Done())
	return func() error {
		cancel()
		factory.Shutdown()
		running.Wait()
		return errors.Join(failures...)
	}, nil
}

func volume(name, node string, claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: claim.Spec.Resources.Requests, AccessModes: claim.Spec.AccessModes, StorageClassName: Class,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/volumes/" + name}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}},
			}}}},
		},
	}
}
