// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/proxy"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// outage is when PD was heard last by those that gave it up.
const outage = 10 * time.Minute

// afterOutage has three stores and two proxies that have been running for an hour, each on a node of its own,
// but for what the modifiers of proxies say.
func afterOutage(c *v1alpha1.CellCluster, proxies ...PodModifier) *Fakes {
	f := Settled(c)
	for i := range c.Spec.Proxy.Replicas {
		f.Pods.Remove(f.Pods.Get(Namespace, fmt.Sprintf("demo-proxy-7d9f-%d", i)))
	}
	on := func(node int32) PodModifier {
		return func(p *corev1.Pod) { p.Spec.NodeName = fmt.Sprintf("n%d", node) }
	}
	for i := range int32(3) {
		f.Add(Pod(c, naming.Store, i, Age(time.Hour), Ready, on(i)))
	}
	for i := range int32(2) {
		p := Pod(c, naming.Proxy, i, Age(time.Hour), Ready, on(i))
		if int(i) < len(proxies) && proxies[i] != nil {
			proxies[i](p)
		}
		f.Add(p)
	}
	return f
}

func gaveUp(ids ...uint64) []StateModifier {
	out := []StateModifier{Stores(3), func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.LeaderSince = Now().Add(-time.Hour) }}
	for _, id := range ids {
		out = append(out, SetStore(id, func(s *pdapi.Store) { s.LastHeartbeat = Now().Add(-outage) }))
	}
	return out
}

func marked(p *corev1.Pod) {
	if p.Annotations == nil {
		p.Annotations = map[string]string{}
	}
	p.Annotations[naming.AnnotationGaveUpPD] = Now().Format(time.RFC3339)
}

// startedAgo makes a pod's program have started so long ago.
func startedAgo(d time.Duration) PodModifier {
	return func(p *corev1.Pod) {
		for i := range p.Status.ContainerStatuses {
			p.Status.ContainerStatuses[i].State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(Now().Add(-d))}
		}
	}
}

func both(a, b PodModifier) PodModifier { return func(p *corev1.Pod) { a(p); b(p) } }

// notReadyFor makes a pod have been not ready for so long.
func notReadyFor(d time.Duration) PodModifier {
	return func(p *corev1.Pod) {
		Running(p)
		for i := range p.Status.Conditions {
			p.Status.Conditions[i].LastTransitionTime = metav1.NewTime(Now().Add(-d))
		}
		p.CreationTimestamp = metav1.NewTime(Now().Add(-d))
	}
}

// ending makes a pod be on its way out, with so much time left.
func ending(left time.Duration) PodModifier {
	return func(p *corev1.Pod) {
		at := metav1.NewTime(Now().Add(left))
		p.DeletionTimestamp = &at
	}
}

func TestAwakenerDecides(t *testing.T) {
	tests := map[string]struct {
		proxies []PodModifier
		state   []StateModifier
		do      manager.Verb
		target  string
		message string // "" for no step
	}{
		"all is well":                         {nil, gaveUp(), "", "", ""},
		"most stores gave PD up":              {nil, gaveUp(1, 2), "MarkProxies", "", "marking them for a restart"},
		"a store on a node with a proxy did":  {nil, gaveUp(2), "MarkProxies", "", "marking them for a restart"},
		"one on a node without a proxy did":   {nil, gaveUp(3), "", "", ""},
		"proxies that started later":          {[]PodModifier{startedAgo(outage / 2), startedAgo(outage / 2)}, gaveUp(1, 2, 3), "", "", ""},
		"PD is silent":                        {nil, append(gaveUp(1, 2, 3), Unreachable), "", "", ""},
		"the stores go first":                 {[]PodModifier{marked, marked}, gaveUp(1, 2), "", "", ""},
		"then one after another":              {[]PodModifier{marked, marked}, gaveUp(), "Restart", "demo-proxy-0", "restarting it"},
		"one that serves nobody first":        {[]PodModifier{marked, both(notReadyFor(time.Hour), marked)}, gaveUp(), "Restart", "demo-proxy-1", "restarting it"},
		"not before the last is back":         {[]PodModifier{marked, notReadyFor(10 * time.Second)}, gaveUp(), "", "demo-proxy-0", "is restarted when demo-proxy-1 is ready"},
		"not before a deleted one is gone":    {[]PodModifier{marked, ending(10 * time.Second)}, gaveUp(), "", "demo-proxy-0", "is restarted when demo-proxy-1 is ready"},
		"not while another is held by a node": {[]PodModifier{marked, ending(-10 * time.Minute)}, gaveUp(), "", "", ""},
		"not while another does not come up":  {[]PodModifier{marked, notReadyFor(10 * time.Minute)}, gaveUp(), "", "", ""},
		"unless it serves nobody itself":      {[]PodModifier{both(notReadyFor(time.Hour), marked), notReadyFor(10 * time.Minute)}, gaveUp(), "Restart", "demo-proxy-0", "restarting it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			step := proxy.NewAwakener(nil, nil).Decide(afterOutage(c, test.proxies...).View(c, PDState(c, test.state...)))
			if test.message == "" {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, test.do, step.Do)
			assert.Equal(t, test.target, step.Target)
			assert.Contains(t, step.Message, test.message)
		})
	}
}

