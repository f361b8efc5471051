// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Live reads single objects from the API server, past the caches. A cache is
// enough to decide to look, never to destroy: after a restart it may even be
// older than what the last operator saw. What is not there is nil and no error.
type Live interface {
	Pod(ctx context.Context, namespace, name string) (*corev1.Pod, error)
	Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error)
	StatefulSet(ctx context.Context, namespace, name string) (*appsv1.StatefulSet, error)
}

type live struct{ kube kubernetes.Interface }

func (l live) Pod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	return orMissing(l.kube.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{}))
}

func (l live) Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	return orMissing(l.kube.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{}))
}

func (l live) StatefulSet(ctx context.Context, namespace, name string) (*appsv1.StatefulSet, error) {
	return orMissing(l.kube.AppsV1().StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{}))
}

// orMissing turns NotFound into nil.
func orMissing[T any](o *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}
