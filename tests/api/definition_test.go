// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// largestDefinition is the project's own limit, in bytes, for the definition as it
// is stored. Client-side apply adds all of it once more in an annotation, of
// which Kubernetes takes 256 KiB.
const largestDefinition = 256 << 10

func TestDefinitionInstalls(t *testing.T) {
	path, err := kube.DefinitionPath()
	require.NoError(t, err)
	for _, way := range [][]string{{"apply", "-f"}, {"apply", "--server-side", "--force-conflicts", "-f"}, {"replace", "-f"}} {
		t.Run(strings.Join(way[:len(way)-1], " "), func(t *testing.T) {
			kubectl(t, nil, append(way, path)...)
		})
	}
	definition, err := kube.ReadYAML(path)
	require.NoError(t, err)
	body, err := json.Marshal(definition)
	require.NoError(t, err)
	assert.Less(t, len(body), largestDefinition)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Less(t, len(text), largestDefinition)
}

func TestDefaults(t *testing.T) {
	ns := namespace(t)
	stored := create(t, ns, smallest)
	want := parse(t, smallest)
	both(
		set("spec.timezone", "UTC"),
		set("spec.pvReclaimPolicy", "Retain"),
		set("spec.pd.nodeSelectorRequired", "true"),
		set("spec.store.nodeSelectorRequired", "true"),
		set("spec.store.evictLeaderTimeoutPolicy", "Wait"),
		set("spec.proxy.nodeSelectorRequired", "true"),
		set("spec.store.initialCells", "{}"),
		set("spec.store.initialCells.count", "8"),
		set("spec.store.initialCells.capacity", "67108864"),
	)(t, want)
	assert.Equal(t, want.Object["spec"], stored.Object["spec"])

	// What a user began to write is completed.
	stored = create(t, ns, smallest, set("metadata.name", "part"), set("spec.pd.config", "{}"), set("spec.store.config", "{}"),
		set("spec.store.locationLabels", "{rack: example.com/rack}"), set("spec.services", "[{name: proxy}]"), set("spec.proxy.config", "{}"),
		set("spec.store.failover", "{}"))
	spec := stored.Object["spec"].(map[string]any)
	assert.Equal(t, map[string]any{"maxReplicas": int64(3), "logLevel": "info"}, spec["pd"].(map[string]any)["config"])
	store := spec["store"].(map[string]any)
	assert.Equal(t, map[string]any{"syncLog": true, "logLevel": "info"}, store["config"])
	assert.Equal(t, map[string]any{"zone": "topology.kubernetes.io/zone", "rack": "example.com/rack"}, store["locationLabels"])
	assert.Equal(t, map[string]any{"enabled": true}, store["failover"])
	assert.Equal(t, map[string]any{"logLevel": "info"}, spec["proxy"].(map[string]any)["config"])
	assert.Equal(t, []any{map[string]any{"name": "proxy", "type": "ClusterIP"}}, spec["services"])
}

// A manifest of the original operator is stored as it was written.
func TestOriginalManifest(t *testing.T) {
	ns := namespace(t)
	path := fixture(t, "original-cellcluster.yaml")
	kubectl(t, nil, "apply", "--namespace="+ns, "--validate=strict", "-f", path)
	want, err := kube.ReadYAML(path)
	require.NoError(t, err)
	live, err := cellClusters(ns).Get(t.Context(), want.GetName(), metav1.GetOptions{})
	require.NoError(t, err)
	contains(t, "spec", want.Object["spec"], live.Object["spec"])
	assert.Subset(t, live.GetLabels(), want.GetLabels())
	assert.Contains(t, kubectl(t, nil, "apply", "--namespace="+ns, "-f", path), "unchanged")

	typed, err := env.cells.DeepfabricV1alpha1().CellClusters(ns).Get(t.Context(), want.GetName(), metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "cell-scheduler", typed.Spec.SchedulerName)
	assert.Equal(t, int32(3), typed.Spec.PD.Replicas)
	assert.Equal(t, "10Gi", typed.Spec.Store.Requests.Storage.String())
}

// contains checks that all of want is in have.
func contains(t *testing.T, path string, want, have any) {
	t.Helper()
	if m, ok := want.(map[string]any); ok {
		live, ok := have.(map[string]any)
		require.True(t, ok, path)
		for k, v := range m {
			contains(t, path+"."+k, v, live[k])
		}
		return
	}
	assert.EqualValues(t, want, have, path)
}

