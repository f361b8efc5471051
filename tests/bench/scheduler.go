// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
	"github.com/deepfabric/elasticell-operator/tests/internal/schedule"
)

// schedulingRig is a bare control plane with nodes, without anybody who plays pods.
type schedulingRig struct {
	plane   *kube.ControlPlane
	kube    kubernetes.Interface
	cells   versioned.Interface
	proxy   *proxy
	counted string // a kubeconfig through the proxy, for the extender
	dir     string
	program string
	nodes   int
}

// scheduling measures the extender, and kube-scheduler with and without it, on more and more nodes.
func scheduling(ctx context.Context, s settings) (figures []figure, err error) {
	r, err := newSchedulingRig(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, nodes := range []int{100, 1000, 5000} {
		if s.short && nodes > 1000 {
			break
		}
		if err := r.addNodes(ctx, nodes); err != nil {
			return nil, err
		}
		latency, err := r.latency(ctx)
		if err != nil {
			return nil, err
		}
		rate, err := r.rates(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(append(figures, latency...), rate)
	}
	return figures, nil
}

func newSchedulingRig(ctx context.Context) (_ *schedulingRig, err error) {
	r := &schedulingRig{}
	if r.plane, err = kube.Up(ctx, kube.Options{Name: "bench"}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if r.program, err = schedule.Build(ctx, r.dir); err != nil {
		return nil, err
	}
	config, err := r.plane.Config()
	if err != nil {
		return nil, err
	}
	if r.kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("make client of Kubernetes: %w", err)
	}
	if r.cells, err = versioned.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("make client of CellClusters: %w", err)
	}
	if err := kube.Install(ctx, config); err != nil {
		return nil, err
	}
	if r.proxy, err = newProxy(config); err != nil {
		return nil, err
	}
	r.counted = filepath.Join(r.dir, "counted.kubeconfig")
	return r, writeKubeconfig(r.counted, r.proxy.addr)
}

func (r *schedulingRig) close() error {
	var err error
	if r.proxy != nil {
		err = r.proxy.Close()
	}
	return errors.Join(err, r.plane.Down(), os.RemoveAll(r.dir))
}

func (r *schedulingRig) options() schedule.Options {
	return schedule.Options{Plane: r.plane, Program: r.program, Kubeconfig: r.counted}
}

const atOnce = 32

// addNodes makes nodes until there are so many, in three zones.
func (r *schedulingRig) addNodes(ctx context.Context, count int) error {
	progress("%d nodes", count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for ; r.nodes < count; r.nodes++ {
		name, zone := fmt.Sprintf("node-%d", r.nodes), fmt.Sprintf("zone-%d", r.nodes%3)
		group.Go(func() error {
			much := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("64"), corev1.ResourceMemory: resource.MustParse("256Gi"), corev1.ResourcePods: resource.MustParse("110")}
			_, err := r.kube.CoreV1().Nodes().Create(ctx, &corev1.Node{
				ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelTopologyZone: zone, "kubernetes.io/os": "linux", "node.kubernetes.io/instance-type": "large"}},
				Status:     corev1.NodeStatus{Capacity: much, Allocatable: much, Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
			}, metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("make nodes: %w", err)
	}
	return nil
}

// member is a pod of a cluster as its StatefulSet makes it. It tolerates that nobody calls the nodes ready.
func member(ns, cluster string, component naming.Component, ordinal int32) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: naming.Pod(cluster, component, ordinal), Labels: naming.Labels(cluster, component)},
		Spec: corev1.PodSpec{
			SchedulerName: schedule.Name, Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{Name: string(component), Image: "x", Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("1Gi")}}}},
		},
	}
}

// createClusters makes CellClusters of 3 PDs and 3 stores in a namespace of their own, and returns their names.
func (r *schedulingRig) createClusters(ctx context.Context, ns string, count int) ([]string, error) {
	if _, err := r.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("make namespace: %w", err)
	}
	// kube-controller-manager would make it, and no pod is accepted without.
	if _, err := r.kube.CoreV1().ServiceAccounts(ns).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("make service account: %w", err)
	}
	names := make([]string, count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
		group.Go(func() error {
			c := &v1alpha1.CellCluster{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: names[i]}}
			c.Spec.PD = v1alpha1.PDSpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "pd"}, Replicas: 3}
			c.Spec.Store = v1alpha1.StoreSpec{ComponentSpec: v1alpha1.ComponentSpec{Image: "store"}, Replicas: 3}
			c.Spec.Proxy.Image = "proxy"
			_, err := r.cells.DeepfabricV1alpha1().CellClusters(ns).Create(ctx, c, metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("make clusters: %w", err)
	}
	return names, nil
}

// spread of times: the median and the 99th percentile in milliseconds.
func spreadOf(times []time.Duration) (median, p99 float64) {
	slices.Sort(times)
	ms := func(q float64) float64 { return times[min(int(q*float64(len(times))), len(times)-1)].Seconds() * 1000 }
	return ms(0.5), ms(0.99)
}
