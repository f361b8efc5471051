// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	kubeconfig          string
	namespaces          string
	clusterResources    bool
	workers             int
	qps                 float64
	burst               int
	launcherImage       string
	defaultStorageClass string
	httpAddr            string
	pprofAddr           string
	pollInterval        time.Duration
	pollBusyInterval    time.Duration
	elect               bool
	electNamespace      string
	electID             string
	leaseDuration       time.Duration
	renewDeadline       time.Duration
	retryPeriod         time.Duration
	version             bool
}

func (o *options) addFlags(f *flag.FlagSet) {
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; empty uses the pod's service account")
	f.StringVar(&o.namespaces, "namespaces", "", "namespaces to look after, separated by commas; empty means all")
	f.BoolVar(&o.clusterResources, "cluster-resources", true, "read nodes, volumes and storage classes, which needs rights on the whole Kubernetes cluster; without it every store is in zone \"default\", reclaim policies are left alone, and cordoned and dead nodes are not seen")
	f.IntVar(&o.workers, "workers", 10, "number of clusters that are synced at a time")
	f.Float64Var(&o.qps, "kube-api-qps", 200, "requests to the API server per second, on average")
	f.IntVar(&o.burst, "kube-api-burst", 400, "requests to the API server at once")
	f.StringVar(&o.launcherImage, "launcher-image", "", "image that brings cell-launcher to the pods of clusters that name none; required, usually the operator's own image")
	f.StringVar(&o.defaultStorageClass, "default-storage-class-name", "", "class of volumes of clusters that name none; empty leaves it to Kubernetes")
	f.StringVar(&o.httpAddr, "http-addr", ":8080", "address of /healthz, /readyz and /metrics")
	f.StringVar(&o.pprofAddr, "pprof-addr", "", "address of /debug/pprof; empty turns it off")
	f.DurationVar(&o.pollInterval, "pd-poll-interval", 30*time.Second, "time between two looks at the PD of a settled cluster")
	f.DurationVar(&o.pollBusyInterval, "pd-poll-busy-interval", time.Second, "time between two looks at the PD of a cluster with work under way")
	f.BoolVar(&o.elect, "leader-elect", true, "let only one of several operators act at a time")
	f.StringVar(&o.electNamespace, "leader-election-namespace", "", "namespace of the lease; empty means the pod's own")
	f.StringVar(&o.electID, "leader-election-id", "cell-controller-manager", "name of the lease")
	f.DurationVar(&o.leaseDuration, "lease-duration", 15*time.Second, "how long a dead leader keeps the others waiting")
	f.DurationVar(&o.renewDeadline, "renew-deadline", 10*time.Second, "how long a leader tries to renew its lease before it gives up")
	f.DurationVar(&o.retryPeriod, "retry-period", 2*time.Second, "time between two attempts at the lease")
	f.BoolVar(&o.version, "version", false, "print the version and end")
}

// namespaceList are the namespaces to look after; none means all.
func (o *options) namespaceList() []string {
	var out []string
	for ns := range strings.SplitSeq(o.namespaces, ",") {
		if ns = strings.TrimSpace(ns); ns != "" {
			out = append(out, ns)
		}
	}
	return out
}

func (o *options) validate() error {
	if o.launcherImage == "" {
		return errors.New("--launcher-image is empty: set it to the operator's own image, which holds /cell-launcher")
	}
	if o.renewDeadline >= o.leaseDuration {
		return errors.New("--renew-deadline must be shorter than --lease-duration, else two operators could act at once")
	}
	return nil
}
