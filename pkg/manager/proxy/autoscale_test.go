// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager/proxy"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

func autoscaled(c *v1alpha1.CellCluster) {
	c.Spec.Proxy.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 8}
	v1alpha1.SetDefaults(c)
}

// handedOver makes the Deployment be an autoscaler's, which asks for so many proxies.
func handedOver(f *Fakes, replicas int32) {
	d := f.Deployments.Get(Namespace, "demo-proxy").DeepCopy()
	d.Annotations[naming.AnnotationAutoscaled], d.Spec.Replicas = "true", &replicas
	f.Add(d)
}

func TestDecideReplicas(t *testing.T) {
	fixed, scaled := Cluster("demo", Bootstrapped), Cluster("demo", Bootstrapped, autoscaled)
	none := Cluster("demo", Bootstrapped, autoscaled, func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Replicas = 0 })
	tests := map[string]struct {
		cluster  *v1alpha1.CellCluster
		fakes    func() *Fakes
		want     *int32
		handOver *int32
	}{
		"the spec's":                                 {fixed, func() *Fakes { return Settled(fixed) }, new(int32(2)), nil},
		"the spec's, before there are any":           {fixed, func() *Fakes { return New() }, new(int32(2)), nil},
		"autoscaled ones begin with the spec's":      {scaled, func() *Fakes { return New() }, new(int32(2)), nil},
		"the number is handed over first":            {scaled, func() *Fakes { return Settled(fixed) }, nil, new(int32(2))},
		"then it is the autoscaler's":                {scaled, func() *Fakes { f := Settled(fixed); handedOver(f, 7); return f }, nil, nil},
		"an autoscaler does not begin with none":     {none, func() *Fakes { return New() }, new(int32(1)), nil},
		"none are too few for it to begin":           {scaled, func() *Fakes { f := Settled(fixed); handedOver(f, 0); return f }, nil, new(int32(1))},
		"without an autoscaler the spec's once more": {fixed, func() *Fakes { f := Settled(fixed); handedOver(f, 7); return f }, new(int32(2)), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			replicas, handOver := proxy.DecideReplicas(test.fakes().View(test.cluster, nil))
			assert.Equal(t, test.want, replicas)
			assert.Equal(t, test.handOver, handOver)
		})
	}
}

// From a fixed number to an autoscaler and back.
func TestAutoscaling(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	autoscaled(c)
	syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Equal(t, []string{"keep replicas of Deployment demo-proxy", "apply Deployment demo-proxy", "apply HorizontalPodAutoscaler demo-proxy"}, f.Writes(),
		"the number is kept before it is no longer asked for")
	assert.Nil(t, f.Deployments.Get(Namespace, "demo-proxy").Spec.Replicas, "nobody asks for a number but the autoscaler")
	assert.EqualValues(t, 8, f.Autoscalers.Get(Namespace, "demo-proxy").Spec.MaxReplicas)

	syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Empty(t, f.Writes())

	c.Spec.Proxy.Autoscaling.MaxReplicas = 9
	syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Equal(t, []string{"apply HorizontalPodAutoscaler demo-proxy"}, f.Writes())

	c.Spec.Proxy.Autoscaling = nil
	syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Equal(t, []string{"apply Deployment demo-proxy", "delete HorizontalPodAutoscaler demo-proxy"}, f.Writes())
	assert.EqualValues(t, 2, *f.Deployments.Get(Namespace, "demo-proxy").Spec.Replicas)
	assert.Equal(t, []string{"Normal Scaling: Deleted HorizontalPodAutoscaler demo-proxy; the number of proxies is spec.proxy.replicas again"}, f.Events.All())

	syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Empty(t, f.Writes())
}

// A number that was not handed over is not given up, or there would be one proxy.
func TestHandOverFails(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	autoscaled(c)
	f.Deployments.SetError(KeepReplicas, errors.New("etcd is gone"))
	_, err := proxy.NewManager(f.Controls()).Sync(t.Context(), f.View(c, PDState(c, Stores(3))))
	assert.ErrorContains(t, err, "etcd is gone")
	assert.NotContains(t, f.Writes(), "apply Deployment demo-proxy")
}

// Proxies are upgraded after PDs and stores, unless they are broken.
func TestHoldTemplate(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.CellCluster)
		stand  func(*Fakes, *v1alpha1.CellCluster)
		hold   bool
	}{
		"nothing changes": {func(*v1alpha1.CellCluster) {}, nil, false},
		"theirs alone":    {func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Image = "proxy:2" }, nil, false},
		"not theirs":      {func(c *v1alpha1.CellCluster) { c.Spec.PD.Image = "pd:2" }, nil, false},
		"PD's too":        {func(c *v1alpha1.CellCluster) { c.Spec.PD.Image, c.Spec.Proxy.Image = "pd:2", "proxy:2" }, nil, true},
		"the stores' too": {func(c *v1alpha1.CellCluster) { c.Spec.Store.Image, c.Spec.Proxy.Image = "store:2", "proxy:2" }, nil, true},
		"the last store is behind": {func(c *v1alpha1.CellCluster) { c.Spec.Proxy.Image = "proxy:2" }, func(f *Fakes, c *v1alpha1.CellCluster) {
			f.Add(Pod(c, naming.Store, 2, Ready, Outdated))
		}, true},
		"PD's too, and a proxy is broken": {func(c *v1alpha1.CellCluster) { c.Spec.PD.Image, c.Spec.Proxy.Image = "pd:2", "proxy:2" }, func(f *Fakes, c *v1alpha1.CellCluster) {
			f.Add(Pod(c, naming.Proxy, 0, Crashing(1, "bad flag"), Named("demo-proxy-7d9f-0")))
		}, false},
		"PD's too, and a proxy is starting": {func(c *v1alpha1.CellCluster) { c.Spec.PD.Image, c.Spec.Proxy.Image = "pd:2", "proxy:2" }, func(f *Fakes, c *v1alpha1.CellCluster) {
			f.Add(Pod(c, naming.Proxy, 0, Age(10*time.Second), Running, Named("demo-proxy-7d9f-0")))
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := Settled(c)
			if test.stand != nil {
				test.stand(f, c)
			}
			test.change(c)
			want, err := desired.ProxyDeployment(c, nil, LauncherImage)
			require.NoError(t, err)
			hold, err := proxy.HoldTemplate(f.View(c, nil), &want.Spec.Template)
			require.NoError(t, err)
			assert.Equal(t, test.hold, hold)

			before := imageOf(f)
			syncOnce(t, f, c, PDState(c, Stores(3)))
			if test.hold {
				assert.Equal(t, before, imageOf(f))
				assert.Empty(t, f.Writes())
			} else {
				assert.Equal(t, c.Spec.Proxy.Image, imageOf(f))
			}
		})
	}
}

// While its template is held, the number of proxies still follows the spec.
func TestHeldProxiesScale(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := Settled(c)
	c.Spec.PD.Image, c.Spec.Proxy.Image, c.Spec.Proxy.Replicas = "pd:2", "proxy:2", 4
	syncOnce(t, f, c, PDState(c, Stores(3)))
	assert.Equal(t, "proxy:1", imageOf(f))
	assert.EqualValues(t, 4, *f.Deployments.Get(Namespace, "demo-proxy").Spec.Replicas)
}

func imageOf(f *Fakes) string {
	var main corev1.Container
	for _, c := range f.Deployments.Get(Namespace, "demo-proxy").Spec.Template.Spec.Containers {
		if c.Name == string(naming.Proxy) {
			main = c
		}
	}
	return main.Image
}
