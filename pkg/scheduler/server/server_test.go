// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/scheduler/predicates"
)

func zones() []runtime.Object {
	return []runtime.Object{node("a", "z1"), node("b", "z2"), node("c", "z3"), node("d", "z1")}
}

func flat() []runtime.Object { return []runtime.Object{node("a", ""), node("b", ""), node("c", "")} }

func TestPodsOfOthersPassUntouched(t *testing.T) {
	w := newWorld(t, zones()...)
	foreign := pod("demo", naming.Store, 0, "")
	for name, change := range map[string]func(*corev1.Pod){
		"no labels":            func(p *corev1.Pod) { p.Labels = nil },
		"another's labels":     func(p *corev1.Pod) { p.Labels[naming.LabelManagedBy] = "helm" },
		"no member's name":     func(p *corev1.Pod) { p.Name = "job-x" },
		"an unknown component": func(p *corev1.Pod) { p.Labels[naming.LabelComponent] = "backup" },
		"a proxy":              func(p *corev1.Pod) { p.Name, p.Labels[naming.LabelComponent] = "demo-proxy-x", "proxy" },
	} {
		p := foreign.DeepCopy()
		change(p)
		assert.Equal(t, []string{"a", "unheard-of"}, w.left(p, "a", "unheard-of"), name)
	}
}

func TestCountsBoundAssumedAndPinned(t *testing.T) {
	local := claim("demo", naming.Store, 1, "pv-1")
	objects := append(zones(), cluster("demo"), pod("demo", naming.Store, 0, "a"), local, volume("pv-1", corev1.LabelHostname, "b"),
		pod("demo", naming.PD, 2, "c"), pod("other", naming.Store, 0, "c"))
	w := newWorld(t, objects...)
	assert.Equal(t, []string{"c"}, w.left(pod("demo", naming.Store, 2, ""), "a", "b", "c", "d"),
		"a is bound, b is where the volume of the one that has no pod lies; PDs and other clusters do not count")

	claims := w.kube.CoreV1().PersistentVolumeClaims("ns")
	local.Annotations[naming.AnnotationRetired] = "4"
	_, err := claims.Update(t.Context(), local, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return len(*w.filter(pod("demo", naming.Store, 2, ""), "b").NodeNames) == 1
	}, 5*time.Second, 5*time.Millisecond, "the claim of a removed member does not count")
}

func TestVolumeOfAZone(t *testing.T) {
	w := newWorld(t, append(zones(), cluster("demo"), pod("demo", naming.Store, 0, "b"),
		claim("demo", naming.Store, 1, "pv-1"), volume("pv-1", "topology.example.com/zone", "east"))...)
	assert.ElementsMatch(t, []string{"a", "d"}, w.left(pod("demo", naming.Store, 1, ""), "a", "d", "b"), "a key that no node has says nothing")
}

// A pod whose node or zone was decided in the same instant counts before anybody sees it.
func TestTwoInTheSameInstant(t *testing.T) {
	w := newWorld(t, append(flat(), cluster("demo"), pod("demo", naming.Store, 0, ""), pod("demo", naming.Store, 1, ""))...)
	first, second := pod("demo", naming.Store, 0, ""), pod("demo", naming.Store, 1, "")
	assert.Len(t, w.left(first, "a", "b", "c"), 3)

	begin := time.Now()
	result := w.filter(second, "a", "b", "c")
	assert.Empty(t, *result.NodeNames, "the first may go anywhere")
	assert.GreaterOrEqual(t, time.Since(begin), waitLimit)
	assert.Contains(t, result.FailedAndUnresolvableNodes["a"], "being placed at this moment")

	answered := make(chan []string)
	go func() { answered <- *w.filter(second, "a", "b", "c").NodeNames }()
	w.put(pod("demo", naming.Store, 0, "b")) // kube-scheduler has bound the first
	assert.Equal(t, []string{"a", "c"}, <-answered, "it waits for that, and not in vain")
}

