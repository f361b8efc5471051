// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package render turns a cluster's plan into command lines and configuration files. It is pure: the
// same setup always gives the same text, and nothing is read or written here.
package render

import (
	"fmt"
	"slices"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

// The components, as they are named in logs, in `status` and in --arg.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	CoreDNS           = "coredns"
	Kwok              = "kwok"
	KubeProxy         = "kube-proxy"
	Kubelet           = "kubelet"
	Containerd        = "containerd"
	Forward           = "forward" // our own: from the machine's loopback to the apiserver
)

// Components lists those that take further arguments.
var Components = []string{
	Etcd, APIServer, ControllerManager, Scheduler, CoreDNS, Kwok, KubeProxy, Kubelet, Containerd,
}

// PauseImage holds a pod's namespaces. It is made here and never fetched.
const PauseImage = "cell-cluster.local/pause:1"

// Ports is where the parts of a control plane listen.
type Ports struct {
	API               int `json:"api"` // on the machine's loopback too
	EtcdClient        int `json:"etcdClient"`
	EtcdPeer          int `json:"etcdPeer"`
	ControllerManager int `json:"controllerManager"`
	Scheduler         int `json:"scheduler"`
}

// NetNSPorts are the usual ports: a namespace of its own has all of them free. Only the apiserver's
// differs, because the forwarder takes the same one on the machine's loopback.
func NetNSPorts(api int) Ports {
	return Ports{API: api, EtcdClient: 2379, EtcdPeer: 2380, ControllerManager: 10257, Scheduler: 10259}
}

// Setup is everything that command lines and files depend on.
type Setup struct {
	Options plan.Options        `json:"options"`
	Dirs    plan.Dirs           `json:"dirs"`
	Bin     string              `json:"bin"` // folder of the built programs
	Ports   Ports               `json:"ports"`
	OnHost  bool                `json:"onHost"` // a bare apiserver on the machine's loopback, without nodes
	Extra   map[string][]string `json:"extra"`  // further arguments, by component

	// Controllers are the components beside etcd and the apiserver.
	Controllers []string `json:"controllers"`

	CNIBin      string `json:"cniBin"`
	Snapshotter string `json:"snapshotter"`
}

// LocalServer is the apiserver's URL for its neighbours, and for users on the machine.
func (s Setup) LocalServer() string { return fmt.Sprintf("https://127.0.0.1:%d", s.Ports.API) }

// NodeServer is the apiserver's URL for nodes.
func (s Setup) NodeServer() string { return fmt.Sprintf("https://%s:%d", plan.HubIP, s.Ports.API) }

// APIServerHosts are the names and addresses by which the apiserver is called.
func APIServerHosts() []string {
	return []string{
		"127.0.0.1", "localhost", plan.HubIP, plan.APIServiceIP,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + plan.DNSDomain,
	}
}

func (s Setup) program(name string) string { return s.Bin + "/" + name }

// args appends what the user asked for, so that it wins over ours.
func (s Setup) args(component string, args ...string) []string {
	return slices.Concat([]string{s.program(component)}, args, s.Extra[component])
}
