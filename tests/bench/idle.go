// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// idle measures what clusters at rest cost, and how quick the operator is
// among many of them.
func idle(ctx context.Context, r *rig) (_ []figure, err error) {
	count := 500
	if r.settings.short {
		count = 100
	}
	o, err := r.startOperator(ctx, r.plane.Kubeconfig)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.stop()) }()
	empty, err := o.memory()
	if err != nil {
		return nil, err
	}
	took, err := r.clusters.createAtOnce(ctx, "idle", count)
	if err != nil {
		return nil, err
	}
	progress("%d clusters at once: %v", count, took.Round(time.Millisecond))
	if err := o.rest(ctx); err != nil {
		return nil, err
	}
	var figures []figure
	for _, measure := range []func(context.Context, *rig, *operator, int) ([]figure, error){pollsOfPD, noOpSyncs} {
		more, err := measure(ctx, r, o, count)
		if err != nil {
			return nil, err
		}
		figures = append(figures, more...)
	}
	full, err := o.memory()
	if err != nil {
		return nil, err
	}
	if err := o.profile("idle-heap", "heap?gc=1"); err != nil {
		return nil, err
	}
	figures = append(figures, memoryFigures(empty, full, count)...)
	edits, err := editLatency(ctx, r, count)
	return append(figures, edits...), err
}

// usage is the operator's memory, in bytes. Of the resident memory, file is what
// the kernel can drop at any time: pages of the program itself.
type usage struct{ rss, file, heap, routines float64 }

func (o *operator) memory() (usage, error) {
	if err := o.collect(); err != nil {
		return usage{}, err
	}
	m, err := o.metrics()
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.cmd.Process.Pid))
	if err != nil {
		return usage{}, fmt.Errorf("read the operator's memory: %w", err)
	}
	var kb float64
	if _, err := fmt.Sscan(field(string(status), "RssFile"), &kb); err != nil {
		return usage{}, fmt.Errorf("read the operator's memory: %w", err)
	}
	return usage{m.sum(metricRSS), kb * 1024, m.sum(metricHeap), m.sum(metricRoutines)}, nil
}

func memoryFigures(empty, full usage, count int) []figure {
	const mega = 1e6
	rss, heap := (full.rss-empty.rss)/float64(count)/mega, (full.heap-empty.heap)/float64(count)/mega
	return []figure{
		{"memory of the empty operator (resident)", "≤ 45 MB", fmt.Sprintf("%.1f MB", empty.rss/mega), verdict(empty.rss/mega, 45)},
		{"… of it pages of the program's file", "", fmt.Sprintf("%.1f MB", empty.file/mega), unbounded},
		{"… of it heap after a collection", "", fmt.Sprintf("%.1f MB", empty.heap/mega), unbounded},
		{fmt.Sprintf("memory per cluster, with %d (resident)", count), "≤ 0.3 MB", fmt.Sprintf("%.2f MB", rss), verdict(rss, 0.3)},
		{"… of it heap after a collection", "", fmt.Sprintf("%.3f MB", heap), unbounded},
		{"… goroutines per cluster", "", fmt.Sprintf("%.2f", (full.routines-empty.routines)/float64(count)), unbounded},
	}
}

// pollsOfPD counts what reaches the PDs of clusters at rest.
func pollsOfPD(ctx context.Context, r *rig, o *operator, count int) ([]figure, error) {
	const window = time.Minute
	before, err := o.metrics()
	if err != nil {
		return nil, err
	}
	calls := r.world.Calls()
	if err := sleep(ctx, window); err != nil {
		return nil, err
	}
	each := float64(r.world.Calls()-calls) / float64(count) / window.Minutes()
	after, err := o.metrics()
	if err != nil {
		return nil, err
	}
	requests := after.sum(metricRequests) - before.sum(metricRequests)
	cpu := (after.sum(metricCPU) - before.sum(metricCPU)) / window.Seconds()
	return []figure{
		{"calls to PD per settled cluster per minute", "≤ 8", fmt.Sprintf("%.1f", each), verdict(each, 8)},
		{fmt.Sprintf("API requests of %d settled clusters in a minute, opened watches included", count), "", fmt.Sprintf("%.0f", requests), unbounded},
		{fmt.Sprintf("CPU of %d settled clusters", count), "", fmt.Sprintf("%.1f %% of a core", 100*cpu), unbounded},
	}, nil
}

