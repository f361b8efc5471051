// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"text/template"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/plan"
)

func encode(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

type object = map[string]any

// asJSON renders a Kubernetes configuration file; JSON is YAML too.
func asJSON(o object) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(o); err != nil {
		panic(fmt.Sprintf("render a literal as JSON: %v", err)) // cannot happen: strings, numbers and booleans
	}
	return b.String()
}

// KubeletArgs is a kubelet's command line: what its configuration file cannot say.
func (s Setup) KubeletArgs(n plan.Node) []string {
	return s.args(Kubelet,
		"--config="+s.Dirs.Node(n, "kubelet.json"),
		"--kubeconfig="+s.Dirs.Node(n, "kubelet.kubeconfig"),
		"--root-dir="+s.Dirs.Node(n, "kubelet"),
		"--cert-dir="+s.Dirs.Node(n, "kubelet", "pki"),
		"--hostname-override="+n.Name,
		"--node-ip="+n.IP(),
		"--node-labels=topology.kubernetes.io/zone="+n.Zone,
		// cAdvisor's figures are read by nobody here
		"--housekeeping-interval=1m",
	)
}

// KubeletConfig is a kubelet's configuration, tuned for several kubelets on a small machine.
func (s Setup) KubeletConfig(n plan.Node) string {
	return asJSON(object{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"address":                  n.IP(),
		"containerRuntimeEndpoint": "unix://" + s.Dirs.ContainerdSocket(n),
		"podLogsDir":               s.Dirs.Node(n, "pod-logs"),
		"volumePluginDir":          s.Dirs.Node(n, "volume-plugins"),
		"clusterDNS":               []string{plan.DNSServiceIP},
		"clusterDomain":            plan.DNSDomain,
		"resolvConf":               s.Dirs.Config("resolv.conf"),
		"tlsCertFile":              s.Dirs.Cert(NodeCert(n)),
		"tlsPrivateKeyFile":        s.Dirs.Key(NodeCert(n)),
		"authentication": object{
			"anonymous": object{"enabled": false},
			"webhook":   object{"enabled": true},
			"x509":      object{"clientCAFile": s.Dirs.Cert(CertCA)},
		},
		"authorization": object{"mode": "Webhook"},

		// Cgroups: containers only, no hierarchy of the kubelet's own, v1 or v2.
		"cgroupDriver":           "cgroupfs",
		"cgroupsPerQOS":          false,
		"enforceNodeAllocatable": []string{},
		"failCgroupV1":           false,
		"failSwapOn":             false,
		"oomScoreAdj":            0, // lowering it needs a capability that root lacks in some virtual machines

		// A node never throws out pods or images because the machine below is full.
		"evictionHard":                object{"memory.available": "64Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%"},
		"imageGCHighThresholdPercent": 100,

		// Seldom enough to cost nothing, often enough that a restarted node is Ready soon.
		"nodeStatusUpdateFrequency": "4s",

		"configMapAndSecretChangeDetectionStrategy": "Watch",
		"containerLogMaxSize":                       "5Mi",
		"containerLogMaxFiles":                      2,
		"serializeImagePulls":                       false,
		"volumeStatsAggPeriod":                      "-1s", // off
		"makeIPTablesUtilChains":                    false, // kube-proxy uses nftables
		"readOnlyPort":                              0,
		"maxPods":                                   110,
	})
}

// NodeCert is the name of a node's certificate.
func NodeCert(n plan.Node) string { return n.Name }

// KubeProxyArgs is kube-proxy's command line; where is "hub" or a node's name.
func (s Setup) KubeProxyArgs(where string) []string {
	return s.args(KubeProxy, "--config="+s.Dirs.Config(KubeProxyFile(where)))
}

// KubeProxyFile is the name of kube-proxy's configuration file.
func KubeProxyFile(where string) string { return where + "." + KubeProxy + ".json" }

// KubeProxyConfig is kube-proxy's configuration: the node for which it stands, and the file by which
// it reaches the apiserver.
func (s Setup) KubeProxyConfig(nodeName, kubeconfig string) string {
	return asJSON(object{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"mode":               "nftables",
		"hostnameOverride":   nodeName,
		"clusterCIDR":        plan.PodPrefix,
		"detectLocalMode":    "ClusterCIDR",
		"clientConnection":   object{"kubeconfig": kubeconfig},
		"healthzBindAddress": "127.0.0.1:10256",
		"metricsBindAddress": "127.0.0.1:10249",
		"oomScoreAdj":        0,
		// The machine's limits are not a namespace's to change.
		"conntrack": object{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
	})
}

// PodNetwork is the name of the pods' network in CNI's records.
const PodNetwork = "cell-cluster"

// CNIConfig is a node's pod network: each pod has a cable of its own to the node, which routes. With
// a bridge instead, traffic between two pods of a node would pass by the Service rules.
func (s Setup) CNIConfig(n plan.Node) string {
	return asJSON(object{
		"cniVersion": "1.0.0",
		"name":       PodNetwork,
		"plugins": []object{{
			"type": "ptp",
			"mtu":  1500,
			"ipam": object{
				"type":    "host-local",
				"dataDir": s.Dirs.Node(n, "cni-leases"),
				"ranges":  [][]object{{{"subnet": n.PodRange()}}},
				"routes":  []object{{"dst": "0.0.0.0/0"}},
			},
		}},
	})
}

// ContainerdArgs is a containerd's command line.
func (s Setup) ContainerdArgs(n plan.Node) []string {
	return append([]string{"containerd", "--config=" + s.Dirs.Node(n, "containerd.toml")}, s.Extra[Containerd]...)
}

var containerdConfig = template.Must(template.New("containerd").Parse(`version = 2
root = "{{.Root}}"
state = "{{.State}}"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.nri.v1.nri",
]

[grpc]
  address = "{{.Socket}}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{{.Pause}}"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{{.CNIBin}}"
    conf_dir = "{{.CNIConf}}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{{.Snapshotter}}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{{.Runc}}"
`))

// ContainerdConfig is a containerd's configuration. Format 2 is read by containerd 1.6 to 2.x.
func (s Setup) ContainerdConfig(n plan.Node) string {
	var b bytes.Buffer
	err := containerdConfig.Execute(&b, map[string]string{
		"Root":        s.Dirs.Node(n, "containerd", "root"),
		"State":       s.Dirs.Node(n, "containerd", "state"),
		"Runc":        s.Dirs.Node(n, "containerd", "state", "runc"),
		"Socket":      s.Dirs.ContainerdSocket(n),
		"Pause":       PauseImage,
		"CNIBin":      s.CNIBin,
		"CNIConf":     s.Dirs.Node(n, "cni"),
		"Snapshotter": s.Snapshotter,
	})
	if err != nil {
		panic(fmt.Sprintf("render containerd's configuration: %v", err)) // cannot happen: the template is a constant
	}
	return b.String()
}