func TestZonesNeedNoWait(t *testing.T) {
	w := newWorld(t, append(zones(), cluster("demo"))...)
	begin := time.Now()
	seen := map[string]bool{}
	for i := range int32(3) {
		for _, n := range w.left(pod("demo", naming.Store, i, ""), "a", "b", "c", "d") {
			assert.False(t, seen[n], "node %s was offered twice", n)
			seen[n] = true
		}
	}
	assert.Len(t, seen, 4)
	assert.Less(t, time.Since(begin), waitLimit)
}

// kube-scheduler has seen a node some milliseconds before the extender.
func TestWaitsForNewNodes(t *testing.T) {
	w := newWorld(t, append(zones()[:2], cluster("demo"), pod("demo", naming.PD, 0, "a"), pod("demo", naming.PD, 1, "b"))...)
	waiting := pod("demo", naming.PD, 2, "")
	begin := time.Now()
	assert.Contains(t, w.filter(waiting, "c").FailedAndUnresolvableNodes["c"], "does not know the node yet")
	assert.GreaterOrEqual(t, time.Since(begin), waitLimit)

	asked, answered := make(chan bool, 1), make(chan []string)
	w.server.now = func() time.Time { // the nodes are read before it
		select {
		case asked <- true:
		default:
		}
		return time.Now()
	}
	begin = time.Now()
	go func() { answered <- *w.filter(waiting, "c").NodeNames }()
	<-asked
	_, err := w.kube.CoreV1().Nodes().Create(t.Context(), node("c", "z3"), metav1.CreateOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"c"}, <-answered)
	assert.Less(t, time.Since(begin), waitLimit)
}

// Which zone is the emptiest hangs on a pod that was let through by a kube-scheduler that then died.
func TestWaitsForTheEmptiestZone(t *testing.T) {
	six := cluster("demo")
	six.Spec.Store.Replicas = 6
	w := newWorld(t, append(zones(), node("e", "z2"), node("f", "z3"), six, pod("demo", naming.Store, 0, "a"), pod("demo", naming.Store, 1, "d"))...)
	all := []string{"a", "b", "c", "d", "e", "f"}
	for i, want := range map[int32]int{2: 2, 3: 2} {
		require.Len(t, w.left(pod("demo", naming.Store, i, ""), all...), want, "a zone that holds none")
	}
	result := w.filter(pod("demo", naming.Store, 4, ""), all...)
	assert.Empty(t, *result.NodeNames, "z1 holds two, and the others may not have got theirs")
	assert.Contains(t, result.FailedAndUnresolvableNodes["a"], "emptiest zone")

	w.server.now = func() time.Time { return time.Now().Add(evenLimit) }
	assert.NotEmpty(t, w.left(pod("demo", naming.Store, 4, ""), all...), "not for ever")
}

func TestSelectedNodeTellsTheChoice(t *testing.T) {
	mine := claim("demo", naming.Store, 0, "")
	w := newWorld(t, append(flat(), cluster("demo"), pod("demo", naming.Store, 0, ""), mine)...)
	require.Len(t, w.left(pod("demo", naming.Store, 0, ""), "a", "b", "c"), 3)
	mine.Annotations["volume.kubernetes.io/selected-node"] = "c"
	_, err := w.kube.CoreV1().PersistentVolumeClaims("ns").Update(t.Context(), mine, metav1.UpdateOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, w.left(pod("demo", naming.Store, 1, ""), "a", "b", "c"), "its volume is being made there, and it is bound to it")
}

func TestAdmissionsEnd(t *testing.T) {
	tests := map[string]func(w *world){
		"the pod is deleted": func(w *world) {
			require.NoError(t, w.kube.CoreV1().Pods("ns").Delete(t.Context(), "demo-store-0", metav1.DeleteOptions{}))
		},
		"it has another UID": func(w *world) {
			p := pod("demo", naming.Store, 0, "")
			p.UID = "another"
			w.put(p)
		},
		"it is refused when it is asked for again": func(w *world) { w.filter(pod("demo", naming.Store, 0, ""), "unknown") },
		"its time is over":                         func(w *world) { w.server.now = func() time.Time { return time.Now().Add(2 * admissionLimit) } },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(flat(), cluster("demo"), pod("demo", naming.Store, 0, ""))...)
			require.Len(t, w.left(pod("demo", naming.Store, 0, ""), "a", "b", "c"), 3)
			require.Empty(t, w.left(pod("demo", naming.Store, 1, ""), "a", "b", "c"))
			end(w)
			require.Eventually(t, func() bool { return len(*w.filter(pod("demo", naming.Store, 1, ""), "a", "b", "c").NodeNames) == 3 }, 5*time.Second, time.Millisecond)
		})
	}
}

