// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package volume_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/volume"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// sized asks for a size of the stores' volumes.
func sized(size string) func(*v1alpha1.CellCluster) {
	return func(c *v1alpha1.CellCluster) {
		c.Spec.Store.Requests = &v1alpha1.ResourceRequirement{Storage: new(resource.MustParse(size))}
	}
}

// expandable makes the class of all claims let volumes grow, or not.
func expandable(f *Fakes, allowed *bool) {
	class := Class("local-storage")
	class.AllowVolumeExpansion = allowed
	f.Add(class)
}

func syncVolumes(t *testing.T, f *Fakes, c *v1alpha1.CellCluster) (manager.Result, error) {
	t.Helper()
	return volume.NewManager(f.Controls()).Sync(t.Context(), f.View(c, PDState(c, Stores(c.Spec.Store.Replicas))))
}

func sizeOf(f *Fakes, claim string) string {
	size := f.Claims.Get(Namespace, claim).Spec.Resources.Requests[corev1.ResourceStorage]
	return size.String()
}

func TestVolumesGrow(t *testing.T) {
	f := Settled(Cluster("demo", Bootstrapped, sized("1Gi")))
	expandable(f, new(true))
	c := Cluster("demo", Bootstrapped, sized("2Gi"))

	r, err := syncVolumes(t, f, c)
	require.NoError(t, err)
	assert.Empty(t, r.Problems)
	assert.Equal(t, []string{"resize PersistentVolumeClaim data-demo-store-0", "resize PersistentVolumeClaim data-demo-store-1", "resize PersistentVolumeClaim data-demo-store-2"}, f.Writes())
	assert.Equal(t, "2Gi", sizeOf(f, "data-demo-store-1"))
	assert.Equal(t, []manager.Note{{Reason: v1alpha1.ReasonWaitingForVolume, Message: "growing the volumes of store to 2Gi"}}, r.Waits, "not ready before that is done")
	assert.Equal(t, []string{"Normal Resized: Grew 3 volume claims of store to 2Gi"}, f.Events.All())

	f.Reset()
	r, err = syncVolumes(t, f, c)
	require.NoError(t, err)
	assert.Equal(t, []string{"delete alone StatefulSet demo-store"}, f.Writes(), "then the template of new claims")
	assert.Len(t, r.Waits, 1)
	assert.Len(t, f.Pods.List(Namespace, "demo"), 8, "nobody stops")

	f.Reset()
	f.ApplySets(c)
	f.Reset()
	r, err = syncVolumes(t, f, c)
	require.NoError(t, err)
	assert.Empty(t, f.Writes(), "and that is all")
	assert.Empty(t, r.Waits)
}

