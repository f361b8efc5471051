// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// operator is the operator's process.
type operator struct {
	cmd         *exec.Cmd
	http, pprof string
	log         string
	ended       chan error
	profiles    string
}

// startOperator starts the operator with its default flags, but without the
// election, and waits until its caches are filled.
func (r *rig) startOperator(ctx context.Context, kubeconfig string) (*operator, error) {
	o := &operator{ended: make(chan error, 1), profiles: r.settings.profiles}
	var err error
	if o.http, err = freePort(); err != nil {
		return nil, err
	}
	if o.pprof, err = freePort(); err != nil {
		return nil, err
	}
	o.log = filepath.Join(r.dir, fmt.Sprintf("operator-%d.log", time.Now().UnixNano()))
	log, err := os.Create(o.log)
	if err != nil {
		return nil, fmt.Errorf("make the operator's log: %w", err)
	}
	defer log.Close()
	o.cmd = exec.Command(r.settings.operator, "--kubeconfig="+kubeconfig, "--leader-elect=false",
		"--launcher-image=cell-operator:bench", "--http-addr="+o.http, "--pprof-addr="+o.pprof)
	o.cmd.Stdout, o.cmd.Stderr = log, log
	o.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := o.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the operator: %w", err)
	}
	go func() { o.ended <- o.cmd.Wait() }()
	err = poll(ctx, 30*time.Second, 5*time.Millisecond, "the operator is ready", func() (bool, error) {
		select {
		case err := <-o.ended:
			o.ended <- err
			return false, o.explain(err)
		default:
		}
		resp, err := http.Get("http://" + o.http + "/readyz")
		if err != nil {
			return false, nil // it does not listen yet
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		return nil, errors.Join(err, o.stop())
	}
	return o, nil
}

// stop ends the operator as Kubernetes would. It must have lived until then.
func (o *operator) stop() error {
	if err := o.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the operator: %w", err)
	}
	select {
	case err := <-o.ended:
		if err != nil {
			return o.explain(err)
		}
		return nil
	case <-time.After(30 * time.Second):
		_ = o.cmd.Process.Kill()
		return errors.New("the operator did not stop in 30 s")
	}
}

func (o *operator) explain(err error) error {
	text, _ := os.ReadFile(o.log)
	if len(text) > 4000 {
		text = text[len(text)-4000:]
	}
	return fmt.Errorf("the operator ended: %w:\n%s", err, text)
}

// metrics are a look at the operator's own.
type metrics map[string]*dto.MetricFamily

func (o *operator) metrics() (metrics, error) {
	resp, err := http.Get("http://" + o.http + "/metrics")
	if err != nil {
		return nil, fmt.Errorf("read the operator's metrics: %w", err)
	}
	defer resp.Body.Close()
	return parse(resp.Body)
}

// apiserver reads the metrics of kube-apiserver.
func (r *rig) apiserver(ctx context.Context) (metrics, error) {
	body, err := r.kube.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the API server's metrics: %w", err)
	}
	if r.settings.profiles != "" {
		if err := os.WriteFile(filepath.Join(r.settings.profiles, "apiserver-metrics.txt"), body, 0o644); err != nil {
			return nil, fmt.Errorf("keep the API server's metrics: %w", err)
		}
	}
	return parse(bytes.NewReader(body))
}

// profileAPIServer keeps a CPU profile of kube-apiserver, if profiles are wanted.
func (r *rig) profileAPIServer(ctx context.Context, name string) error {
	if r.settings.profiles == "" {
		return nil
	}
	body, err := r.kube.CoreV1().RESTClient().Get().AbsPath("/debug/pprof/profile").Param("seconds", "10").DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("profile the API server: %w", err)
	}
	if err := os.WriteFile(filepath.Join(r.settings.profiles, name+".pprof"), body, 0o644); err != nil {
		return fmt.Errorf("keep profile: %w", err)
	}
	return nil
}

func parse(text io.Reader) (metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("parse metrics: %w", err)
	}
	return families, nil
}

// sum adds up all series of a metric: values, or counts of histograms.
func (m metrics) sum(name string) float64 {
	total := 0.0
	for _, x := range m[name].GetMetric() {
		switch {
		case x.Counter != nil:
			total += x.Counter.GetValue()
		case x.Gauge != nil:
			total += x.Gauge.GetValue()
		case x.Histogram != nil:
			total += float64(x.Histogram.GetSampleCount())
		}
	}
	return total
}

// Names of metrics.
const (
	metricSyncs    = "cell_operator_sync_duration_seconds"
	metricRequests = "cell_operator_api_requests_total"
	metricPD       = "cell_operator_pd_request_duration_seconds"
	metricCPU      = "process_cpu_seconds_total"
	metricRSS      = "process_resident_memory_bytes"
	metricHeap     = "go_memstats_heap_alloc_bytes"
	metricQueue    = "cell_operator_queue_depth"
	metricRoutines = "go_goroutines"
)

// collect makes the operator's garbage go.
func (o *operator) collect() error {
	return o.fetch("heap?gc=1", io.Discard)
}

func (o *operator) fetch(profile string, to io.Writer) error {
	resp, err := http.Get("http://" + o.pprof + "/debug/pprof/" + profile)
	if err != nil {
		return fmt.Errorf("fetch profile: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(to, resp.Body); err != nil {
		return fmt.Errorf("fetch profile: %w", err)
	}
	return nil
}

// profile keeps a profile, if profiles are wanted.
func (o *operator) profile(name, profile string) error {
	if o.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(o.profiles, 0o755); err != nil {
		return fmt.Errorf("keep profile: %w", err)
	}
	file, err := os.Create(filepath.Join(o.profiles, name+".pprof"))
	if err != nil {
		return fmt.Errorf("keep profile: %w", err)
	}
	return errors.Join(o.fetch(profile, file), file.Close())
}

// poll looks again and again until something is so.
func poll(ctx context.Context, limit, every time.Duration, what string, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		ok, err := is()
		if ok || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		}
	}
}
