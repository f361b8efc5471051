// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
	"github.com/deepfabric/elasticell-operator/tests/internal/schedule"
)

const (
	// asked is how many clusters the extender is asked about: six filters and six prioritizations each.
	asked = 100
	// placedAtOnce is how many clusters kube-scheduler places.
	placedAtOnce = 60
)

// latency asks the extender as kube-scheduler does, over its HTTP, about all nodes each time.
func (r *schedulingRig) latency(ctx context.Context) (_ []figure, err error) {
	ns := fmt.Sprintf("latency-%d", r.nodes)
	names, err := r.createClusters(ctx, ns, asked)
	if err != nil {
		return nil, err
	}
	// kube-scheduler would be busy with its own start, and waits while the extender answers.
	o := r.options()
	o.Alone = true
	s, err := schedule.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	// Nor is what is measured to wait for this process' garbage.
	defer debug.SetGCPercent(debug.SetGCPercent(1000))
	var all, two []string
	for i := range r.nodes {
		all = append(all, fmt.Sprintf("node-%d", i))
		if i%3 != 0 {
			two = append(two, all[i])
		}
	}
	r.proxy.Reset()
	cpu, err := ownMetric(ctx, s, "process_cpu_seconds_total")
	if err != nil {
		return nil, err
	}
	times := map[string][]time.Duration{}
	ask := func(verb string, pod *corev1.Pod, nodes []string) error {
		took, err := question(ctx, s.URL+"/"+verb, pod, nodes)
		times[verb] = append(times[verb], took)
		return err
	}
	for _, name := range names {
		for _, component := range []naming.Component{naming.PD, naming.Store} {
			for ordinal := range int32(3) {
				pod := member(ns, name, component, ordinal)
				pod.UID = "x"
				nodes := all
				if ordinal == 2 {
					nodes = two // it may be that all of them are refused
				}
				if err := errors.Join(ask("filter", pod, nodes), ask("prioritize", pod, all)); err != nil {
					return nil, err
				}
			}
		}
	}
	counts := r.proxy.Counts()
	requests := kube.Sum(counts, func(q kube.Request) bool { return q.Verb != "watch" })
	progress("%d nodes: requests of the extender: %s", r.nodes, kube.Print(counts))
	var out []figure
	for _, verb := range []string{"filter", "prioritize"} {
		median, p99 := spreadOf(times[verb])
		f := figure{fmt.Sprintf("extender: %s of %d nodes, median and 99th percentile", verb, r.nodes), "", fmt.Sprintf("%.1f ms, %.1f ms", median, p99), unbounded}
		if r.nodes == 5000 {
			f.budget, f.verdict = "p99 ≤ 5 ms", verdict(p99, 5)
		}
		out = append(out, f)
	}
	memory, err := ownMetric(ctx, s, "process_resident_memory_bytes")
	if err != nil {
		return nil, err
	}
	after, err := ownMetric(ctx, s, "process_cpu_seconds_total")
	if err != nil {
		return nil, err
	}
	questions := len(times["filter"]) + len(times["prioritize"])
	return append(out,
		figure{"… CPU of an answer, on average", "", fmt.Sprintf("%.1f ms", (after-cpu)*1000/float64(questions)), unbounded},
		figure{"… memory (resident)", "", fmt.Sprintf("%.0f MB", memory/1e6), unbounded},
		figure{fmt.Sprintf("… API requests of %d questions", questions), "0", fmt.Sprint(requests), verdict(float64(requests), 0)}), nil
}

// question asks once, and takes the time from the first byte sent to the last one read.
func question(ctx context.Context, url string, pod *corev1.Pod, nodes []string) (time.Duration, error) {
	body, err := json.Marshal(map[string]any{"Pod": pod, "NodeNames": nodes})
	if err != nil {
		return 0, fmt.Errorf("encode question: %w", err)
	}
	begin := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("ask the extender: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask the extender: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	took := time.Since(begin)
	if err == nil && (response.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"Error"`))) {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	if err != nil {
		return 0, fmt.Errorf("ask the extender: %w", err)
	}
	return took, nil
}

// ownMetric reads a figure that the extender tells of its process.
func ownMetric(ctx context.Context, s *schedule.Scheduler, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Health+"/metrics", nil)
	if err != nil {
		return 0, fmt.Errorf("read the extender's metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("read the extender's metrics: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("read the extender's metrics: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("read the extender's metrics: %s is not among them", name)
}

// rates lets kube-scheduler place the same clusters without and with the extender.
func (r *schedulingRig) rates(ctx context.Context) (figure, error) {
	var rate [2]float64
	for i, without := range []bool{true, false} {
		var err error
		if rate[i], err = r.rate(ctx, without); err != nil {
			return figure{}, err
		}
	}
	return figure{fmt.Sprintf("pods scheduled per second on %d nodes, without and with the extender", r.nodes), "", fmt.Sprintf("%.0f, %.0f", rate[0], rate[1]), unbounded}, nil
}

func (r *schedulingRig) rate(ctx context.Context, without bool) (_ float64, err error) {
	ns := fmt.Sprintf("rate-%d-%t", r.nodes, without)
	names, err := r.createClusters(ctx, ns, placedAtOnce)
	if err != nil {
		return 0, err
	}
	if err := r.createPods(ctx, ns, names); err != nil {
		return 0, err
	}
	bound, stop, err := r.watchBound(ns)
	if err != nil {
		return 0, err
	}
	defer stop()
	o := r.options()
	o.Without = without
	s, err := schedule.Start(ctx, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	var first time.Time
	for n := range 6 * len(names) {
		select {
		case at := <-bound:
			if n == 0 {
				first = at
			}
		case <-time.After(5 * time.Minute):
			return 0, fmt.Errorf("only %d of %d pods were placed\n%s", n, 6*len(names), s.Log())
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return float64(6*len(names)-1) / time.Since(first).Seconds(), nil
}

func (r *schedulingRig) createPods(ctx context.Context, ns string, clusters []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, name := range clusters {
		for _, component := range []naming.Component{naming.PD, naming.Store} {
			for ordinal := range int32(3) {
				group.Go(func() error {
					_, err := r.kube.CoreV1().Pods(ns).Create(ctx, member(ns, name, component, ordinal), metav1.CreateOptions{})
					return err
				})
			}
		}
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("make pods: %w", err)
	}
	return nil
}

// watchBound tells of each pod of a namespace that gets a node.
func (r *schedulingRig) watchBound(ns string) (<-chan time.Time, func(), error) {
	bound := make(chan time.Time, 6*placedAtOnce)
	var mu sync.Mutex
	seen := map[string]bool{}
	factory := informers.NewSharedInformerFactoryWithOptions(r.kube, 0, informers.WithNamespace(ns))
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: func(_, o any) {
		p, ok := o.(*corev1.Pod)
		mu.Lock()
		defer mu.Unlock()
		if ok && p.Spec.NodeName != "" && !seen[p.Name] {
			seen[p.Name] = true
			bound <- time.Now()
		}
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("watch pods: %w", err)
	}
	stop := make(chan struct{})
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	return bound, func() {
		close(stop)
		factory.Shutdown()
	}, nil
}

// writeKubeconfig writes one for an address that asks for no proof of who one is.
func writeKubeconfig(path, addr string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: counted
contexts: [{name: counted, context: {cluster: counted, user: counted}}]
clusters: [{name: counted, cluster: {server: "http://%s"}}]
users: [{name: counted, user: {}}]
`, addr)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