func TestTheDeadDoNotCount(t *testing.T) {
	c := cluster("demo")
	c.Status.Store.FailureStores = map[string]v1alpha1.FailureMember{"4": {PodName: "demo-store-0"}}
	w := newWorld(t, append(zones(), c, pod("demo", naming.Store, 0, "a"), pod("demo", naming.Store, 1, "b"), pod("demo", naming.Store, 2, "c"))...)
	assert.Equal(t, []string{"a", "d"}, w.left(pod("demo", naming.Store, 3, ""), "a", "b", "c", "d"), "the spare takes the zone of the dead one")

	c = cluster("demo")
	w = newWorld(t, append(zones()[1:], c, pod("demo", naming.Store, 0, "a"), pod("demo", naming.Store, 1, "b"))...)
	assert.Equal(t, []string{"d"}, w.left(pod("demo", naming.Store, 2, ""), "b", "d"), "nor does one whose node is gone")
}

func TestFullNodesAreNoReasonToCrowd(t *testing.T) {
	cordoned := node("c", "z3")
	cordoned.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}}
	objects := []runtime.Object{node("a", "z1"), node("b", "z2"), cordoned, cluster("demo"), pod("demo", naming.Store, 0, "a"), pod("demo", naming.Store, 1, "b")}
	result := newWorld(t, objects...).filter(pod("demo", naming.Store, 2, ""), "a", "b")
	assert.Empty(t, *result.NodeNames)
	assert.Contains(t, result.FailedAndUnresolvableNodes["a"], "topology.kubernetes.io/zone=z3")

	cordoned.Spec.Taints[0].Key = "dedicated"
	w := newWorld(t, objects...)
	assert.Len(t, w.left(pod("demo", naming.Store, 2, ""), "a", "b"), 2, "a node that the pod can never have is no zone to wait for")
	tolerant := pod("demo", naming.Store, 2, "")
	tolerant.Spec.Tolerations = []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}}
	assert.Empty(t, w.left(tolerant, "a", "b"), "unless it tolerates the taint")
}

func TestNodesChange(t *testing.T) {
	w := newWorld(t, append(zones(), cluster("demo"), pod("demo", naming.PD, 0, "a"), pod("demo", naming.PD, 1, "b"))...)
	assert.Equal(t, []string{"c"}, w.left(pod("demo", naming.PD, 2, ""), "a", "b", "c", "d"))
	n := node("c", "")
	_, err := w.kube.CoreV1().Nodes().Update(t.Context(), n, metav1.UpdateOptions{})
	require.NoError(t, err)
	n = node("e", "z3")
	_, err = w.kube.CoreV1().Nodes().Create(t.Context(), n, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		nodes := *w.filter(pod("demo", naming.PD, 2, ""), "c", "e").NodeNames
		return len(nodes) == 1
	}, 5*time.Second, time.Millisecond, "a node that lost its label is a zone of its own, a new one is known")
}

