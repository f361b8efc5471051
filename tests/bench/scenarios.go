// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// scenario measures on a fresh control plane.
type scenario struct {
	name string
	run  func(context.Context, settings) ([]figure, error)
}

var scenarios = []scenario{
	{"requests", onRig(requestsOfCreation)},
	{"few", onRig(fewAtOnce)},
	{"fifty", onRig(fiftyAtOnce)},
	{"hundreds", onRig(hundredsAtOnce)},
	{"thousand", onRig(thousandAtOnce)},
	{"idle", onRig(idle)},
	{"scheduler", scheduling},
}

func names() []string {
	var out []string
	for _, s := range scenarios {
		out = append(out, s.name)
	}
	return out
}

func onRig(measure func(context.Context, *rig) ([]figure, error)) func(context.Context, settings) ([]figure, error) {
	return func(ctx context.Context, s settings) (figures []figure, err error) {
		r, err := newRig(ctx, s)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.close()) }()
		return measure(ctx, r)
	}
}

// requestsOfCreation creates clusters one after another, through the counting
// proxy, and starts the operator again over them.
func requestsOfCreation(ctx context.Context, r *rig) (_ []figure, err error) {
	kubeconfig, counter, err := r.counted()
	if err != nil {
		return nil, err
	}
	o, err := r.startOperator(ctx, kubeconfig)
	if err != nil {
		return nil, err
	}
	counter.Reset()
	const count = 5
	for i := range count {
		if _, err := r.clusters.createAtOnce(ctx, fmt.Sprintf("single%d", i), 1); err != nil {
			return nil, errors.Join(err, o.stop())
		}
	}
	// The ids that are written later, when nobody waits any more, do not count.
	if err := o.quiet(ctx, 3*time.Second); err != nil {
		return nil, errors.Join(err, o.stop())
	}
	counts := counter.Counts()
	if err := o.stop(); err != nil {
		return nil, err
	}
	each := func(pick func(kube.Request) bool) float64 { return float64(kube.Sum(counts, pick)) / count }
	isRead := func(q kube.Request) bool { return q.Verb == "get" || q.Verb == "list" }
	notWatch := func(q kube.Request) bool { return q.Verb != "watch" }
	progress("requests of %d creations: %s", count, kube.Print(counts))
	return []figure{
		{"API requests from creation to Ready, per cluster", "≤ 35", fmt.Sprintf("%.1f", each(notWatch)), verdict(each(notWatch), 35)},
		{"… of them reads", "0", fmt.Sprintf("%.1f", each(isRead)), verdict(each(isRead), 0)},
		{"… writes of the status", "≤ 5", fmt.Sprintf("%.1f", each(resourceIs("cellclusters/status"))), verdict(each(resourceIs("cellclusters/status")), 5)},
		{"… events", "≤ 6", fmt.Sprintf("%.1f", each(resourceIs("events"))), verdict(each(resourceIs("events")), 6)},
		{"… by verb", "", byVerb(counts, count), unbounded},
	}, nil
}

func resourceIs(name string) func(kube.Request) bool {
	return func(q kube.Request) bool { return q.Resource == name }
}

func byVerb(counts map[kube.Request]int, clusters int) string {
	sums := map[string]int{}
	for q, n := range counts {
		sums[q.Verb] += n
	}
	text := ""
	for _, verb := range []string{"patch", "update", "create", "delete", "get", "list"} {
		if sums[verb] > 0 {
			text += fmt.Sprintf("%s %.1f, ", verb, float64(sums[verb])/float64(clusters))
		}
	}
	return text[:max(len(text)-2, 0)]
}

// rest waits until the operator has nothing to write any more. The last are the
// ids on pods and claims, 10 s after a cluster has become ready.
func (o *operator) rest(ctx context.Context) error { return o.quiet(ctx, 12*time.Second) }

// quiet waits until the operator has made no request for so long.
func (o *operator) quiet(ctx context.Context, long time.Duration) error {
	last, since := -1.0, time.Now()
	return poll(ctx, 5*time.Minute, 250*time.Millisecond, "the operator comes to rest", func() (bool, error) {
		m, err := o.metrics()
		if err != nil {
			return false, err
		}
		if n := m.sum(metricRequests); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > long, nil
	})
}

// fewAtOnce creates one cluster, several times, and then ten.
func fewAtOnce(ctx context.Context, r *rig) ([]figure, error) {
	o, err := r.startOperator(ctx, r.plane.Kubeconfig)
	if err != nil {
		return nil, err
	}
	var single []time.Duration
	for i := range 5 {
		took, err := r.clusters.createAtOnce(ctx, fmt.Sprintf("one%d", i), 1)
		if err != nil {
			return nil, errors.Join(err, o.stop())
		}
		single = append(single, took)
	}
	slices.Sort(single)
	ten, err := r.clusters.createAtOnce(ctx, "ten", 10)
	if err := errors.Join(err, o.stop()); err != nil {
		return nil, err
	}
	return []figure{
		{"1 cluster created (median of 5)", "≤ 3 s", seconds(single[2]), verdict(single[2].Seconds(), 3)},
		{"10 clusters created at once", "≤ 5 s", seconds(ten), verdict(ten.Seconds(), 5)},
	}, nil
}

