// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package schedule runs the real kube-scheduler, as the chart configures it, with the
// extender's real program beside it.
package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/pkg/scheduler/server"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// Name is the schedulerName that the chart gives it.
const Name = "cell-scheduler"

// Options of a Scheduler.
type Options struct {
	// Plane is the control plane to schedule for.
	Plane *kube.ControlPlane
	// Program is the extender's.
	Program string
	// Kubeconfig is the extender's way to the API server; empty for the plane's.
	Kubeconfig string
	// Alone starts no kube-scheduler.
	Alone bool
	// Without leaves the extender out of the configuration, to compare.
	Without bool
	// Ignorable is the chart's scheduler.extender.ignorable.
	Ignorable bool
}

// Scheduler is a running one.
type Scheduler struct {
	// URL is where the extender is asked, Health where its metrics are.
	URL, Health string

	o             Options
	dir           string
	ports         [3]int // extender, its health, kube-scheduler
	kube, program *process
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	log  string
}

// Build builds the extender's program into a folder.
func Build(ctx context.Context, dir string) (string, error) {
	root, err := kube.Root()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "cell-scheduler")
	return out, kube.Build(ctx, root, "./cmd/scheduler", out)
}

// Start brings both up and returns when they work. Stop must be called.
func Start(ctx context.Context, o Options) (_ *Scheduler, err error) {
	s := &Scheduler{o: o}
	if s.dir, err = os.MkdirTemp("", "schedule-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	for i := range s.ports {
		if s.ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	s.URL, s.Health = fmt.Sprintf("http://127.0.0.1:%d%s", s.ports[0], server.Prefix), fmt.Sprintf("http://127.0.0.1:%d", s.ports[1])
	if !o.Without {
		if err := s.StartExtender(ctx); err != nil {
			return nil, err
		}
	}
	if o.Alone {
		return s, nil
	}
	return s, s.StartKubeScheduler(ctx)
}

// StartExtender starts the extender's program and waits until it is ready.
func (s *Scheduler) StartExtender(ctx context.Context) (err error) {
	kubeconfig := s.o.Kubeconfig
	if kubeconfig == "" {
		kubeconfig = s.o.Plane.Kubeconfig
	}
	s.program, err = s.start("extender", s.o.Program, "--kubeconfig="+kubeconfig, "-v=2",
		fmt.Sprintf("--extender-addr=127.0.0.1:%d", s.ports[0]), "--http-addr="+strings.TrimPrefix(s.Health, "http://"))
	if err != nil {
		return err
	}
	return s.program.await(ctx, s.Health+"/readyz")
}

// StopExtender ends the extender's program alone, as a crash does.
func (s *Scheduler) StopExtender() { s.program.kill(); s.program = nil }

// StartKubeScheduler starts kube-scheduler and waits until it is healthy.
func (s *Scheduler) StartKubeScheduler(ctx context.Context) error {
	config, args, err := s.configuration(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "config.yaml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	// Of a flag that is given twice the latter counts.
	args = append(args, "--config="+path, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", s.ports[2]))
	s.kube, err = s.start("kube-scheduler", filepath.Join(s.o.Plane.Bin, "kube-scheduler"), args...)
	if err != nil {
		return err
	}
	return s.kube.await(ctx, fmt.Sprintf("https://127.0.0.1:%d/healthz", s.ports[2]))
}

// StopKubeScheduler ends kube-scheduler alone.
func (s *Scheduler) StopKubeScheduler() { s.kube.kill(); s.kube = nil }

// Log is the end of what both have said.
func (s *Scheduler) Log() string {
	var out string
	for _, name := range []string{"kube-scheduler", "extender"} {
		out += name + ":\n" + tail(filepath.Join(s.dir, name+".log")) + "\n"
	}
	return out
}

// Stop ends both and removes their files.
func (s *Scheduler) Stop() error {
	s.kube.kill()
	s.program.kill()
	return os.RemoveAll(s.dir)
}

// configuration is the one of the chart, with a way to the API server from outside, no
// election, and none of client-go's limits; args are the chart's flags of kube-scheduler.
func (s *Scheduler) configuration(ctx context.Context) (text []byte, args []string, err error) {
	root, err := kube.Root()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.o.Plane.Bin, "helm"), "template", "x", filepath.Join(root, "charts", "cell-operator"),
		"--show-only=templates/scheduler.yaml", "--set=scheduler.create=true",
		fmt.Sprintf("--set=scheduler.extender.port=%d,scheduler.extender.ignorable=%t", s.ports[0], s.o.Ignorable))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	rendered, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("render the chart: %w: %s", err, stderr.String())
	}
	for document := range strings.SplitSeq(string(rendered), "\n---\n") {
		var o struct {
			Kind string
			Data map[string]string
			Spec struct{ Template corev1.PodTemplateSpec }
		}
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			return nil, nil, fmt.Errorf("read the chart's objects: %w", err)
		}
		for _, c := range o.Spec.Template.Spec.Containers {
			if c.Name == "kube-scheduler" {
				args = c.Args
			}
		}
		if o.Kind == "ConfigMap" {
			if text, err = s.adapt(o.Data["config.yaml"]); err != nil {
				return nil, nil, err
			}
		}
	}
	if text == nil || args == nil {
		return nil, nil, errors.New("the chart has no configuration or no container of kube-scheduler")
	}
	return text, args, nil
}

func (s *Scheduler) adapt(text string) ([]byte, error) {
	config := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return nil, fmt.Errorf("read the chart's configuration: %w", err)
	}
	config["clientConnection"] = map[string]any{"kubeconfig": s.o.Plane.Kubeconfig, "qps": 1000, "burst": 2000}
	config["leaderElection"] = map[string]any{"leaderElect": false}
	if s.o.Without {
		delete(config, "extenders")
	}
	return yaml.Marshal(config)
}

// start runs a program in a process group of its own, so that a terminal's interrupt leaves its end to us.
func (s *Scheduler) start(name, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), done: make(chan struct{}), log: filepath.Join(s.dir, name+".log")}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// startLimit is generous, for a busy machine.
const startLimit = 2 * time.Minute

func (p *process) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if healthy(ctx, url) {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.cmd.Path, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w: %s", url, ctx.Err(), p.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *process) tail() string { return tail(p.log) }

func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(len(text)-2000, 0):])
}

func healthy(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := insecure.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %v is none", l.Addr())
	}
	return address.Port, nil
}