func TestNoClusterNoPlace(t *testing.T) {
	gone := cluster("going")
	gone.DeletionTimestamp, gone.Finalizers = &metav1.Time{Time: time.Now()}, []string{"foregroundDeletion"}
	w := newWorld(t, append(zones(), gone)...)
	result := w.filter(pod("going", naming.Store, 0, ""), "a", "b")
	assert.Empty(t, *result.NodeNames)
	assert.Equal(t, "the CellCluster ns/going is being deleted, and its pods with it", result.FailedAndUnresolvableNodes["a"])

	old := pod("gone", naming.Store, 0, "")
	old.CreationTimestamp.Time = time.Now().Add(-time.Minute)
	begin := time.Now()
	result = w.filter(old, "a", "b")
	assert.Contains(t, result.FailedAndUnresolvableNodes["b"], "there is no CellCluster ns/gone")
	assert.Less(t, time.Since(begin), waitLimit, "pods that linger do not hold up all others")

	answered := make(chan []string)
	go func() { answered <- *w.filter(pod("late", naming.Store, 0, ""), "a", "b").NodeNames }()
	_, err := w.cells.DeepfabricV1alpha1().CellClusters("ns").Create(t.Context(), cluster("late"), metav1.CreateOptions{})
	require.NoError(t, err)
	assert.Len(t, <-answered, 1, "kube-scheduler may know a pod before its CellCluster is known here")
}

func TestPrioritize(t *testing.T) {
	proxy := func(name, on string) *corev1.Pod {
		p := pod("demo", naming.Proxy, 0, on)
		p.Name, p.UID = name, ""
		return p
	}
	w := newWorld(t, append(zones(), cluster("demo"), pod("demo", naming.Store, 0, "a"), proxy("demo-proxy-x", "b"))...)
	nodes := []string{"a", "b", "c", "d"}
	ask := func(p *corev1.Pod) map[string]int64 {
		var list extenderv1.HostPriorityList
		w.post(PathPrioritize, &extenderv1.ExtenderArgs{Pod: p, NodeNames: &nodes}, &list)
		out := map[string]int64{}
		for _, x := range list {
			out[x.Host] = x.Score
		}
		return out
	}
	assert.Equal(t, map[string]int64{"a": 0, "b": 10, "c": 10, "d": 5}, ask(pod("demo", naming.Store, 1, "")))
	assert.Equal(t, map[string]int64{"a": 10, "b": 0, "c": 10, "d": 10}, ask(proxy("demo-proxy-y", "")))
	assert.Equal(t, map[string]int64{"a": 0, "b": 0, "c": 0, "d": 0}, ask(&corev1.Pod{}))
	assert.Equal(t, map[string]int64{"a": 0, "b": 0, "c": 0, "d": 0}, ask(pod("unknown", naming.Store, 1, "")))
}

func TestPreempt(t *testing.T) {
	w := newWorld(t, append(zones(), cluster("demo"), pod("demo", naming.Store, 0, "a"), pod("demo", naming.PD, 0, "c"))...)
	ask := func(p *corev1.Pod) []string {
		victims := map[string]*extenderv1.MetaVictims{
			"d": {Pods: []*extenderv1.MetaPod{{UID: "x"}}},
			"b": {Pods: []*extenderv1.MetaPod{{UID: "y"}}, NumPDBViolations: 1},
			"c": {Pods: []*extenderv1.MetaPod{{UID: "uid-demo-pd-0"}}},
		}
		var result extenderv1.ExtenderPreemptionResult
		w.post(PathPreempt, &extenderv1.ExtenderPreemptionArgs{Pod: p, NodeNameToMetaVictims: victims}, &result)
		var out []string
		for name, v := range result.NodeNameToMetaVictims {
			assert.Equal(t, victims[name], v)
			out = append(out, name)
		}
		return out
	}
	proxy := pod("demo", naming.Proxy, 0, "")
	proxy.Name = "demo-proxy-x"
	assert.ElementsMatch(t, []string{"b", "d"}, ask(proxy), "a proxy may go anywhere, but not at the cost of a PD of its cluster")
	proxy.Labels[naming.LabelInstance] = "other"
	assert.Len(t, ask(proxy), 3)
	assert.Equal(t, []string{"b"}, ask(pod("demo", naming.Store, 1, "")), "d is in a zone that is taken, and on c a PD of the same cluster would go")
	assert.Len(t, ask(&corev1.Pod{}), 3)
	assert.Empty(t, ask(pod("unknown", naming.Store, 1, "")))
}