// fiftyAtOnce creates 50 clusters, and starts the operator again over them.
func fiftyAtOnce(ctx context.Context, r *rig) ([]figure, error) {
	took, o, err := r.many(ctx, 50)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(o.rest(ctx), o.stop()); err != nil {
		return nil, err
	}
	again, err := r.restart(ctx, 50)
	if err != nil {
		return nil, err
	}
	return append([]figure{{"50 clusters created at once", "≤ 12 s", seconds(took), verdict(took.Seconds(), 12)}}, again...), nil
}

// many creates clusters at once under a fresh operator, which goes on.
func (r *rig) many(ctx context.Context, count int) (time.Duration, *operator, error) {
	o, err := r.startOperator(ctx, r.plane.Kubeconfig)
	if err != nil {
		return 0, nil, err
	}
	profiled := make(chan error, 2)
	go func() { profiled <- o.profile(fmt.Sprintf("create-%d-cpu", count), "profile?seconds=10") }()
	go func() { profiled <- r.profileAPIServer(ctx, fmt.Sprintf("create-%d-apiserver-cpu", count)) }()
	took, err := r.clusters.createAtOnce(ctx, "many", count)
	if err = errors.Join(err, <-profiled, <-profiled); err != nil {
		return 0, nil, errors.Join(err, o.stop())
	}
	m, err := o.metrics()
	if err != nil {
		return 0, nil, errors.Join(err, o.stop())
	}
	apiserver, err := r.apiserver(ctx)
	if err != nil {
		return 0, nil, errors.Join(err, o.stop())
	}
	progress("%d clusters at once: %v, %.0f requests, %.0f syncs, CPU: operator %.1f s, apiserver %.1f s", count, took.Round(time.Millisecond),
		m.sum(metricRequests), m.sum(metricSyncs), m.sum(metricCPU), apiserver.sum(metricCPU))
	return took, o, nil
}

// restart starts the operator over settled clusters: once for the time, and
// once through the counting proxy for the requests.
func (r *rig) restart(ctx context.Context, count int) ([]figure, error) {
	began := time.Now()
	o, err := r.startOperator(ctx, r.plane.Kubeconfig)
	if err != nil {
		return nil, err
	}
	err = o.synced(ctx, count)
	took := time.Since(began)
	if err := errors.Join(err, o.stop()); err != nil {
		return nil, err
	}
	kubeconfig, counter, err := r.counted()
	if err != nil {
		return nil, err
	}
	if o, err = r.startOperator(ctx, kubeconfig); err != nil {
		return nil, err
	}
	err = errors.Join(o.synced(ctx, count), o.rest(ctx))
	counts := counter.Counts()
	if err := errors.Join(err, o.stop()); err != nil {
		return nil, err
	}
	progress("requests of a restart: %s", kube.Print(counts))
	other := kube.Sum(counts, func(q kube.Request) bool { return q.Verb != "watch" && q.Verb != "list" })
	return []figure{
		{fmt.Sprintf("restart with %d clusters: all synced again", count), "≤ 1 s", seconds(took), verdict(took.Seconds(), 1)},
		{"… requests other than LIST and WATCH", "0", fmt.Sprint(other), verdict(float64(other), 0)},
		{"… LIST and WATCH", "", fmt.Sprint(kube.Sum(counts, nil) - other), unbounded},
	}, nil
}

// synced waits until every cluster was synced, with what its PD says.
func (o *operator) synced(ctx context.Context, count int) error {
	return poll(ctx, time.Minute, 10*time.Millisecond, "all clusters are synced again", func() (bool, error) {
		m, err := o.metrics()
		if err != nil {
			return false, err
		}
		return m.sum(metricSyncs) >= float64(count) && m.sum(metricQueue) == 0 && m.operation("list stores") >= float64(count), nil
	})
}

// operation counts the requests to PD of one operation.
func (m metrics) operation(name string) float64 {
	total := 0.0
	for _, x := range m[metricPD].GetMetric() {
		for _, l := range x.GetLabel() {
			if l.GetName() == "operation" && l.GetValue() == name {
				total += float64(x.GetHistogram().GetSampleCount())
			}
		}
	}
	return total
}

func hundredsAtOnce(ctx context.Context, r *rig) ([]figure, error) {
	took, o, err := r.many(ctx, 200)
	if err != nil {
		return nil, err
	}
	return []figure{{"200 clusters created at once", "linear", seconds(took), unbounded}}, o.stop()
}

func thousandAtOnce(ctx context.Context, r *rig) ([]figure, error) {
	if r.settings.short {
		return nil, nil
	}
	took, o, err := r.many(ctx, 1000)
	if err != nil {
		return nil, err
	}
	return []figure{{"1,000 clusters created at once", "no cliff", seconds(took), unbounded}}, o.stop()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// quantile reads a quantile off a histogram's difference between two looks, as Prometheus does.
func quantile(before, after metrics, name string, q float64) float64 {
	counts := map[float64]float64{}
	for sign, m := range map[float64]metrics{-1: before, 1: after} {
		for _, x := range m[name].GetMetric() {
			for _, b := range x.GetHistogram().GetBucket() {
				counts[b.GetUpperBound()] += sign * float64(b.GetCumulativeCount())
			}
		}
	}
	bounds := make([]float64, 0, len(counts))
	for b := range counts {
		if !math.IsInf(b, 1) {
			bounds = append(bounds, b)
		}
	}
	slices.Sort(bounds)
	rank := q * (after.sum(name) - before.sum(name))
	low, below := 0.0, 0.0
	for _, b := range bounds {
		if counts[b] >= rank {
			return low + (b-low)*(rank-below)/(counts[b]-below)
		}
		low, below = b, counts[b]
	}
	return low
}