// noOpSyncs has clusters synced for nothing: first one at a time, by an
// annotation of a pod, for the duration; then all at once, again and again, by
// a label of nodes that nobody looks at, for all the rest.
func noOpSyncs(ctx context.Context, r *rig, o *operator, count int) ([]figure, error) {
	alone, err := r.syncAlone(ctx, o, count)
	if err != nil {
		return nil, err
	}
	profiled := make(chan error, 1)
	go func() { profiled <- o.profile("no-op-cpu", "profile?seconds=5") }()
	calls, began := r.world.Calls(), time.Now()
	before, after, err := r.syncTogether(ctx, o, float64(20*count))
	if err := errors.Join(err, <-profiled); err != nil {
		return nil, err
	}
	took := time.Since(began)
	syncs := after.sum(metricSyncs) - before.sum(metricSyncs)
	requests := after.sum(metricRequests) - before.sum(metricRequests)
	cpu := 1000 * (after.sum(metricCPU) - before.sum(metricCPU)) / syncs
	each := float64(r.world.Calls()-calls) / float64(count) / took.Minutes()
	return []figure{
		{"API requests of a no-op sync", "0", fmt.Sprintf("%.3f", requests/syncs), verdict(requests/syncs, 0)},
		{"… duration, 99th percentile", "≤ 5 ms", fmt.Sprintf("%.1f ms", alone), verdict(alone, 5)},
		{fmt.Sprintf("… CPU, with all that leads to the sync, over %.0f", syncs), "≤ 1 ms", fmt.Sprintf("%.2f ms", cpu), verdict(cpu, 1)},
		{fmt.Sprintf("… calls to PD per cluster and minute, at %.0f syncs a second", syncs/took.Seconds()), "≤ 8", fmt.Sprintf("%.1f", each), verdict(each, 8)},
	}, nil
}

// syncAlone syncs single clusters and returns the 99th percentile of the duration in milliseconds.
func (r *rig) syncAlone(ctx context.Context, o *operator, count int) (float64, error) {
	const wanted = 1000
	before, err := o.metrics()
	if err != nil {
		return 0, err
	}
	for i := range wanted {
		body := fmt.Sprintf(`{"metadata":{"annotations":{"touched":"%d"}}}`, i)
		pod := fmt.Sprintf("idle-%d-pd-0", i%count)
		if _, err := r.kube.CoreV1().Pods(namespace).Patch(ctx, pod, types.MergePatchType, []byte(body), metav1.PatchOptions{}); err != nil {
			return 0, fmt.Errorf("touch pod: %w", err)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
	var after metrics
	err = poll(ctx, time.Minute, 100*time.Millisecond, "all touched clusters were synced", func() (bool, error) {
		after, err = o.metrics()
		return after.sum(metricSyncs)-before.sum(metricSyncs) >= 0.9*wanted, err
	})
	return 1000 * quantile(before, after, metricSyncs, 0.99), err
}

// syncTogether syncs all clusters at once until there were so many syncs. It
// returns the operator's metrics before and after.
func (r *rig) syncTogether(ctx context.Context, o *operator, wanted float64) (before, after metrics, err error) {
	if before, err = o.metrics(); err != nil {
		return nil, nil, err
	}
	for i := 0; after == nil || after.sum(metricSyncs)-before.sum(metricSyncs) < wanted; i++ {
		body := fmt.Sprintf(`{"metadata":{"labels":{"touched":"%d"}}}`, i)
		if _, err := r.kube.CoreV1().Nodes().Patch(ctx, fmt.Sprintf("node-%d", i%nodes+1), types.MergePatchType, []byte(body), metav1.PatchOptions{}); err != nil {
			return nil, nil, fmt.Errorf("touch node: %w", err)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, nil, err
		}
		if i%10 == 9 {
			if after, err = o.metrics(); err != nil {
				return nil, nil, err
			}
		}
	}
	return before, after, nil
}

// editLatency adds a store to some clusters, one after another, while the PD
// of another cluster takes requests and never answers.
func editLatency(ctx context.Context, r *rig, count int) ([]figure, error) {
	r.world.PD(types.NamespacedName{Namespace: namespace, Name: "idle-0"}).SetModes(pdtest.Silent)
	// The poller asks for the dead one soon; all of its next polls hang.
	if err := sleep(ctx, 45*time.Second); err != nil {
		return nil, err
	}
	var took []time.Duration
	for i := 1; i <= min(100, count-1); i++ {
		name := fmt.Sprintf("idle-%d", i)
		cells := r.cells.DeepfabricV1alpha1().CellClusters(namespace)
		began := time.Now()
		if _, err := cells.Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"store":{"replicas":4}}}`), metav1.PatchOptions{}); err != nil {
			return nil, fmt.Errorf("edit cluster: %w", err)
		}
		if err := r.clusters.until(ctx, name+" has 4 stores", time.Minute, func() bool { return r.clusters.replicas[name+"-store"] == 4 }); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))] }
	p99 := float64(at(0.99).Microseconds()) / 1000
	return []figure{
		{fmt.Sprintf("edit → StatefulSet write, %d idle clusters and a dead PD, 99th percentile of %d", count, len(took)), "≤ 200 ms",
			fmt.Sprintf("%.0f ms", p99), verdict(p99, 200)},
		{"… median", "", fmt.Sprintf("%d ms", at(0.5).Milliseconds()), unbounded},
	}, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
