// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kube brings up a real kube-apiserver and etcd, with
// kube-controller-manager where that is asked for, and takes them down again. It
// knows nothing of the operator but where its definition lies.
package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Options of a control plane.
type Options struct {
	// Name is the stem of its name; a number that no other process uses is added.
	Name string
	// ControllerManager brings kube-controller-manager too.
	ControllerManager bool
	// Volumes lets it bind claims to volumes.
	Volumes bool
	// FakeNodes is the number of nodes, in three zones, that KWOK plays together with their pods.
	FakeNodes int
}

// ControlPlane is a running one.
type ControlPlane struct {
	// Kubeconfig is the path of an administrator's kubeconfig.
	Kubeconfig string
	// Bin is the folder of Kubernetes' programs, kubectl among them.
	Bin string

	name string
	dir  string
	tool string
	lock *os.File
}

// Controllers that have no part in a test: without nodes there are none to look after, since nobody
// sends their heartbeats, and claims are bound by whoever plays them unless volumes are asked for.
const (
	idle        = "*,-ttl-controller,-node-ipam-controller,-persistentvolume-attach-detach-controller"
	idleNodes   = ",-node-lifecycle-controller,-taint-eviction-controller"
	idleVolumes = ",-persistentvolume-binder-controller"
)

// Up brings a control plane up, in a few seconds where its programs are built already.
// The caller must take it down; what a killed process leaves is cleaned up by
// the next one that gets its name.
func Up(ctx context.Context, o Options) (_ *ControlPlane, err error) {
	c := &ControlPlane{}
	if c.dir, err = os.MkdirTemp("", "kube-"); err != nil {
		return nil, fmt.Errorf("make a folder for the control plane: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Down())
		}
	}()
	if c.name, c.lock, err = freeName(o.Name); err != nil {
		return nil, err
	}
	root, err := Root()
	if err != nil {
		return nil, err
	}
	c.tool = filepath.Join(c.dir, "cell-cluster")
	if err := Build(ctx, filepath.Join(root, "tests", "cluster"), ".", c.tool); err != nil {
		return nil, err
	}
	if _, err := c.run(ctx, "apiserver", "down"); err != nil {
		return nil, fmt.Errorf("clean up after an earlier run: %w", err)
	}
	out, err := c.run(ctx, o.args()...)
	if err != nil {
		return nil, fmt.Errorf("bring up a control plane: %w", err)
	}
	var result struct{ Kubeconfig, Bin string }
	if err := json.Unmarshal(out, &result); err != nil {
		return nil, fmt.Errorf("bring up a control plane: unexpected answer %q: %w", out, err)
	}
	c.Kubeconfig, c.Bin = result.Kubeconfig, result.Bin
	return c, nil
}

// args are those of the tool that brings it up.
func (o Options) args() []string {
	args := []string{"apiserver", "up", "--output=json"}
	if o.ControllerManager {
		controllers := idle
		if o.FakeNodes == 0 {
			controllers += idleNodes
		}
		if !o.Volumes {
			controllers += idleVolumes
		}
		args = append(args, "--with=controller-manager", "--arg=kube-controller-manager=--controllers="+controllers)
	}
	if o.FakeNodes > 0 {
		args = append(args, "--with=kwok", fmt.Sprintf("--kwok-nodes=%d", o.FakeNodes))
	}
	return args
}

// Down takes the control plane and all its files away.
func (c *ControlPlane) Down() error {
	var err error
	if c.tool != "" {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err = c.run(ctx, "apiserver", "down")
	}
	if c.lock != nil {
		err = errors.Join(err, c.lock.Close())
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// Config is an administrator's configuration, without client-go's own limit of requests.
func (c *ControlPlane) Config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1
	return config, nil
}

// Kubectl runs kubectl with a text as its input, and returns what it prints.
func (c *ControlPlane) Kubectl(ctx context.Context, input []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.Bin, "kubectl"), append([]string{"--kubeconfig=" + c.Kubeconfig}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func (c *ControlPlane) run(ctx context.Context, args ...string) ([]byte, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, c.tool, append(args, "--name="+c.name, "--state-dir="+filepath.Join(c.dir, "state"))...)
	cmd.Env = append(os.Environ(), "CELL_CLUSTER_TOOLS="+filepath.Join(root, "tests", "cluster", "tools"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cell-cluster %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// Prepare builds all that Up needs, which may fetch modules from the network.
func Prepare(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "kube-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	root, err := Root()
	if err != nil {
		return err
	}
	c := &ControlPlane{dir: dir, name: "prepare", tool: filepath.Join(dir, "cell-cluster")}
	if err := Build(ctx, filepath.Join(root, "tests", "cluster"), ".", c.tool); err != nil {
		return err
	}
	_, err = c.run(ctx, "build")
	return err
}
