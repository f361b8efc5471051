// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/client/clientset/versioned"
	"github.com/deepfabric/elasticell-operator/pkg/controller"
	"github.com/deepfabric/elasticell-operator/pkg/metrics"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/process"
)

// run starts everything and returns when ctx ends, or when the lease is lost.
func run(ctx context.Context, o options) error {
	if err := o.validate(); err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Starting", "version", version, "namespaces", o.namespaceList())
	registry := prometheus.NewRegistry()
	m := metrics.New(registry)
	config, err := process.RESTConfig(o.kubeconfig, naming.FieldManager+"/"+version)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = float32(o.qps), o.burst
	config.Wrap(m.Wrap)
	var f fence
	config.Wrap(f.Wrap)
	kube, err := kubernetes.NewForConfig(process.Protobuf(config))
	if err != nil {
		return fmt.Errorf("make client of Kubernetes: %w", err)
	}
	cells, err := versioned.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client of CellClusters: %w", err)
	}
	events, stopEvents, err := recorder(kube)
	if err != nil {
		return err
	}
	defer stopEvents()
	c, err := controller.New(controller.Options{
		Kube: kube, Cells: cells, Events: events,
		PD:                  pdFactory(m, &f),
		LauncherImage:       o.launcherImage,
		DefaultStorageClass: o.defaultStorageClass,
		Namespaces:          o.namespaceList(),
		ClusterResources:    o.clusterResources,
		Workers:             o.workers,
		Poll:                pdstate.Options{Settled: o.pollInterval, Busy: o.pollBusyInterval},
		Metrics:             m,
		Operations:          metrics.NewOperations(registry),
		Queue:               m.Queue(),
	})
	if err != nil {
		return fmt.Errorf("make controller: %w", err)
	}
	registry.MustRegister(&metrics.Clusters{List: c.Clusters})

	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer func() {
		cancel(nil) // also after a lost lease, or the servers would never end
		running.Wait()
	}()
	for addr, handler := range handlers(o, registry, c.Ready) {
		running.Go(func() {
			if err := process.Serve(ctx, addr, handler); err != nil {
				cancel(err)
			}
		})
	}
	if err := c.Start(ctx); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	if !o.elect {
		c.Run(ctx)
		return cause(ctx)
	}
	return lead(ctx, o, kube, &f, c.Run)
}

// cause is why a context ended; nil if it was asked to.
func cause(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func recorder(kube kubernetes.Interface) (record.EventRecorder, func(), error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, nil, fmt.Errorf("register types for events: %w", err)
	}
	// By default 25 events of an object pass, and then one in 5 minutes: fewer than the steps of an upgrade of ten members.
	broadcaster := record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{BurstSize: 250, QPS: 0.2, MaxEvents: 250}))
	broadcaster.StartStructuredLogging(2)
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kube.CoreV1().Events("")})
	return broadcaster.NewRecorder(scheme, corev1.EventSource{Component: naming.FieldManager}), broadcaster.Shutdown, nil
}

func pdFactory(m *metrics.Metrics, f *fence) pdapi.Factory {
	return pdapi.NewFactory(pdapi.Options{
		Transport: f.Wrap(pdapi.NewTransport(nil)),
		Guard:     f.open,
		UserAgent: naming.FieldManager + "/" + version,
		Observe: func(op string, took time.Duration, err error) {
			m.CalledPD(op, pdapi.Class(err), took)
		},
	})
}

// lead runs the controller while this process holds the lease. A lost lease
// is an error: the process ends, and starts again as a standby.
func lead(ctx context.Context, o options, kube kubernetes.Interface, f *fence, work func(context.Context)) error {
	namespace, err := leaseNamespace(o)
	if err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name this process for the lease: %w", err)
	}
	name = fmt.Sprintf("%s_%d_%d", name, os.Getpid(), time.Now().UnixNano())
	lease, err := resourcelock.New(resourcelock.LeasesResourceLock, namespace, o.electID, kube.CoreV1(), kube.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: name})
	if err != nil {
		return fmt.Errorf("make the lease's lock: %w", err)
	}
	lock := &renewals{Interface: lease}
	done := make(chan struct{})
	var started atomic.Bool
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: o.leaseDuration, RenewDeadline: o.renewDeadline, RetryPeriod: o.retryPeriod,
		Name: o.electID,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				started.Store(true)
				defer close(done)
				klog.FromContext(ctx).Info("Leading", "identity", name)
				work(ctx)
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("make the leader election: %w", err)
	}
	f.guard(func() error {
		if started.Load() && !elector.IsLeader() {
			return errors.New("another holds the lease")
		}
		if age := lock.age(); started.Load() && age > o.renewDeadline {
			return fmt.Errorf("it was renewed %v ago", age.Round(time.Second))
		}
		return nil
	})
	elector.Run(ctx)
	lost := ctx.Err() == nil
	if started.Load() {
		select {
		case <-done:
		case <-time.After(workLimit):
			return fmt.Errorf("the work under way has not ended %v after %s, so the process ends without it: see in the log what hangs", workLimit, why(lost))
		}
	}
	if lost {
		return errors.New("lost the lease; another operator acts now")
	}
	release(lock)
	return cause(ctx)
}

// workLimit bounds how long the syncs under way may take once they were told to end. It is
// less than the 30 s after which a kubelet kills a pod that it stops.
const workLimit = 20 * time.Second

// why tells what the work was to end for.
func why(lost bool) string {
	if lost {
		return "the lease was lost, and another operator acts now"
	}
	return "the stop"
}

// releaseLimit bounds the release of the lease.
const releaseLimit = 2 * time.Second

// release gives the lease back once no work is under way any more, so that a
// standby need not wait until it runs out. client-go's own ReleaseOnCancel does
// not wait for the work.
func release(lock resourcelock.Interface) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseLimit)
	defer cancel()
	record, _, err := lock.Get(ctx)
	if err != nil || record.HolderIdentity != lock.Identity() {
		return
	}
	record.HolderIdentity = ""
	record.LeaseDurationSeconds = 1
	if err := lock.Update(ctx, *record); err != nil {
		klog.FromContext(ctx).Error(err, "The lease was not released; a standby waits until it runs out")
	}
}

const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

func leaseNamespace(o options) (string, error) {
	if o.electNamespace != "" {
		return o.electNamespace, nil
	}
	text, err := os.ReadFile(namespaceFile)
	if err != nil {
		return "", fmt.Errorf("find the namespace of the lease: %w; set --leader-election-namespace, or --leader-elect=false", err)
	}
	return strings.TrimSpace(string(text)), nil
}
