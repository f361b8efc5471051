// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func electing() options {
	var o options
	o.addFlags(flag.NewFlagSet("", flag.ContinueOnError))
	o.electNamespace = "ns"
	return o
}

// leading leads, and works until it is told to end.
func leading(ctx context.Context, kube kubernetes.Interface, f *fence) (ended chan error) {
	working := make(chan struct{})
	ended = make(chan error, 1)
	go func() {
		ended <- lead(ctx, electing(), kube, f, func(ctx context.Context) {
			close(working)
			<-ctx.Done()
		})
	}()
	<-working
	return ended
}

// What was in hand is not sent from the moment on at which another holds the lease, though the work has not been told to end yet.
func TestFenceOfALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kube := fake.NewClientset()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var taken atomic.Bool // the fakes know no versions
		kube.PrependReactor("update", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
			lease := a.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease)
			if taken.Load() && *lease.Spec.HolderIdentity != "another" {
				return true, nil, apierrors.NewConflict(coordinationv1.Resource("leases"), lease.Name, errors.New("it has been modified"))
			}
			return false, nil, nil
		})
		var f fence
		ended := leading(ctx, kube, &f)
		require.NoError(t, f.open())
		leases := kube.CoordinationV1().Leases("ns")
		lease, err := leases.Get(ctx, "cell-controller-manager", metav1.GetOptions{})
		require.NoError(t, err)
		now := metav1.NowMicro()
		lease.Spec.HolderIdentity, lease.Spec.AcquireTime, lease.Spec.RenewTime = new("another"), &now, &now
		taken.Store(true)
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
		require.NoError(t, err)
		time.Sleep(3 * time.Second) // it has looked at the lease, and is not told to end before 10 s
		synctest.Wait()
		require.Empty(t, ended)
		assert.ErrorContains(t, f.open(), "another holds the lease")
		<-ended
	})
}

func TestLeadEnds(t *testing.T) {
	tests := map[string]struct {
		lose  bool // the lease, instead of being asked to stop
		hang  bool // the work does not end
		want  string
		limit time.Duration // from the stop, or from the last renewal
	}{
		"asked to":            {limit: time.Second},
		"asked to, hanging":   {hang: true, want: "has not ended 20s after the stop", limit: workLimit + time.Second},
		"lost lease":          {lose: true, want: "lost the lease", limit: 12 * time.Second},
		"lost lease, hanging": {lose: true, hang: true, want: "the lease was lost", limit: 12*time.Second + workLimit},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kube := fake.NewClientset()
				var lost atomic.Bool
				kube.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
					return lost.Load(), nil, errors.New("no way to the API server")
				})
				release := make(chan struct{})
				defer close(release)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				ended := make(chan error, 1)
				go func() {
					ended <- lead(ctx, electing(), kube, &fence{}, func(ctx context.Context) {
						<-ctx.Done()
						if c.hang {
							<-release
						}
					})
				}()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				require.Empty(t, ended)
				if c.lose {
					lost.Store(true)
				} else {
					stop()
				}
				time.Sleep(c.limit)
				synctest.Wait()
				require.Len(t, ended, 1, "it must end")
				err := <-ended
				if c.want == "" {
					require.NoError(t, err)
					lease, err := kube.CoordinationV1().Leases("ns").Get(t.Context(), "cell-controller-manager", metav1.GetOptions{})
					require.NoError(t, err)
					assert.Empty(t, *lease.Spec.HolderIdentity, "a standby need not wait")
					return
				}
				assert.ErrorContains(t, err, c.want)
			})
		})
	}
}

// Others count the lease's duration from a renewal, and not from when its answer came here.
func TestFenceCountsFromTheRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kube := fake.NewClientset()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var slow, cut atomic.Bool
		kube.PrependReactor("*", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
			if cut.Load() {
				return true, nil, errors.New("no route to host")
			}
			if a.GetVerb() == "update" && slow.Swap(false) {
				time.Sleep(8 * time.Second) // written at once, and answered late
			}
			return false, nil, nil
		})
		var f fence
		ended := leading(ctx, kube, &f)
		slow.Store(true)
		for slow.Load() {
			time.Sleep(time.Second)
		}
		cut.Store(true)
		time.Sleep(9 * time.Second)
		require.NoError(t, f.open(), "the renewal was sent less than 10 s ago")
		time.Sleep(3 * time.Second)
		require.Empty(t, ended, "it has not been told to end yet")
		require.ErrorContains(t, f.open(), "it was renewed")
		<-ended
	})
}
