// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/kubeapi"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/pki"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/render"
)

const mastersGroup = "system:masters"

// clients are the users of the control plane, with the name of each one's certificate.
var clients = []struct {
	cert string
	pki.Request
}{
	{render.CertAdmin, pki.Request{Name: "admin", Groups: []string{mastersGroup}}},
	{render.CertKubeletClient, pki.Request{Name: "kube-apiserver", Groups: []string{mastersGroup}}},
	{render.ControllerManager, pki.Request{Name: "system:kube-controller-manager"}},
	{render.Scheduler, pki.Request{Name: "system:kube-scheduler"}},
	{render.KubeProxy, pki.Request{Name: "system:kube-proxy"}},
	{render.CoreDNS, pki.Request{Name: kubeapi.DNSUser}},
	{render.Kwok, pki.Request{Name: "kwok", Groups: []string{mastersGroup}}},
}

// writeControlPlane writes the control plane's certificates and files.
func (c *Cluster) writeControlPlane() error {
	ca, err := pki.NewCA(c.dirs.Cert(render.CertCA), c.dirs.Key(render.CertCA))
	if err != nil {
		return err
	}
	if err := pki.WriteKeyPair(c.dirs.Cert(render.KeyServiceAccount), c.dirs.Key(render.KeyServiceAccount)); err != nil {
		return err
	}
	server := pki.Request{Name: "kube-apiserver", Hosts: render.APIServerHosts()}
	if err := ca.Issue(server, c.dirs.Cert(render.CertAPIServer), c.dirs.Key(render.CertAPIServer)); err != nil {
		return err
	}
	for _, client := range clients {
		if err := ca.Issue(client.Request, c.dirs.Cert(client.cert), c.dirs.Key(client.cert)); err != nil {
			return err
		}
		file := c.dirs.Config(client.cert + ".kubeconfig")
		if client.cert == render.CertAdmin {
			file = c.dirs.Kubeconfig()
		}
		if err := c.writeKubeconfig(file, c.setup().LocalServer(), client.cert); err != nil {
			return err
		}
	}
	resolv := fmt.Sprintf("search svc.%s %[1]s\nnameserver %s\noptions ndots:5\n", plan.DNSDomain, plan.DNSServiceIP)
	return writeFiles(map[string]string{
		c.dirs.Config("Corefile"):        c.setup().Corefile(),
		c.dirs.Config("resolv.conf"):     "",     // of a pod that asks for its node's
		c.dirs.Config("run-resolv.conf"): resolv, // of `run`
	})
}

// writeNode writes a node's certificate and files.
func (c *Cluster) writeNode(n plan.Node) error {
	setup := c.setup()
	for _, dir := range []string{"kubelet", "cni", "tmp"} {
		if err := os.MkdirAll(c.dirs.Node(n, dir), 0o755); err != nil {
			return fmt.Errorf("make node folder: %w", err)
		}
	}
	ca, err := pki.LoadCA(c.dirs.Cert(render.CertCA), c.dirs.Key(render.CertCA))
	if err != nil {
		return err
	}
	cert := render.NodeCert(n)
	request := pki.Request{Name: "system:node:" + n.Name, Groups: []string{"system:nodes"}, Hosts: []string{n.Name, n.IP()}}
	if err := ca.Issue(request, c.dirs.Cert(cert), c.dirs.Key(cert)); err != nil {
		return err
	}
	if err := c.writeKubeconfig(c.dirs.Node(n, "kubelet.kubeconfig"), setup.NodeServer(), cert); err != nil {
		return err
	}
	proxyConfig := c.dirs.Node(n, "kube-proxy.kubeconfig")
	if err := c.writeKubeconfig(proxyConfig, setup.NodeServer(), render.KubeProxy); err != nil {
		return err
	}
	return writeFiles(map[string]string{
		c.dirs.Node(n, "containerd.toml"):           setup.ContainerdConfig(n),
		c.dirs.Node(n, "cni", "10-cell.conflist"):   setup.CNIConfig(n),
		c.dirs.Node(n, "kubelet.json"):              setup.KubeletConfig(n),
		c.dirs.Config(render.KubeProxyFile(n.Name)): setup.KubeProxyConfig(n.Name, proxyConfig),
	})
}

func (c *Cluster) writeKubeconfig(file, server, cert string) error {
	var pems [3][]byte
	for i, name := range []string{c.dirs.Cert(render.CertCA), c.dirs.Cert(cert), c.dirs.Key(cert)} {
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("write kubeconfig: %w", err)
		}
		pems[i] = data
	}
	return writeFiles(map[string]string{file: render.Kubeconfig(c.name(), server, pems[0], pems[1], pems[2])})
}

func writeFiles(files map[string]string) error {
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