// nominated is a pod for which kube-scheduler makes room on a node.
func nominated(ordinal int32, to string) *corev1.Pod {
	p := pod("demo", naming.Store, ordinal, "")
	p.Status.NominatedNodeName = to
	return p
}

// preemptable are the nodes of some on which a pod may evict others.
func (w *world) preemptable(p *corev1.Pod, nodes ...string) []string {
	w.t.Helper()
	victims := map[string]*extenderv1.MetaVictims{}
	for _, n := range nodes {
		victims[n] = &extenderv1.MetaVictims{Pods: []*extenderv1.MetaPod{{UID: "of-others-on-" + n}}}
	}
	var result extenderv1.ExtenderPreemptionResult
	w.post(PathPreempt, &extenderv1.ExtenderPreemptionArgs{Pod: p, NodeNameToMetaVictims: victims}, &result)
	return slices.Sorted(maps.Keys(result.NodeNameToMetaVictims))
}

func TestSeveralPreempt(t *testing.T) {
	tests := map[string]struct {
		objects []runtime.Object
		want    []string
	}{
		"none before":                  {[]runtime.Object{pod("demo", naming.Store, 0, "")}, []string{"a", "b", "c", "d"}},
		"one waits for its victims":    {[]runtime.Object{nominated(0, "a")}, []string{"b", "c"}},
		"two do":                       {[]runtime.Object{nominated(0, "a"), nominated(1, "b")}, []string{"c"}},
		"its own nomination":           {[]runtime.Object{nominated(2, "a")}, []string{"a", "b", "c", "d"}},
		"to a node that is gone":       {[]runtime.Object{nominated(0, "gone")}, []string{"a", "b", "c", "d"}},
		"elsewhere than its volume is": {[]runtime.Object{nominated(0, "a"), claim("demo", naming.Store, 0, "pv"), volume("pv", corev1.LabelTopologyZone, "z2")}, []string{"a", "c", "d"}},
		"bound in the end":             {[]runtime.Object{func() *corev1.Pod { p := nominated(0, "a"); p.Spec.NodeName = "c"; return p }()}, []string{"a", "b", "d"}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(append(zones(), cluster("demo")), c.objects...)...)
			assert.Equal(t, c.want, w.preemptable(pod("demo", naming.Store, 2, ""), "a", "b", "c", "d"))
			assert.Subset(t, c.want, w.left(pod("demo", naming.Store, 2, ""), "a", "b", "c", "d"), "the filter counts them as well")
		})
	}
}

// Nothing shows yet of the node that kube-scheduler chose for the first.
func TestTwoPreemptInTheSameInstant(t *testing.T) {
	w := newWorld(t, append(zones(), cluster("demo"), pod("demo", naming.Store, 0, ""), pod("demo", naming.Store, 1, ""))...)
	first, second, all := pod("demo", naming.Store, 0, ""), pod("demo", naming.Store, 1, ""), []string{"a", "b", "c", "d"}
	require.Equal(t, all, w.preemptable(first, all...))
	begin := time.Now()
	assert.Empty(t, w.preemptable(second, all...), "the first may go anywhere")
	assert.GreaterOrEqual(t, time.Since(begin), waitLimit)

	answered := make(chan []string)
	go func() { answered <- w.preemptable(second, all...) }()
	w.put(nominated(0, "b"))
	assert.Equal(t, []string{"a", "c", "d"}, <-answered, "it waits for that, and not in vain")

	w.put(nominated(0, ""))
	w.server.now = func() time.Time { return time.Now().Add(nominationLimit) }
	require.Eventually(t, func() bool { return len(w.preemptable(second, all...)) == 4 }, 5*time.Second, time.Millisecond, "kube-scheduler takes it back")
}

