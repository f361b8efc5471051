// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// workload is what a user does to a cluster on purpose.
type workload struct {
	name string
	// text is the cluster that it begins with; "" if it creates it.
	text string
	// edits are made one after the other, each when the cluster is what the one before asked for.
	edits []Edit
	// wait is what is awaited between an edit and Ready, by default Ready alone.
	wait func(*Lab)
}

var workloads = []workload{
	{name: "create", edits: []Edit{nil}},
	{name: "upgrade of all", text: Three, edits: []Edit{All(Set("spec.pd.image", "pd:2"), Set("spec.store.image", "store:2"), Set("spec.proxy.image", "proxy:2"))}},
	{name: "PD 1 to 3", text: One, edits: []Edit{Set("spec.pd.replicas", "3")}},
	{name: "PD 3 to 1", text: Three, edits: []Edit{Set("spec.pd.replicas", "1")}},
	{name: "stores 3 to 4", text: Three, edits: []Edit{Set("spec.store.replicas", "4")}},
	{name: "stores 2 to 1", text: One, edits: []Edit{Set("spec.store.replicas", "2"), Set("spec.store.replicas", "1")}},
	{name: "volumes grow", text: One, edits: []Edit{
		All(Set("spec.pd.requests", "{storage: 2Gi}"), Set("spec.store.requests", "{storage: 20Gi}")),
	}},
	{name: "autoscaling on and off", text: One, edits: []Edit{Set("spec.proxy.autoscaling", "{minReplicas: 2, maxReplicas: 3}"), Drop("spec.proxy.autoscaling")}},
	{name: "a bad image and its repair", text: Three, edits: []Edit{Set("spec.store.image", "missing/store:2"), Set("spec.store.image", "store:3")},
		wait: func(l *Lab) {
			if l.Get().Spec.Store.Image == "missing/store:2" {
				l.AwaitDegraded("PodFailing", "ImagePullBackOff")
			}
		}},
	{name: "pause and unpause", text: One, edits: []Edit{All(Set("spec.paused", "true"), Set("spec.pd.image", "pd:2")), Set("spec.paused", "false")},
		wait: func(l *Lab) {
			if l.Get().Spec.Paused {
				time.Sleep(300 * time.Millisecond) // nothing happens, for which one could wait
			}
		}},
}

// classes lets volumes grow.
var classes = All(Set("spec.pd.storageClassName", Growing), Set("spec.store.storageClassName", Growing))

// begin brings the cluster to where the workload begins, undisturbed, and ends the operator.
func (w *workload) begin(t *testing.T) *Lab {
	l := plane.New(t)
	if w.text != "" {
		l.Start(nil)
		l.Create(w.text, classes)
		l.AwaitReady()
		l.Quiet()
		l.Crash()
	}
	return l
}

// run is the workload under an operator that may be replaced meanwhile.
func (w *workload) run(l *Lab) {
	for i, edit := range w.edits {
		if w.text == "" {
			l.Create(Three, classes)
		} else {
			l.Change(edit)
		}
		if w.wait != nil {
			w.wait(l)
		}
		if w.wait == nil || i == len(w.edits)-1 {
			l.AwaitReady()
		}
	}
}

// reference is what an undisturbed run leaves, and writes.
func (w *workload) reference(t *testing.T) (State, []string) {
	l := w.begin(t)
	o := l.Start(nil)
	w.run(l)
	writes := o.Writes()
	l.Rests()
	return l.State(), writes
}

// under runs the workload under a rule and holds its end against the undisturbed one's.
func (w *workload) under(t *testing.T, want State, rule func() Rule, meanwhile func(*Lab) (stop func())) {
	t.Helper()
	l := w.begin(t)
	var r Rule
	if rule != nil {
		r = rule()
	}
	l.Start(r)
	stop := func() {}
	if meanwhile != nil {
		stop = meanwhile(l)
	}
	w.run(l)
	stop()
	l.operator.SetRule(nil)
	l.Rests()
	Same(t, want, l.State(), "the end")
}

// Each workload ends as it does undisturbed, whatever happens to the operator or to its requests.
func TestWorkloads(t *testing.T) {
	for i, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			want, writes := w.reference(t)
			t.Logf("%d writes", len(writes))
			try := func(name string, do func(t *testing.T)) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					do(t)
				})
			}
			for _, crash := range crashes(len(writes)) {
				try(crash.String(), func(t *testing.T) { w.crashing(t, want, crash) })
			}
			for j, answer := range answers {
				if all() || i%2 == 0 && j == i/2%len(answers) {
					try(answer.name, func(t *testing.T) { w.under(t, want, answer.rule, nil) })
				}
			}
			if all() || i%4 == 1 {
				try("watches are cut", func(t *testing.T) { w.under(t, want, nil, cutWatches) })
			}
		})
	}
}

// crash is where the operator ends: before or after its n-th write.
type crash struct {
	write int
	after bool
}

func (c crash) String() string {
	if c.after {
		return fmt.Sprintf("crash after write %d", c.write)
	}
	return fmt.Sprintf("crash instead of write %d", c.write)
}

// crashes samples the writes of a run, or takes all.
func crashes(writes int) []crash {
	if !all() {
		return []crash{{(writes + 1) / 2, writes%2 == 0}}
	}
	var out []crash
	for i := 1; i <= writes; i += 3 {
		out = append(out, crash{i, len(out)%2 == 0})
	}
	return out
}

// crashing lets the operator crash once; a new one goes on.
func (w *workload) crashing(t *testing.T, want State, at crash) {
	var crashed atomic.Bool
	w.under(t, want, func() Rule {
		return func(q Request) Verdict {
			if q.Write != at.write {
				return Verdict{}
			}
			crashed.Store(true)
			return Verdict{Lost: true, Done: at.after, Kill: true}
		}
	}, func(l *Lab) func() {
		over, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-over:
					return
				case <-time.After(lookAgain):
				}
				if crashed.Load() {
					l.Crash()
					l.Start(nil)
					return
				}
			}
		}()
		return func() {
			close(over)
			<-done
		}
	})
}

// answers are rules that fail requests now and then, each of every kind of write.
var answers = []struct {
	name string
	rule func() Rule
}{
	{"conflicts", often(Verdict{Status: http.StatusConflict})},
	{"too many requests", often(Verdict{Status: http.StatusTooManyRequests})},
	{"internal errors", often(Verdict{Status: http.StatusInternalServerError})},
	{"lost answers", often(Verdict{Lost: true, Done: true})},
	{"time-outs after the write", often(Verdict{Status: http.StatusGatewayTimeout, Done: true})},
}

// often gives the verdict on the first, and then on every third write of each verb and resource.
func often(v Verdict) func() Rule {
	return func() Rule {
		seen := map[string]int{}
		return func(q Request) Verdict {
			if q.Write == 0 {
				return Verdict{}
			}
			n := seen[q.Request.String()]
			seen[q.Request.String()]++
			if n%3 == 0 {
				return v
			}
			return Verdict{}
		}
	}
}

// cutWatches ends all watches, three times: client-go waits longer before each list that follows, up to half a minute.
func cutWatches(l *Lab) func() {
	over, done := make(chan struct{}), make(chan struct{})
	o, cut := l.operator, 0
	l.Until(func() bool {
		cut += o.CutWatches()
		return cut > 0
	}, func() string { return "a watch is open" })
	go func() {
		defer close(done)
		for range 2 {
			select {
			case <-over:
				return
			case <-time.After(1500 * time.Millisecond):
				cut += o.CutWatches()
			}
		}
	}()
	return func() {
		close(over)
		<-done
		l.T.Logf("%d watches were cut", cut)
	}
}
