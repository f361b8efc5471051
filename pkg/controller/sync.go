// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// lookAgain is how long a sync waits for the caches to show the last one's writes,
// if no event comes first.
const lookAgain = 250 * time.Millisecond

// sync brings one cluster closer to its spec:
//
//  1. wait until the caches show what the last sync wrote
//  2. read everything into one view
//  3. a cluster that is being deleted is left to the garbage collector
//  4. each manager decides and acts, PD before stores before proxies; a paused cluster is left alone
//  5. the first operation that has something to do takes its next step, if nothing is being repaired
//  6. see that PD is polled, often while anything is awaited
//  7. write the status, if it differs
//
// It returns after how long to look again, 0 for when something changes.
func (c *Controller) sync(ctx context.Context, k types.NamespacedName) (time.Duration, error) {
	object := c.sources.Cluster(k)
	if object == nil {
		c.forget(k)
		return 0, nil
	}
	if settled, ref := c.pending.Settled(k, c.sources.lookup(k)); !settled {
		klog.FromContext(ctx).V(4).Info("Waiting for the cache", "kind", ref.Kind, "object", ref.Name)
		return lookAgain, nil
	}
	if before, seen := c.uids.Load(k); seen && before != object.UID {
		c.forget(k) // it was deleted and made again between two looks
	}
	c.uids.Store(k, object.UID)
	v := c.view(object)
	former := v.Former()

	var result manager.Result
	var errs []error
	switch {
	case v.Object.DeletionTimestamp != nil:
		c.poller.Forget(k.String())
		c.abandoned(k)
		return c.status.write(ctx, v, manager.Result{}, object)
	case former != "":
		// What its PDs say is not about this one, and their data goes.
		c.poller.Forget(k.String())
		c.abandoned(k)
		result.Wait(v1alpha1.ReasonNameConflict, "%s", view.FormerWait(former))
		result.LookAgain(lookAgain)
		v.State = nil
		again, err := c.status.write(ctx, v, result, object)
		result.LookAgain(again)
		return result.Again, err
	case v.Object.Spec.Paused:
		c.abandoned(k)
		for _, m := range c.managers {
			result.Merge(m.Problems(v))
		}
	case v.ForeignPD() != "":
		result.Problem(v1alpha1.ReasonPDClusterChanged, "%s", v.ForeignPD())
	case v.PD.Set == nil && !v.Bootstrapped() && len(v.MissingClasses) > 0:
		// A cluster that cannot have all its volumes is not begun.
		member.NoteClasses(&result, v, naming.PD, v.Object.Spec.PD.StorageClassName)
		member.NoteClasses(&result, v, naming.Store, v.Object.Spec.Store.StorageClassName)
	default:
		for _, m := range c.managers {
			r, err := m.Sync(ctx, v)
			result.Merge(r)
			errs = append(errs, err)
		}
		err := c.advance(ctx, v, &result)
		c.tell(k, v, &result, err)
		errs = append(errs, err)
	}
	c.watchPD(k, v, result)
	failed := errors.Join(errs...)
	if apierrors.HasStatusCause(failed, corev1.NamespaceTerminatingCause) {
		return 0, nil // nothing can be made here any more, and what there is goes by itself
	}
	if v.Bootstrapped() && v.State == nil && len(endpoints(v)) > 0 {
		// This operator has just started. What the last one knew stands until PD has been asked.
		return result.Again, failed
	}
	noteFailure(&result, failed, c.queue.NumRequeues(k))
	c.explainer.explain(object, result)
	again, err := c.status.write(ctx, v, result, object)
	result.LookAgain(again)
	return result.Again, errors.Join(failed, err)
}

// advance takes the next step of the one operation that is under way. A
// repair goes first: it has just changed what the view shows.
func (c *Controller) advance(ctx context.Context, v *view.Cluster, r *manager.Result) error {
	if slices.ContainsFunc(r.Waits, func(n manager.Note) bool { return n.Reason == v1alpha1.ReasonRepairing }) {
		return nil
	}
	return manager.Advance(ctx, v, c.operations, r)
}

// view reads everything about a cluster once.
func (c *Controller) view(object *v1alpha1.CellCluster) *view.Cluster {
	own := object.DeepCopy()
	v1alpha1.SetDefaults(own)
	for _, class := range []**string{&own.Spec.PD.StorageClassName, &own.Spec.Store.StorageClassName} {
		if *class == nil && c.options.DefaultStorageClass != "" {
			*class = &c.options.DefaultStorageClass
		}
	}
	image := own.Spec.LauncherImage
	if image == "" {
		image = c.options.LauncherImage
	}
	state := c.poller.Get(own.Namespace + "/" + own.Name)
	return view.Build(c.sources, own, state, image, c.clock.Now())
}

// watchPD has PD polled as soon as one of its pods has an address.
func (c *Controller) watchPD(k types.NamespacedName, v *view.Cluster, r manager.Result) {
	urls := endpoints(v)
	if len(urls) == 0 {
		c.poller.Forget(k.String())
		return
	}
	c.poller.Ensure(k.String(), pdstate.Target{
		Endpoints:      urls,
		Busy:           slices.ContainsFunc(r.Waits, waitsForPD) && !podsFirst(v) || youngLeader(v),
		Ready:          int(v.PD.Ready() + v.Store.Ready()),
		HeartbeatLimit: v.HeartbeatLimit(),
		WantCells:      silentStores(v),
	})
}

// youngLeader tells whether PD answers, but leads for too short a time to know its stores.
func youngLeader(v *view.Cluster) bool { return v.PDSilent() == "" && v.PDUnknown() != "" }

// silentStores tells whether a store does not report, so that what the cells say of it matters.
func silentStores(v *view.Cluster) bool {
	return v.PDUnknown() == "" && slices.ContainsFunc(v.Stores(), func(s pdapi.Store) bool { return v.SilentFor(&s) > 0 })
}

// podsFirst tells whether a cluster that comes to be waits for pods before PD can have
// any news. Polls would find nothing: the pods' readiness has PD polled at once.
func podsFirst(v *view.Cluster) bool {
	if v.Proxy.Deployment != nil {
		return false
	}
	switch {
	case v.PDSilent() != "":
		return 2*v.PD.Ready() <= v.PD.Replicas()
	case !v.State.System.AlreadyBootstrapped:
		return v.State.System.InitParams != nil && v.Store.Ready() == 0
	}
	return v.Store.Ready() < v.Store.Replicas() && int32(len(v.UpStores())) >= v.Store.Ready()
}

// waitsForPD tells whether PD will show the end of a wait.
func waitsForPD(n manager.Note) bool {
	switch n.Reason {
	case v1alpha1.ReasonWaitingForPD, v1alpha1.ReasonInitializing, v1alpha1.ReasonWaitingForBootstrap,
		v1alpha1.ReasonWaitingForStores, v1alpha1.ReasonWaitingForReplicas,
		v1alpha1.ReasonScaling, v1alpha1.ReasonRollingUpdate, v1alpha1.ReasonRepairing, v1alpha1.ReasonReplacing, v1alpha1.ReasonNodeDrain:
		return true
	}
	return false
}

// forget drops all that is kept about a cluster that is gone.
func (c *Controller) forget(k types.NamespacedName) {
	c.uids.Delete(k)
	c.poller.Forget(k.String())
	c.pending.Forget(k)
	c.status.forget(k)
	c.explainer.forget(k)
	c.abandoned(k)
}
