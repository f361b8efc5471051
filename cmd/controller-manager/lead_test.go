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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func electing() options {
	var o options
	o.addFlags(flag.NewFlagSet("", flag.ContinueOnError))
	o.electNamespace = "ns"
	return o
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