func TestVolumesThatDoNotGrow(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "x", errors.New("only dynamically provisioned pvc can be resized"))
	claim := func(ordinal int32, modify ...func(*corev1.PersistentVolumeClaim)) func(*Fakes) {
		return func(f *Fakes) { f.Add(Claim(Cluster("demo", sized("1Gi")), naming.Store, ordinal, modify...)) }
	}
	tests := map[string]struct {
		stand   func(*Fakes)
		writes  []string
		problem string
		err     string
	}{
		"the class does not allow it": {
			func(f *Fakes) { expandable(f, new(false)) }, nil,
			"StorageClass local-storage of volume claim data-demo-store-0 does not allow expansion", "",
		},
		"the class does not say": {func(f *Fakes) { expandable(f, nil) }, nil, "does not allow expansion", ""},
		"the class is not known: it is tried": {
			func(f *Fakes) { f.Claims.SetError(Resize, forbidden) }, nil,
			"spec.store.requests.storage: volume claim data-demo-store-0 cannot grow; if it is for a quota, raise that, else set the size back or use a StorageClass that allows expansion", "",
		},
		"without a class": {
			claim(0, func(p *corev1.PersistentVolumeClaim) { p.Spec.StorageClassName = new("") }),
			[]string{"resize PersistentVolumeClaim data-demo-store-1", "resize PersistentVolumeClaim data-demo-store-2"},
			"volume claim data-demo-store-0 has no StorageClass", "",
		},
		"not bound yet": {
			claim(1, func(p *corev1.PersistentVolumeClaim) { p.Status.Phase = corev1.ClaimPending }),
			[]string{"resize PersistentVolumeClaim data-demo-store-0", "resize PersistentVolumeClaim data-demo-store-2"}, "", "",
		},
		"one write fails, the others are done": {
			func(f *Fakes) { f.Claims.SetError(Resize, errors.New("etcd is gone")).After(2) },
			[]string{"resize PersistentVolumeClaim data-demo-store-0", "resize PersistentVolumeClaim data-demo-store-1"}, "", "etcd is gone",
		},
		"all writes fail": {func(f *Fakes) { f.Claims.SetError(Resize, errors.New("etcd is gone")) }, nil, "", "etcd is gone"},
		"a removed store's does not grow, nor one on its way out": {
			func(f *Fakes) {
				claim(2, Retired)(f)
				claim(1, func(p *corev1.PersistentVolumeClaim) { p.DeletionTimestamp = &metav1.Time{Time: Now()} })(f)
			},
			[]string{"resize PersistentVolumeClaim data-demo-store-0"}, "", "",
		},
		"those that are greater stay": {
			func(f *Fakes) { claim(0, OfSize("5Gi"))(f); claim(1, OfSize("2048Mi"))(f) },
			[]string{"resize PersistentVolumeClaim data-demo-store-2"}, "", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// Several times: what is said must not depend on chance.
			for range 5 {
				f := Settled(Cluster("demo", Bootstrapped, sized("1Gi")))
				test.stand(f)
				r, err := syncVolumes(t, f, Cluster("demo", Bootstrapped, sized("2Gi")))
				assert.Equal(t, test.writes, emptyAsNil(f.Writes()))
				if test.err == "" {
					assert.NoError(t, err)
				} else {
					assert.ErrorContains(t, err, test.err)
				}
				assert.Equal(t, name == "not bound yet", slices.ContainsFunc(r.Waits, func(n manager.Note) bool {
					return strings.Contains(n.Message, "volume claim data-demo-store-1 has no volume yet")
				}), "as in every scale-out: nothing is wrong")
				if test.problem == "" {
					assert.Empty(t, r.Problems)
				} else if assert.Len(t, r.Problems, 1) {
					assert.Equal(t, v1alpha1.ReasonInvalidSpec, r.Problems[0].Reason)
					assert.Contains(t, r.Problems[0].Message, test.problem)
				}
				assert.Equal(t, strings.Contains(test.problem, "quota"), r.Again > 0, "nothing tells of a quota that was raised")
				if len(test.writes) == 0 {
					assert.Empty(t, f.Events.All(), "nothing grew")
				}
			}
		})
	}
}

func emptyAsNil(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return lines
}

func TestTooSmall(t *testing.T) {
	tests := map[string]bool{"1Gi": true, "2Gi": false, "2048Mi": false, "3Gi": false, "2147483647": true}
	for have, want := range tests {
		p := Claim(Cluster("demo"), naming.Store, 0, OfSize(have))
		assert.Equal(t, want, volume.TooSmall(p, resource.MustParse("2Gi")), have)
	}
}

// A StatefulSet that is on its way out is waited for, and not deleted again.
func TestReplacementIsAwaited(t *testing.T) {
	f := Settled(Cluster("demo", Bootstrapped, sized("1Gi")))
	expandable(f, new(true))
	for i := range int32(3) {
		f.Add(Claim(Cluster("demo"), naming.Store, i, OfSize("2Gi")))
	}
	set := f.StatefulSets.Get(Namespace, "demo-store").DeepCopy()
	set.DeletionTimestamp = &metav1.Time{Time: Now()}
	f.Add(set)
	r, err := syncVolumes(t, f, Cluster("demo", Bootstrapped, sized("2Gi")))
	require.NoError(t, err)
	assert.Empty(t, f.Writes())
	assert.Equal(t, []manager.Note{{Reason: v1alpha1.ReasonWaitingForVolume, Message: "replacing StatefulSet demo-store, so that new volumes have 2Gi"}}, r.Waits)
}
