// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/deepfabric/elasticell-operator/pkg/manager/meta"
)

// live reads what the caches do not show.
type live struct{ kube kubernetes.Interface }

var _ meta.Live = live{}

// Pod implements meta.Live.
func (l live) Pod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	return orMissing(l.kube.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{}))
}

// Claim implements meta.Live.
func (l live) Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	return orMissing(l.kube.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{}))
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
