// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
)

// explainPause is how long the same is not told again, though it came and went meanwhile.
const explainPause = 10 * time.Minute

// explainer tells of each step of an operation, whether it acts or waits, and of each
// problem, by an Event when it comes up. What an operation did is told by itself.
type explainer struct {
	events record.EventRecorder
	now    func() time.Time

	mu   sync.Mutex
	told map[types.NamespacedName]map[saying]time.Time
}

// saying is what was told, as far as it tells one thing from another.
type saying struct{ reason, target, message string }

func newExplainer(events record.EventRecorder, now func() time.Time) *explainer {
	return &explainer{events: events, now: now, told: map[types.NamespacedName]map[saying]time.Time{}}
}

// explain tells what is new in a result.
func (e *explainer) explain(object *v1alpha1.CellCluster, r manager.Result) {
	k := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	if o := r.Operation; o != nil && e.isNew(k, o.Type, o.Target, o.Message) {
		e.events.Event(object, corev1.EventTypeNormal, o.Type, o.Message)
	}
	for _, p := range r.Problems {
		// What follows a colon is the word of a container or a server, in which anything may change.
		// What follows the name of a field does not.
		what, _, _ := strings.Cut(p.Message, ": ")
		if strings.HasPrefix(p.Message, "spec.") {
			what = p.Message
		}
		if e.isNew(k, p.Reason, "", what) {
			e.events.Event(object, corev1.EventTypeWarning, p.Reason, p.Message)
		}
	}
}

// numbers are taken out of messages, which count and measure: that one changes is no news. Those in names stay.
var numbers = regexp.MustCompile(`(^|[^-\w])[0-9][\w.]*`)

// isNew tells whether something has not been told of late, and remembers that it is told now.
func (e *explainer) isNew(k types.NamespacedName, reason, target, message string) bool {
	what := saying{reason, target, numbers.ReplaceAllString(message, "$1")}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	told := e.told[k]
	if told == nil {
		told = map[saying]time.Time{}
		e.told[k] = told
	}
	maps.DeleteFunc(told, func(_ saying, at time.Time) bool { return now.Sub(at) >= explainPause })
	_, known := told[what]
	told[what] = now // as long as it lasts, it is not told again
	return !known
}

func (e *explainer) forget(k types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.told, k)
}