func TestScale(t *testing.T) {
	ns := namespace(t)
	create(t, ns, smallest)
	kubectl(t, nil, "scale", "--namespace="+ns, "cellcluster/demo", "--replicas=5")
	live, err := cellClusters(ns).Get(t.Context(), "demo", metav1.GetOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 5, live.Object["spec"].(map[string]any)["store"].(map[string]any)["replicas"])

	both(set("status", "{store: {replicas: 4, selector: a=b}}"))(t, live)
	_, err = cellClusters(ns).UpdateStatus(t.Context(), live, metav1.UpdateOptions{})
	require.NoError(t, err)
	body, err := env.cells.DeepfabricV1alpha1().RESTClient().Get().Namespace(ns).Resource("cellclusters").Name("demo").SubResource("scale").DoRaw(t.Context())
	require.NoError(t, err)
	var scale autoscalingv1.Scale
	require.NoError(t, json.Unmarshal(body, &scale))
	assert.EqualValues(t, 5, scale.Spec.Replicas)
	assert.Equal(t, autoscalingv1.ScaleStatus{Replicas: 4, Selector: "a=b"}, scale.Status)
}

// Status and spec are written apart.
func TestStatusSubresource(t *testing.T) {
	ns := namespace(t)
	live := create(t, ns, smallest, set("status", "{phase: Normal}"))
	assert.NotContains(t, live.Object, "status")
	both(set("status", "{phase: Normal}"), set("spec.pd.image", "other"))(t, live)
	live, err := cellClusters(ns).UpdateStatus(t.Context(), live, metav1.UpdateOptions{})
	require.NoError(t, err)
	contains(t, "", map[string]any{"phase": "Normal"}, live.Object["status"])
	contains(t, "", map[string]any{"image": "pd"}, live.Object["spec"].(map[string]any)["pd"])
	assert.EqualValues(t, 1, live.GetGeneration(), "a write of the status is no new spec")
}

func TestColumns(t *testing.T) {
	ns := namespace(t)
	live := create(t, ns, smallest)
	set("status", `{phase: Normal, message: all is well, conditions: [{type: Ready, status: "True", reason: AsExpected, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}],
		pd: {summary: 3/3}, store: {summary: 2/3}, proxy: {summary: 1/2}}`)(t, live)
	_, err := cellClusters(ns).UpdateStatus(t.Context(), live, metav1.UpdateOptions{})
	require.NoError(t, err)
	columns, cells := table(t, ns, "demo")
	assert.Equal(t, []string{"Name", "Ready", "PD", "Store", "Proxy", "Phase", "Age", "Message"}, columns)
	assert.NotEmpty(t, cells["Age"])
	delete(cells, "Age")
	assert.Equal(t, map[string]any{"Name": "demo", "Ready": "True", "PD": "3/3", "Store": "2/3", "Proxy": "1/2", "Phase": "Normal", "Message": "all is well"}, cells)
	for _, name := range []string{"cc", "cellcluster", "all"} {
		assert.Contains(t, kubectl(t, nil, "get", name, "--namespace="+ns), "all is well", name)
	}
}

// table is a cluster as kubectl get shows it: its columns, and the value of each.
func table(t *testing.T, ns, name string) ([]string, map[string]any) {
	t.Helper()
	body, err := env.cells.DeepfabricV1alpha1().RESTClient().Get().Namespace(ns).Resource("cellclusters").Name(name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
	require.NoError(t, err)
	var printed metav1.Table
	require.NoError(t, json.Unmarshal(body, &printed))
	require.Len(t, printed.Rows, 1)
	var columns []string
	cells := map[string]any{}
	for i, c := range printed.ColumnDefinitions {
		columns = append(columns, c.Name)
		cells[c.Name] = printed.Rows[0].Cells[i]
	}
	return columns, cells
}

func TestExplain(t *testing.T) {
	tests := []struct{ path, want string }{
		{"cellcluster", "CellCluster is one Elasticell cluster"},
		{"cellcluster.spec", "Spec is what the user wants"},
		{"cellcluster.spec.paused", "Paused stops every write"},
		{"cellcluster.spec.pd.image", "Image holds the component's program"},
		{"cellcluster.spec.store.config.syncLog", "SyncLog writes the raft log through"},
		{"cellcluster.spec.proxy.autoscaling.minReplicas", "MinReplicas is the least number of proxies"},
		{"cellcluster.status.conditions", ""},
	}
	for _, test := range tests {
		out := strings.Join(strings.Fields(kubectl(t, nil, "explain", test.path)), " ")
		assert.Contains(t, out, test.want, test.path)
		assert.NotContains(t, out, "<empty>", test.path)
	}
}