// One disruption at a time: what was restarted before is back, unless it does not come back at all.
func TestAwakenerWaitsForMembers(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.CellCluster, *Fakes)
		waits  string // for which pod; "" for none, "nobody" if there is nothing to wait for that comes by itself
	}{
		"all are there":                  {func(*v1alpha1.CellCluster, *Fakes) {}, ""},
		"a store starts":                 {func(c *v1alpha1.CellCluster, f *Fakes) { f.Add(Pod(c, naming.Store, 2, notReadyFor(10*time.Second))) }, "demo-store-2"},
		"a store does not start":         {func(c *v1alpha1.CellCluster, f *Fakes) { f.Add(Pod(c, naming.Store, 2, notReadyFor(time.Hour))) }, ""},
		"a PD starts":                    {func(c *v1alpha1.CellCluster, f *Fakes) { f.Add(Pod(c, naming.PD, 2, notReadyFor(10*time.Second))) }, "demo-pd-2"},
		"a store's pod is not there yet": {func(_ *v1alpha1.CellCluster, f *Fakes) { f.Pods.Remove(f.Pods.Get(Namespace, "demo-store-2")) }, "nobody"},
		"a PD's pod is not there yet":    {func(_ *v1alpha1.CellCluster, f *Fakes) { f.Pods.Remove(f.Pods.Get(Namespace, "demo-pd-0")) }, "nobody"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := afterOutage(c, marked, marked)
			test.change(c, f)
			step := proxy.NewAwakener(nil, nil).Decide(f.View(c, PDState(c, gaveUp()...)))
			if test.waits == "nobody" {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			if test.waits == "" {
				assert.Equal(t, manager.Verb("Restart"), step.Do, step.Message)
				return
			}
			assert.Empty(t, step.Do)
			assert.Contains(t, step.Message, "is restarted when "+test.waits+" is ready")
		})
	}
}

// Proxies are marked while it can be seen that stores gave PD up, and restarted one after another when it cannot any more.
func TestAwaken(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	f := afterOutage(c)
	now := Now().Add(-outage)
	server := NewPD(c, func(config *pdtest.Config) { config.Now = func() time.Time { return now } })
	AddStores(t, server, c, 3)
	now = Now()
	factory := PDFactory(t, server)
	pd := func(*view.Cluster) pdapi.Client { return factory(server.Endpoints()) }
	a := proxy.NewAwakener(f.Controls(), pd)
	act := func(state *pdstate.Snapshot) {
		v := f.View(c, state)
		step := a.Decide(v)
		require.NotNil(t, step)
		f.Reset()
		require.NoError(t, a.Act(t.Context(), v, step))
	}

	act(PDState(c, gaveUp(1, 2, 3)...))
	assert.Equal(t, []string{"patch Pod demo-proxy-0", "patch Pod demo-proxy-1"}, f.Writes())
	assert.Nil(t, a.Decide(f.View(c, PDState(c, gaveUp(1, 2, 3)...))), "the stores' turn")

	f = afterOutage(c)
	a = proxy.NewAwakener(f.Controls(), pd)
	server.Heartbeat()
	act(PDState(c, gaveUp(1, 2, 3)...))
	assert.Empty(t, f.Writes(), "by PD's answer of that moment they report")

	f = afterOutage(c, marked, marked)
	a = proxy.NewAwakener(f.Controls(), pd)
	act(PDState(c, Stores(3)))
	assert.Equal(t, []string{"delete Pod demo-proxy-0"}, f.Writes())
	assert.Equal(t, []string{"Warning Repairing: Restarted proxy demo-proxy-0, which ran when stores gave PD up and may have given it up, too"}, f.Events.All())
}
