// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// Settled makes fakes whose caches show all that there is of a bootstrapped
// cluster when nothing is left to do: every object as it is wanted, every pod ready
// and told its location, every claim bound.
func Settled(c *v1alpha1.CellCluster) *Fakes {
	f := New()
	ctx := context.Background()
	for _, component := range naming.Components() {
		for _, s := range desired.Services(c, component) {
			mustApply(f.Services.Apply(ctx, s, nil))
		}
		for _, b := range desired.Budgets(c, component) {
			mustApply(f.Budgets.Apply(ctx, b, nil))
		}
	}
	f.ApplySets(c)
	join := launch.Join{State: launch.JoinExisting}
	for i := range c.Spec.PD.Replicas {
		join.Members = append(join.Members, desired.PDMember(c, i))
		f.Add(Pod(c, naming.PD, i, Ready), Claim(c, naming.PD, i))
	}
	start, err := desired.StartConfigMap(c, join, nil)
	must(err)
	mustApply(f.ConfigMaps.Apply(ctx, start, nil))
	for i := range c.Spec.Store.Replicas {
		f.Add(Pod(c, naming.Store, i, Ready, At("default", fmt.Sprintf("node-%d", i))), Claim(c, naming.Store, i))
	}
	for i := range c.Spec.Proxy.Replicas {
		f.Add(Pod(c, naming.Proxy, i, Ready, Named(fmt.Sprintf("%s-7d9f-%d", naming.Member(c.Name, naming.Proxy), i))))
	}
	f.Reset()
	return f
}

// ApplySets brings the StatefulSets and the Deployment to what a cluster wants now.
func (f *Fakes) ApplySets(c *v1alpha1.CellCluster) {
	ctx := context.Background()
	pd, err := desired.PDStatefulSet(c, c.Spec.PD.Replicas, LauncherImage)
	must(err)
	mustApply(f.StatefulSets.Apply(ctx, pd, f.StatefulSets.Get(pd.Namespace, pd.Name)))
	store, err := desired.StoreStatefulSet(c, c.Spec.Store.Replicas, LauncherImage)
	must(err)
	mustApply(f.StatefulSets.Apply(ctx, store, f.StatefulSets.Get(store.Namespace, store.Name)))
	proxy, err := desired.ProxyDeployment(c, &c.Spec.Proxy.Replicas, LauncherImage)
	must(err)
	mustApply(f.Deployments.Apply(ctx, proxy, f.Deployments.Get(proxy.Namespace, proxy.Name)))
}

func mustApply(_ bool, err error) { must(err) }

// Claim makes a bound claim of a member, of the size that the spec asks for.
func Claim(c *v1alpha1.CellCluster, component naming.Component, ordinal int32, modify ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	spec := &c.Spec.PD.ComponentSpec
	if component == naming.Store {
		spec = &c.Spec.Store.ComponentSpec
	}
	p := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.Namespace, Name: naming.Claim(c.Name, component, ordinal), Labels: naming.Labels(c.Name, component),
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName:       fmt.Sprintf("pv-%s-%d", component, ordinal),
			StorageClassName: new("local-storage"),
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: desired.Storage(spec)}},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	for _, m := range modify {
		m(p)
	}
	return p
}

// Retired makes a claim be a removed member's.
func Retired(p *corev1.PersistentVolumeClaim) {
	p.Annotations = map[string]string{naming.AnnotationRetired: "7"}
}

// OfSize makes a claim ask for a size.
func OfSize(size string) func(*corev1.PersistentVolumeClaim) {
	return func(p *corev1.PersistentVolumeClaim) {
		p.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse(size)
	}
}
