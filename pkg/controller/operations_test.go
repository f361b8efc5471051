// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// heard notes what it is told of operations.
type heard []string

func (h *heard) Goes(_ types.NamespacedName, kind string, failed bool, _ time.Time) {
	*h = append(*h, fmt.Sprintf("%s goes, failed %v", kind, failed))
}
func (h *heard) Rests(types.NamespacedName, time.Time) { *h = append(*h, "rests") }
func (h *heard) Abandoned(types.NamespacedName)        { *h = append(*h, "abandoned") }

func TestTellOfOperations(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "pods"}, "x", errors.New("newer"))
	tests := map[string]struct {
		result manager.Result
		err    error
		want   []string
	}{
		"nothing goes on":             {manager.Result{}, nil, []string{"rests"}},
		"an upgrade":                  {operating("RollingUpdate"), nil, []string{"RollingUpdate goes, failed false"}},
		"a step that fails":           {operating("RollingUpdate"), errors.New("refused"), []string{"RollingUpdate goes, failed true"}},
		"a conflict is no failure":    {operating("RollingUpdate"), conflict, []string{"RollingUpdate goes, failed false"}},
		"a repair":                    {waiting("Repairing", "restarting"), nil, []string{"Repairing goes, failed false"}},
		"pods start between steps":    {waiting("WaitingForPods", "2 of 3"), nil, nil},
		"something is wrong":          {manager.Result{Problems: []manager.Note{{Reason: "PodFailing"}}}, nil, nil},
		"a write of a manager failed": {manager.Result{}, errors.New("refused"), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := &heard{}
			c := &Controller{options: Options{Operations: h}}
			c.tell(types.NamespacedName{Name: "demo"}, ct.New().View(ct.Cluster("demo"), nil), &test.result, test.err)
			assert.Equal(t, fmt.Sprint(test.want), fmt.Sprint(*h))
		})
	}
	(&Controller{}).tell(types.NamespacedName{}, nil, &manager.Result{}, nil) // nobody listens
}

// While a new cluster waits for pods, PD has no news, and is not asked all the time.
func TestPodsFirst(t *testing.T) {
	fresh := ct.Cluster("demo")
	pods := func(f *ct.Fakes, component naming.Component, ready, all int32) {
		for i := range all {
			how := ct.Running
			if i < ready {
				how = ct.Ready
			}
			f.Add(ct.Pod(fresh, component, i, how))
		}
	}
	initialized := func(modify ...ct.StateModifier) *pdstate.Snapshot {
		return ct.PDState(fresh, append([]ct.StateModifier{ct.Initialized}, modify...)...)
	}
	tests := map[string]struct {
		state      *pdstate.Snapshot
		pd, stores int32 // ready ones of 3
		proxies    bool
		want       bool
	}{
		"no PD is ready":                          {nil, 0, 0, false, true},
		"one PD is ready":                         {nil, 1, 0, false, true},
		"PDs can elect a leader":                  {nil, 2, 0, false, false},
		"PDs had a leader, and a quorum is ready": {ct.PDState(fresh, ct.Unreachable), 3, 0, false, false},
		"PD is to be told the initial cells":      {ct.PDState(fresh), 3, 0, false, false},
		"the first store is starting":             {initialized(), 3, 0, false, true},
		"the first store is ready":                {initialized(), 3, 1, false, false},
		"the others are starting":                 {ct.PDState(fresh, ct.Stores(1)), 3, 1, false, true},
		"one is ready, and PD does not know it":   {ct.PDState(fresh, ct.Stores(1)), 3, 2, false, false},
		"all are ready":                           {ct.PDState(fresh, ct.Stores(3)), 3, 3, false, false},
		"it has come to be, and a store is away":  {ct.PDState(fresh, ct.Stores(3)), 3, 2, true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := ct.New()
			f.ApplySets(defaulted(fresh))
			if !test.proxies {
				f.Deployments.Remove(f.Deployments.Get(ct.Namespace, "demo-proxy"))
			}
			pods(f, naming.PD, test.pd, 3)
			pods(f, naming.Store, test.stores, 3)
			assert.Equal(t, test.want, podsFirst(f.View(fresh, test.state)))
		})
	}
}

func defaulted(c *v1alpha1.CellCluster) *v1alpha1.CellCluster {
	own := c.DeepCopy()
	v1alpha1.SetDefaults(own)
	return own
}
