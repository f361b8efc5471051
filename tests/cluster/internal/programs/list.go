// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package programs builds the programs that a cluster consists of from their Go modules, once for
// each set of versions, into a cache folder of the user.
package programs

import (
	"slices"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

// Names of programs that are no component.
const (
	Kubectl = "kubectl"
	Helm    = "helm"
	Pause   = "pause"
)

// program is one thing to build.
type program struct {
	name   string
	module string // folder below tools, whose go.mod holds the versions
	pkg    string
}

const (
	kubernetesModule = "kubernetes"
	kubernetesPath   = "k8s.io/kubernetes"
	kwokModule       = "kwok"
	kwokPath         = "sigs.k8s.io/kwok"
)

// all is in the order of building: what a cluster cannot do without first.
var all = []program{
	{render.Etcd, "etcd", "go.etcd.io/etcd/server/v3"},
	{render.APIServer, kubernetesModule, kubernetesPath + "/cmd/kube-apiserver"},
	{render.ControllerManager, kubernetesModule, kubernetesPath + "/cmd/kube-controller-manager"},
	{render.Scheduler, kubernetesModule, kubernetesPath + "/cmd/kube-scheduler"},
	{render.Kubelet, kubernetesModule, kubernetesPath + "/cmd/kubelet"},
	{render.KubeProxy, kubernetesModule, kubernetesPath + "/cmd/kube-proxy"},
	{Kubectl, kubernetesModule, kubernetesPath + "/cmd/kubectl"},
	{render.CoreDNS, "coredns", "."},
	{Pause, "pause", "."},
	{Helm, "helm", "helm.sh/helm/v4/cmd/helm"},
	{render.Kwok, kwokModule, kwokPath + "/cmd/kwok"},
}

// All lists every program.
func All() []string {
	names := make([]string, 0, len(all))
	for _, p := range all {
		names = append(names, p.name)
	}
	return names
}

// ForCluster lists what a cluster with real nodes and its users need.
func ForCluster(kwok bool) []string {
	return slices.DeleteFunc(All(), func(name string) bool { return name == render.Kwok && !kwok })
}

// ForAPIServer lists what a bare control plane with some further components needs.
func ForAPIServer(components []string) []string {
	return append([]string{render.Etcd, render.APIServer}, components...)
}
