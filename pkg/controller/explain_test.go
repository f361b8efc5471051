// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
)

// What an operation does and waits for, and what is wrong, is told once, and again when it
// comes back after a while.
func TestExplain(t *testing.T) {
	step := func(target, message string) manager.Result {
		return manager.Result{Operation: &v1alpha1.Operation{Type: v1alpha1.ReasonScaling, Target: target, Message: message}}
	}
	problem := func(message string) manager.Result {
		return manager.Result{Problems: []manager.Note{{Reason: v1alpha1.ReasonPodFailing, Message: message}}}
	}
	const refused = "removing 1 of 4 stores is refused: 2 stores would remain up"
	now := ct.Now()
	events := &ct.Events{}
	e := newExplainer(events, func() time.Time { return now })
	for _, x := range []struct {
		why    string
		after  time.Duration
		result manager.Result
		want   string // "" for nothing
	}{
		{"a refusal", 0, step("demo-store-3", refused), "Normal Scaling: " + refused},
		{"the same", time.Minute, step("demo-store-3", refused), ""},
		{"another number", time.Minute, step("demo-store-3", "removing 1 of 4 stores is refused: 1 stores would remain up"), ""},
		{"nothing", time.Minute, manager.Result{}, ""},
		{"another sentence", 0, step("demo-store-3", "removing store 4 in pod demo-store-3"), "Normal Scaling: removing store 4 in pod demo-store-3"},
		{"another pod", 0, step("demo-store-2", "removing store 3 in pod demo-store-2"), "Normal Scaling: removing store 3 in pod demo-store-2"},
		{"it is refused again soon", 5 * time.Minute, step("demo-store-3", refused), ""},
		{"for so long that it is told again", explainPause, step("demo-store-3", refused), "Normal Scaling: " + refused},
		{"a problem", 0, problem("pod demo-pd-0: no such image"), "Warning PodFailing: pod demo-pd-0: no such image"},
		{"it lasts", explainPause - time.Second, problem("pod demo-pd-0: no such image"), ""},
		{"it lasts on, in other words", explainPause - time.Second, problem("pod demo-pd-0: pull of image failed"), ""},
		{"the same of another pod", 0, problem("pod demo-pd-1: no such image"), "Warning PodFailing: pod demo-pd-1: no such image"},
		{"a time", 0, problem("PD has given no answer for 21s: timeout"), "Warning PodFailing: PD has given no answer for 21s: timeout"},
		{"a field", 0, problem(`spec.pd.storageClassName: there is no StorageClass "a"`), `Warning PodFailing: spec.pd.storageClassName: there is no StorageClass "a"`},
		{"another value of it", time.Minute, problem(`spec.pd.storageClassName: there is no StorageClass "b"`), `Warning PodFailing: spec.pd.storageClassName: there is no StorageClass "b"`},
		{"a longer time", time.Minute, problem("PD has given no answer for 1m21s: timeout"), ""},
	} {
		now = now.Add(x.after)
		before := len(events.All())
		e.explain(ct.Cluster("demo"), x.result)
		told := events.All()[before:]
		if x.want == "" {
			assert.Empty(t, told, x.why)
		} else {
			assert.Equal(t, []string{x.want}, told, x.why)
		}
	}
	e.forget(types.NamespacedName{Namespace: ct.Namespace, Name: "demo"})
	assert.Empty(t, e.told)
}