// Its victims are gone, but where it was to go somebody else may be quicker.
func TestNominatedIsNotBound(t *testing.T) {
	w := newWorld(t, append(flat(), cluster("demo"), nominated(0, "a"), pod("demo", naming.Store, 1, ""))...)
	assert.Equal(t, []string{"b", "c"}, w.left(pod("demo", naming.Store, 1, ""), "a", "b", "c"))
	w = newWorld(t, append(flat(), cluster("demo"), nominated(0, "a"), pod("demo", naming.Store, 1, ""))...)
	require.Len(t, w.left(nominated(0, "a"), "a", "b", "c"), 3)
	assert.Empty(t, w.left(pod("demo", naming.Store, 1, ""), "a", "b", "c"), "the first is being placed anew")
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t, zones()...)
	var result extenderv1.ExtenderFilterResult
	w.post(PathFilter, &extenderv1.ExtenderArgs{Pod: pod("demo", naming.Store, 0, ""), Nodes: &corev1.NodeList{}}, &result)
	assert.Contains(t, result.Error, "nodeCacheCapable")
	w.post(PathFilter, "no object", &result)
	assert.Contains(t, result.Error, "decode request")
	w.server.started.Store(false)
	assert.Contains(t, w.filter(pod("demo", naming.Store, 0, ""), "a").Error, "has just started")
	for path, body := range map[string]string{PathPrioritize: "{", PathPreempt: "{}"} {
		response, err := http.Post(w.http.URL+path, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		response.Body.Close()
		assert.Equal(t, http.StatusBadRequest, response.StatusCode, path)
	}
	response, err := http.Get(w.http.URL + PathFilter)
	require.NoError(t, err)
	response.Body.Close()
	assert.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
}

// Once the caches are full no question makes a request.
func TestNoRequests(t *testing.T) {
	w := newWorld(t, append(zones(), cluster("demo"))...)
	require.Eventually(t, func() bool { return len(w.kube.Actions()) >= 8 && len(w.cells.Actions()) >= 2 }, 5*time.Second, time.Millisecond)
	w.kube.ClearActions()
	w.cells.ClearActions()
	w.filter(pod("demo", naming.Store, 0, ""), "a", "b", "c")
	w.post(PathPrioritize, &extenderv1.ExtenderArgs{Pod: pod("demo", naming.Store, 1, ""), NodeNames: &[]string{"a"}}, &extenderv1.HostPriorityList{})
	assert.Empty(t, w.kube.Actions())
	assert.Empty(t, w.cells.Actions())
}

func TestNamesAreTheProtocols(t *testing.T) {
	for _, want := range [][]string{nil, {}, {"a"}, {"node-1", "node-2.example.com"}, {"odd\"name", "back\\slash", "ä"}} {
		text, err := json.Marshal(&extenderv1.ExtenderArgs{Pod: &corev1.Pod{}, NodeNames: &want})
		require.NoError(t, err)
		pretty := strings.ReplaceAll(string(text), ",", " ,\n ")
		for _, body := range []string{string(text), pretty} {
			_, got, err := readArgs(&http.Request{Body: io.NopCloser(strings.NewReader(body))})
			if want == nil {
				assert.ErrorIs(t, err, errNoNames)
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
	_, _, err := readArgs(&http.Request{Body: io.NopCloser(strings.NewReader(`{"NodeNames": 1}`))})
	assert.Error(t, err)
}

func TestFilterResultIsTheProtocols(t *testing.T) {
	answer := predicates.Answer{
		Nodes: []string{"a", "b"}, Reasons: []string{"a \"reason\"\n", "ä"},
		Refused: []predicates.Refusal{{Node: "c"}, {Node: "d", Reason: 1}, {Node: "odd\"name"}},
	}
	decoded := func(a predicates.Answer) (got extenderv1.ExtenderFilterResult) {
		var text bytes.Buffer
		filterResult(&text, a)
		require.NoError(t, json.Unmarshal(text.Bytes(), &got))
		return got
	}
	assert.Equal(t, extenderv1.ExtenderFilterResult{
		NodeNames:                  &[]string{"a", "b"},
		FailedAndUnresolvableNodes: extenderv1.FailedNodesMap{"c": "a \"reason\"\n", "d": "ä", "odd\"name": "a \"reason\"\n"},
	}, decoded(answer))
	assert.NotNil(t, decoded(predicates.Answer{}).NodeNames, "nil would be taken for all nodes")
}
