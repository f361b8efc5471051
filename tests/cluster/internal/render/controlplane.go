// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

// Names of certificates in the folder of keys.
const (
	CertCA            = "ca"
	CertAPIServer     = "apiserver"
	CertKubeletClient = "apiserver-kubelet-client"
	CertAdmin         = "admin"
	KeyServiceAccount = "service-account"
)

// EtcdArgs is etcd's command line. Nothing in a test cluster is worth an fsync.
func (s Setup) EtcdArgs() []string {
	client := s.EtcdURL()
	peer := fmt.Sprintf("http://127.0.0.1:%d", s.Ports.EtcdPeer)
	return s.args(Etcd,
		"--data-dir="+s.Dirs.Etcd(),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer,
		"--initial-cluster=default="+peer,
		"--unsafe-no-fsync",
		"--log-level=warn",
	)
}

// EtcdURL is where etcd answers.
func (s Setup) EtcdURL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.Ports.EtcdClient) }

// APIServerArgs is the apiserver's command line.
func (s Setup) APIServerArgs() []string {
	args := []string{
		"--etcd-servers=" + s.EtcdURL(),
		fmt.Sprintf("--secure-port=%d", s.Ports.API),
		"--service-cluster-ip-range=" + plan.ServicePrefix,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--client-ca-file=" + s.Dirs.Cert(CertCA),
		"--tls-cert-file=" + s.Dirs.Cert(CertAPIServer),
		"--tls-private-key-file=" + s.Dirs.Key(CertAPIServer),
		"--service-account-issuer=https://kubernetes.default.svc." + plan.DNSDomain,
		"--service-account-key-file=" + s.Dirs.Cert(KeyServiceAccount),
		"--service-account-signing-key-file=" + s.Dirs.Key(KeyServiceAccount),
	}
	if s.OnHost {
		// Without nodes nobody reaches the "kubernetes" Service, and a loopback address is no endpoint.
		args = append(args, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none")
	} else {
		args = append(args, "--bind-address=0.0.0.0", "--advertise-address="+plan.HubIP,
			"--kubelet-certificate-authority="+s.Dirs.Cert(CertCA),
			"--kubelet-client-certificate="+s.Dirs.Cert(CertKubeletClient),
			"--kubelet-client-key="+s.Dirs.Key(CertKubeletClient),
			"--kubelet-preferred-address-types=InternalIP")
	}
	return s.args(APIServer, args...)
}

// clientRate lifts client-go's own limit (20 requests a second): a test waits for the code under
// test, not for a throttle of its surroundings.
var clientRate = []string{"--kube-api-qps=500", "--kube-api-burst=1000"}

// ControllerManagerArgs is the controller manager's command line.
func (s Setup) ControllerManagerArgs() []string {
	args := []string{
		"--kubeconfig=" + s.Dirs.Config(ControllerManager+".kubeconfig"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", s.Ports.ControllerManager),
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + s.Dirs.Key(KeyServiceAccount),
		"--root-ca-file=" + s.Dirs.Cert(CertCA),
		"--cluster-signing-cert-file=" + s.Dirs.Cert(CertCA),
		"--cluster-signing-key-file=" + s.Dirs.Key(CertCA),
		"--service-cluster-ip-range=" + plan.ServicePrefix,
		"--flex-volume-plugin-dir=" + s.Dirs.Config("volume-plugins"), // it makes the folder
	}
	return s.args(ControllerManager, append(args, clientRate...)...)
}

// SchedulerArgs is the scheduler's command line.
func (s Setup) SchedulerArgs() []string {
	args := []string{
		"--kubeconfig=" + s.Dirs.Config(Scheduler+".kubeconfig"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", s.Ports.Scheduler),
		"--leader-elect=false",
	}
	return s.args(Scheduler, append(args, clientRate...)...)
}

// KwokArgs is the command line of KWOK, which plays kubelet for the fake nodes alone.
func (s Setup) KwokArgs() []string {
	return s.args(Kwok,
		"--kubeconfig="+s.Dirs.Config(Kwok+".kubeconfig"),
		"--config="+s.program(KwokStages),
		"--v=WARN",
		"--manage-all-nodes=false",
		"--manage-nodes-with-annotation-selector="+FakeNodeAnnotation+"="+FakeNodeValue,
		"--node-ip=172.31.0.1",
		"--cidr=172.31.0.0/16",
		"--node-lease-duration-seconds=40",
	)
}

// KwokStages is the file beside the programs that says how fake nodes and their pods live. It comes
// out of KWOK's own module when that is built.
const KwokStages = "kwok-stages.yaml"

// A node with this annotation is KWOK's.
const (
	FakeNodeAnnotation = "kwok.x-k8s.io/node"
	FakeNodeValue      = "fake"
)

// CoreDNSArgs is the command line of CoreDNS.
func (s Setup) CoreDNSArgs() []string {
	return s.args(CoreDNS, "-conf", s.Dirs.Config("Corefile"))
}

// Corefile is the settings of CoreDNS. It runs beside the control plane, not on a node, so that a
// test may stop any node and keep the DNS. A name of the outer world does not exist: none is reachable.
func (s Setup) Corefile() string {
	return fmt.Sprintf(`.:53 {
    bind %s
    errors
    ready %s:8181
    kubernetes %s in-addr.arpa ip6.arpa {
        kubeconfig %s
        ttl 5
    }
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
`, plan.HubIP, plan.HubIP, plan.DNSDomain, s.Dirs.Config(CoreDNS+".kubeconfig"))
}

// ForwardArgs is the command line of our forwarder. It begins with the program itself, which the
// caller knows, and finds its listening socket as file descriptor 3.
func (s Setup) ForwardArgs(self string) []string {
	return []string{self, "internal", "forward",
		"--to=" + strings.TrimPrefix(s.LocalServer(), "https://"), "--cluster=" + s.Dirs.StateFile()}
}

// Kubeconfig is the text of a kubeconfig with everything in it. The arguments are PEM.
func Kubeconfig(cluster, server string, ca, cert, key []byte) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: %[1]s
contexts:
- name: %[1]s
  context: {cluster: %[1]s, user: %[1]s}
clusters:
- name: %[1]s
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
users:
- name: %[1]s
  user:
    client-certificate-data: %[4]s
    client-key-data: %[5]s
`, cluster, server, encode(ca), encode(cert), encode(key))
}
