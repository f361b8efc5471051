// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package meta looks after what is written on pods, claims and volumes: the ids
// of cluster, members and stores, and the labels by which they are found.
package meta

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Manager manages metadata.
type Manager struct {
	controls *control.Controls
	live     Live
	// after is how long a cluster must have been ready before ids are written, so
	// that they delay nothing that matters.
	after time.Duration
	// looked is when a cluster's missing objects were looked for last.
	looked *lru.Cache
	// volumesRefused: the operator may not write volumes; it is not asked again.
	volumesRefused atomic.Bool
}

var _ manager.Manager = (*Manager)(nil)

// looksKept bounds the memory of looks; one that is forgotten is only made sooner.
const looksKept = 4096

// NewManager makes a Manager that writes ids once a cluster has been ready for a while.
func NewManager(controls *control.Controls, live Live, after time.Duration) *Manager {
	return &Manager{controls: controls, live: live, after: after, looked: lru.New(looksKept)}
}

// Problems implements manager.Manager.
func (m *Manager) Problems(c *view.Cluster) manager.Result {
	var r manager.Result
	noteLost(c, &r)
	return manager.Broken(r)
}

// Sync implements manager.Manager. Nothing here disrupts anybody.
func (m *Manager) Sync(ctx context.Context, c *view.Cluster) (manager.Result, error) {
	var r manager.Result
	noteLost(c, &r)
	return r, errors.Join(m.label(ctx, c, &r), m.findStrays(ctx, c, &r))
}

// label writes the ids that are missing, once nothing else goes on, or has not for a minute: they tell that a claim
// holds data, should the cluster be deleted and made again.
func (m *Manager) label(ctx context.Context, c *view.Cluster, r *manager.Result) error {
	labels := DecideLabels(c)
	if m.volumesRefused.Load() {
		labels.Volumes = nil
	}
	if labels.Empty() {
		return nil
	}
	since, rest := readySince(c), m.after
	if since.IsZero() {
		since, rest = unreadySince(c), max(m.after, time.Minute)
	}
	if since.IsZero() {
		since = c.Now
	}
	if left := rest - c.Now.Sub(since); left > 0 {
		r.LookAgain(min(left, m.after)) // nobody tells when the status is written that says that it is ready
		return nil
	}
	return errors.Join(
		write(ctx, m.controls.Pods, labels.Pods),
		write(ctx, m.controls.Claims, labels.Claims),
		m.labelVolumes(ctx, labels.Volumes),
	)
}

func write[T control.Object](ctx context.Context, patcher control.Patcher[T], list []Labelled[T]) error {
	var errs []error
	for _, x := range list {
		errs = append(errs, patcher.PatchMetadata(ctx, x.Object, control.Metadata{Labels: x.Labels}))
	}
	return errors.Join(errs...)
}

// labelVolumes gives up for good where volumes may only be read.
func (m *Manager) labelVolumes(ctx context.Context, list []Labelled[*corev1.PersistentVolume]) error {
	for _, x := range list {
		err := m.controls.Volumes.PatchMetadata(ctx, x.Object, control.Metadata{Labels: x.Labels})
		if apierrors.IsForbidden(err) {
			m.volumesRefused.Store(true)
			return nil
		}
		if err != nil {
			return fmt.Errorf("label volume: %w", err)
		}
	}
	return nil
}

// findStrays looks for what is missing, if something is, and not too often.
func (m *Manager) findStrays(ctx context.Context, c *view.Cluster, r *manager.Result) error {
	strays, again := DecideStrays(c)
	r.LookAgain(again)
	if len(strays) == 0 {
		return nil
	}
	k := types.NamespacedName{Namespace: c.Object.Namespace, Name: c.Object.Name}
	if last, ok := m.looked.Get(k); ok {
		if wait := lookEvery - c.Now.Sub(last.(time.Time)); wait > 0 {
			r.LookAgain(wait)
			return nil
		}
	}
	m.looked.Add(k, c.Now)
	r.LookAgain(lookEvery)
	var errs []error
	for _, s := range strays {
		errs = append(errs, m.find(ctx, c, s))
	}
	return errors.Join(errs...)
}
