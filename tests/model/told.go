// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
)

// told is an Event of Kubernetes.
type told struct {
	second int
	text   string
}

// teller notes the Events of an operator, until it is dead.
type teller struct{ o *operator }

var _ record.EventRecorder = teller{}

// Event implements record.EventRecorder.
func (t teller) Event(_ runtime.Object, _, reason, message string) {
	if t.o.dead.Load() {
		return
	}
	r := t.o.run
	r.mu.Lock()
	rest := r.rest
	if r.armed {
		r.told = append(r.told, told{r.Seconds, reason + ": " + message})
	}
	r.mu.Unlock()
	if rest {
		r.breach("an Event at rest, which is a write, too: %s: %s", reason, message)
	}
}

// Eventf implements record.EventRecorder.
func (t teller) Eventf(o runtime.Object, kind, reason, format string, args ...any) {
	t.Event(o, kind, reason, fmt.Sprintf(format, args...))
}

// AnnotatedEventf implements record.EventRecorder.
func (t teller) AnnotatedEventf(o runtime.Object, _ map[string]string, kind, reason, format string, args ...any) {
	t.Event(o, kind, reason, fmt.Sprintf(format, args...))
}

// explained are the writes that users must be told of, besides all that destroy something.
var explained = []string{
	"patch statefulsets", "patch deployments", "patch services", "patch poddisruptionbudgets", "patch horizontalpodautoscalers",
	addMember + " member", initCluster + " system",
}

// unexplained are the writes of which no Event tells shortly before or after them: one that names the object
// that goes, for others any. What is tried again, as etcd may ask for, is told once.
func (o *Outcome) unexplained() []Write {
	var out []Write
	for _, w := range o.Writes {
		if !w.destroys() && !slices.Contains(explained, w.kind()) {
			continue
		}
		if !slices.ContainsFunc(o.Told, func(x told) bool {
			near := x.second >= w.Second-10 && x.second <= w.Second+2
			return near && (w.Verb != "delete" || strings.Contains(x.text, strings.TrimPrefix(w.Name, "data-")))
		}) {
			out = append(out, w)
		}
	}
	return out
}
