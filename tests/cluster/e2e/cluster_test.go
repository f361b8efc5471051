// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/cluster"
	"github.com/deepfabric/elasticell-operator/tests/cluster/internal/image"
)

// hello is three pods on three nodes, each with a volume, and a Service in front.
const hello = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: hello}
spec:
  replicas: 3
  serviceName: hello
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: hello}}}
      containers:
      - name: hello
        image: hello:e2e
        volumeMounts: [{name: data, mountPath: /data}]
        readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {storageClassName: local-storage, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {selector: {app: hello}, ports: [{port: 80, targetPort: 8080}]}
`

// TestCluster is a cluster's whole life. Its steps build on each other.
func TestCluster(t *testing.T) {
	m := newMachine(t, "e2e")
	client := filepath.Join(t.TempDir(), "hello")
	build(t, client, "./hello")
	var s cluster.Status
	m.json(t, &s, "up", "--nodes=3")
	require.True(t, s.Healthy)
	require.Len(t, s.Nodes, 3)

	steps := []struct {
		name string
		run  func(*testing.T, *machine, cluster.Status, string)
	}{
		{"a second up changes nothing", upAgain},
		{"pods serve by name", podsServe},
		{"a stopped node is dead and comes back", stopAndStart},
		{"a node without its programs keeps its pods", stopPrograms},
		{"a cut node is out of reach until it joins", cutAndJoin},
		{"an added node has images and volumes", addNode},
		{"freed volumes are offered again", cleanVolumes},
		{"a dead component is told", deadComponent},
		{"down leaves nothing", downLeavesNothing},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, m, s, client) }) {
			return
		}
	}
}

func upAgain(t *testing.T, m *machine, s cluster.Status, _ string) {
	var again cluster.Status
	m.json(t, &again, "up", "--nodes=3")
	assert.Equal(t, s.Components, again.Components)
	out, err := m.try("up", "--nodes=1")
	require.Error(t, err)
	assert.Contains(t, out, "other settings")
}

func podsServe(t *testing.T, m *machine, s cluster.Status, client string) {
	archive := filepath.Join(t.TempDir(), "hello.tar")
	f, err := os.Create(archive)
	require.NoError(t, err)
	require.NoError(t, image.Write(f, "hello:e2e", client))
	require.NoError(t, f.Close())
	assert.Equal(t, "docker.io/library/hello:e2e", m.must(t, "image", "load", archive))

	kubectl(t, s, hello, "apply", "-f", "-")
	kubectl(t, s, "", "rollout", "status", "statefulset/hello", "--timeout=2m")
	nodes := kubectl(t, s, "", "get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}")
	assert.ElementsMatch(t, []string{"node-1", "node-2", "node-3"}, strings.Fields(nodes))

	for _, from := range []string{"", "--node=node-2"} {
		args := []string{"run"}
		if from != "" {
			args = append(args, from)
		}
		eventually(t, "the Service answers", func() error {
			out, err := m.try(append(args, "--", client, "get", "http://hello.default.svc/")...)
			if err == nil && !strings.HasPrefix(out, "hello-") {
				err = fmt.Errorf("got %q", out)
			}
			return err
		})
	}
	inPod := kubectl(t, s, "", "exec", "hello-0", "--", "/hello", "get", "http://hello-1.hello:8080/")
	assert.Equal(t, "hello-1", inPod, "a pod finds another by the name in its own search path")
	assert.Equal(t, "hello-0", kubectl(t, s, "", "get", "--raw", "/api/v1/namespaces/default/pods/hello-0:8080/proxy/"))
}

// podOn is the pod of the test on a node, and its address.
func podOn(t *testing.T, s cluster.Status, node string) (name, ip string) {
	t.Helper()
	out := kubectl(t, s, "", "get", "pods", "--field-selector=spec.nodeName="+node, "-o", "jsonpath={.items[0].metadata.name} {.items[0].status.podIP}")
	name, ip, _ = strings.Cut(out, " ")
	require.NotEmpty(t, ip)
	return name, ip
}

// asks tells whether a pod answers at an address.
func asks(m *machine, client, ip string) error {
	out, err := m.try("run", "--", client, "get", "http://"+ip+":8080/")
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func stopAndStart(t *testing.T, m *machine, s cluster.Status, client string) {
	pod, ip := podOn(t, s, "node-2")
	require.NoError(t, asks(m, client, ip))
	m.must(t, "node", "stop", "node-2")
	assert.Equal(t, "stopped", m.status(t).Nodes[1].State)
	assert.ErrorContains(t, asks(m, client, ip), "deadline exceeded", "a dead machine refuses nothing: it is silent")
	out, err := m.try("node", "start", "node-1")
	assert.Error(t, err, "node-1 is not stopped")
	assert.Contains(t, out, "not stopped")

	begin := time.Now()
	m.must(t, "node", "start", "node-2")
	t.Logf("node start took %s", time.Since(begin))
	eventually(t, "the pod is back", func() error {
		restarts := kubectl(t, s, "", "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}{.status.containerStatuses[0].ready}")
		if restarts != "1true" {
			return fmt.Errorf("restarts and readiness: %s", restarts)
		}
		_, ip := podOn(t, s, "node-2")
		return asks(m, client, ip)
	})
}

func stopPrograms(t *testing.T, m *machine, s cluster.Status, client string) {
	_, ip := podOn(t, s, "node-1")
	m.must(t, "node", "stop", "--keep-pods", "node-1")
	assert.NoError(t, asks(m, client, ip), "the pod runs on")
	m.must(t, "node", "start", "node-1")
	assert.NoError(t, asks(m, client, ip))
	assert.True(t, m.status(t).Healthy)
}

func cutAndJoin(t *testing.T, m *machine, s cluster.Status, client string) {
	_, ip := podOn(t, s, "node-3")
	m.must(t, "node", "cut", "node-3")
	assert.Equal(t, "cut", m.status(t).Nodes[2].State)
	assert.ErrorContains(t, asks(m, client, ip), "deadline exceeded")
	m.must(t, "node", "join", "node-3")
	// What was under way while the node was cut may still end in a reset.
	eventually(t, "the same pod answers, at the same address", func() error { return asks(m, client, ip) })
	_, again := podOn(t, s, "node-3")
	assert.Equal(t, ip, again)
}

func addNode(t *testing.T, m *machine, s cluster.Status, client string) {
	assert.Equal(t, "node-4", m.must(t, "node", "add", "--zone=zone-9"))
	kubectl(t, s, "", "run", "guest", "--image=hello:e2e", "--overrides",
		`{"spec": {"nodeSelector": {"topology.kubernetes.io/zone": "zone-9"}}}`)
	kubectl(t, s, "", "wait", "--for=condition=Ready", "pod/guest", "--timeout=2m")
	_, ip := podOn(t, s, "node-4")
	assert.NoError(t, asks(m, client, ip))
	volumes := kubectl(t, s, "", "get", "pv", "-l", "kubernetes.io/hostname=node-4", "-o", "name")
	assert.Len(t, strings.Fields(volumes), 6)
}

func cleanVolumes(t *testing.T, m *machine, s cluster.Status, _ string) {
	assert.Empty(t, m.must(t, "volumes", "clean"), "all are in use or free")
	volume := kubectl(t, s, "", "get", "pvc", "data-hello-0", "-o", "jsonpath={.spec.volumeName}")
	folder := kubectl(t, s, "", "get", "pv", volume, "-o", "jsonpath={.spec.local.path}")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "data"), []byte("old"), 0o600))
	kubectl(t, s, "", "delete", "statefulset,pvc", "--all")
	eventually(t, "the volumes are freed and offered again", func() error {
		m.must(t, "volumes", "clean")
		phases := kubectl(t, s, "", "get", "pv", "-o", "jsonpath={.items[*].status.phase}")
		if strings.Count(phases, "Available") != 24 {
			return fmt.Errorf("phases: %s", phases)
		}
		return nil
	})
	assert.NoFileExists(t, filepath.Join(folder, "data"))
	assert.DirExists(t, folder)
}

func deadComponent(t *testing.T, m *machine, s cluster.Status, _ string) {
	for _, component := range s.Components {
		if component.Name == "kube-scheduler" {
			p, err := os.FindProcess(component.PID)
			require.NoError(t, err)
			require.NoError(t, p.Kill())
		}
	}
	eventually(t, "status tells it", func() error {
		out, err := m.try("status")
		if err == nil || !strings.Contains(out, "kube-scheduler  is dead") {
			return fmt.Errorf("status says: %s", out)
		}
		return nil
	})
}

func downLeavesNothing(t *testing.T, m *machine, s cluster.Status, _ string) {
	begin := time.Now()
	m.must(t, "down")
	t.Logf("down took %s", time.Since(begin))
	assert.Empty(t, left(t, m.name, s.StateDir))
	_, err := http.Get(strings.Replace(s.Server, "https", "http", 1))
	assert.Error(t, err, "nobody forwards any more")
	assert.Contains(t, m.must(t, "down"), "there is no cluster")
}

// TestKilledUp kills an up in the middle. The next one must not stumble over what it left.
func TestKilledUp(t *testing.T) {
	m := newMachine(t, "e2e-killed")
	stateDir := "/var/lib/cell-cluster/" + m.name
	for _, log := range []string{"etcd.log", "kube-apiserver.log", "node-1.kubelet.log"} {
		up := exec.Command(m.program, "--name="+m.name, "up", "--nodes=1")
		require.NoError(t, up.Start())
		eventually(t, log+" exists", func() error {
			_, err := os.Stat(filepath.Join(stateDir, "logs", log))
			return err
		})
		require.NoError(t, up.Process.Kill())
		require.Error(t, up.Wait())
		require.NotEmpty(t, left(t, m.name, stateDir), "else the test shows nothing")
	}
	out := m.must(t, "up", "--nodes=1")
	assert.Contains(t, out, "removed the leftovers")
	assert.True(t, m.status(t).Healthy)
	m.must(t, "down")
	assert.Empty(t, left(t, m.name, stateDir))
}

// TestBareAPIServers brings two control planes up at once, one of which plays pods.
func TestBareAPIServers(t *testing.T) {
	plain, played := newMachine(t, "e2e-plain"), newMachine(t, "e2e-played")
	var a, b cluster.Status
	plain.json(t, &a, "apiserver", "up")
	played.json(t, &b, "apiserver", "up", "--with=controller-manager,scheduler,kwok", "--kwok-nodes=5")
	assert.NotEqual(t, a.Server, b.Server)
	played.must(t, "build", "--only=kubectl")
	kubectl(t, b, "", "create", "deployment", "many", "--image=none", "--replicas=20")
	kubectl(t, b, "", "rollout", "status", "deployment/many", "--timeout=2m")
	kubectl(t, a, "", "get", "storageclass", "local-storage")
	assert.Empty(t, kubectl(t, a, "", "get", "deployments", "-o", "name"), "each has a store of its own")
	assert.True(t, plain.status(t).Healthy)
	for _, m := range []*machine{plain, played} {
		m.must(t, "apiserver", "down")
	}
	assert.Empty(t, left(t, "e2e-plain", a.StateDir))
	assert.Empty(t, left(t, "e2e-played", b.StateDir))
}
