// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package manager_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

func TestMerge(t *testing.T) {
	var r Result
	r.Wait("A", "%d of %d", 1, 3)
	other := Result{Again: 5 * time.Second, Operation: &v1alpha1.Operation{Type: "X"}}
	other.Wait("B", "b")
	other.Problem("C", "100%%")
	r.Merge(other)
	r.Merge(Result{Again: time.Minute, Operation: &v1alpha1.Operation{Type: "Y"}})
	assert.Equal(t, Result{
		Waits:     []Note{{"A", "1 of 3"}, {"B", "b"}},
		Problems:  []Note{{"C", "100%"}},
		Again:     5 * time.Second,
		Operation: &v1alpha1.Operation{Type: "X"},
	}, r, "the first operation is the one that is under way, and the soonest look counts")
}

func TestLookAgain(t *testing.T) {
	var r Result
	r.LookAgain(0)
	assert.Zero(t, r.Again)
	r.LookAgain(time.Minute)
	r.LookAgain(time.Second)
	r.LookAgain(time.Hour)
	r.LookAgain(0)
	assert.Equal(t, time.Second, r.Again)
}

// operation decides on a fixed step and counts how often it acts.
type operation struct {
	step  *Step
	acted int
	err   error
}

func (o *operation) Decide(*view.Cluster) *Step { return o.step }

func (o *operation) Act(context.Context, *view.Cluster, *Step) error {
	o.acted++
	return o.err
}

// One operation at a time, the first that has anything to do, and be it that it waits.
func TestAdvance(t *testing.T) {
	nothing := func() *operation { return &operation{} }
	does := func() *operation { return &operation{step: &Step{Type: "T", Target: "p", Do: "Do", Message: "doing"}} }
	waits := func() *operation { return &operation{step: &Step{Type: "T", Target: "p", Message: "waiting"}} }
	failing := does()
	failing.err = errors.New("refused")
	tests := map[string]struct {
		operations []*operation
		acts       []int
		message    string
		again      bool
		err        error
	}{
		"nothing to do":                   {[]*operation{nothing(), nothing()}, []int{0, 0}, "", false, nil},
		"the first goes":                  {[]*operation{nothing(), does(), does()}, []int{0, 1, 0}, "doing", true, nil},
		"one that waits holds the others": {[]*operation{waits(), does()}, []int{0, 0}, "waiting", true, nil},
		"a failure is told":               {[]*operation{failing, does()}, []int{1, 0}, "doing", true, failing.err},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var operations []Operation
			for _, o := range test.operations {
				operations = append(operations, o)
			}
			var r Result
			require.ErrorIs(t, Advance(t.Context(), nil, operations, &r), test.err)
			for i, o := range test.operations {
				assert.Equal(t, test.acts[i], o.acted, "operation %d", i)
			}
			assert.Equal(t, test.again, r.Again > 0)
			if test.message == "" {
				assert.Equal(t, Result{}, r)
				return
			}
			assert.Equal(t, []Note{{"T", test.message}}, r.Waits)
			assert.Equal(t, test.message, r.Operation.Message)
			assert.Equal(t, "p", r.Operation.Target)
		})
	}
}
