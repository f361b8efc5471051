// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
)

// workload is what a user does to a cluster on purpose.
type workload struct {
	name string
	// text is the cluster that it begins with; "" if it creates it.
	text string
	// with changes that cluster.
	with Edit
	// act is done to the cluster in place of edits, and awaits what it is to lead to before Ready.
	act func(*Lab)
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
	replaced("a store is replaced on request", "demo-store-1", (*Lab).AskFor),
	replaced("a PD is replaced on request", "demo-pd-1", (*Lab).AskFor),
	replaced("a store loses its data", "demo-store-1", (*Lab).Wipe),
	replaced("a PD loses its data", "demo-pd-1", (*Lab).Wipe),
}

// replaced is a workload that ends with another member in a pod.
func replaced(name, pod string, act func(*Lab, string)) workload {
	return workload{name: name, text: Three, with: soon, act: func(l *Lab) {
		before := identity(l.Get(), pod)
		act(l, pod)
		l.Await(pod+" is another member", func(c *v1alpha1.CellCluster) bool {
			now := identity(c, pod)
			return now != "" && now != before
		})
	}}
}

// identity is the id that PD knows the member or store in a pod by; "" while it knows none, or two.
func identity(c *v1alpha1.CellCluster, pod string) string {
	id := c.Status.PD.Members[pod].ID
	for store, s := range c.Status.Store.Stores {
		if s.PodName == pod {
			if id != "" {
				return ""
			}
			id = store
		}
	}
	return id
}

// soon lets members be replaced that are gone for some seconds.
var soon = All(Set("spec.pd.failover", "{period: 4s}"), Set("spec.store.failover", "{period: 4s}"))

// classes lets volumes grow.
var classes = All(Set("spec.pd.storageClassName", Growing), Set("spec.store.storageClassName", Growing))

// begin brings the cluster to where the workload begins, undisturbed, and ends the operator.
func (w *workload) begin(t *testing.T) *Lab {
	l := plane.New(t)
	if w.text != "" {
		l.Start(nil)
		l.Create(w.text, classes, w.edit())
		l.AwaitReady()
		l.Quiet()
		l.Crash()
	}
	return l
}

func (w *workload) edit() Edit {
	if w.with == nil {
		return All()
	}
	return w.with
}

// run is the workload under an operator that may be replaced meanwhile.
func (w *workload) run(l *Lab) {
	if w.act != nil {
		w.act(l)
		l.AwaitReady()
		return
	}
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
			crashed, answered, cut := NewTally(t, w.name, "crash on an API server"),
				NewTally(t, w.name, "answers of an API server"), NewTally(t, w.name, "watches cut on an API server")
			try := func(tally *Tally, name string, do func(t *testing.T)) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					tally.Count(t, 1)
					do(t)
				})
			}
			for _, crash := range crashes(len(writes)) {
				try(crashed, crash.String(), func(t *testing.T) { w.crashing(t, want, crash) })
			}
			for j, answer := range answers {
				if all() || i%2 == 0 && j == i/2%len(answers) {
					try(answered, answer.name, func(t *testing.T) { w.under(t, want, answer.rule, nil) })
				}
			}
			if all() || i%4 == 1 {
				try(cut, "watches are cut", func(t *testing.T) { w.under(t, want, nil, cutWatches) })
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
