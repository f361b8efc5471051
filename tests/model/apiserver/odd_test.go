// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// Bad input and odd moments, and where each has its test:
//
//	stores fewer than replicas, PD to 0     api.TestEdits: refused
//	two edits within a second               TestEditsInARow
//	an edit amid an upgrade, a scale-in     TestEditAmid
//	an edit amid a failover                 model: TestChangesOfMind, and the workloads "upgrade in a failover", "failover not allowed, then allowed"
//	an image that does not exist, or ends   api.TestTrouble for new clusters, fields.TestGoodHealsBad for old ones
//	a PD that answers with code 1, garbage  TestPDTalksNonsense
//	a node that comes back                  model: the failover workloads; e2e on real nodes
//	a claim stuck in Terminating            TestClaimStuck
//	a pod deleted by hand at each step      TestPodsDeletedByHand
//	a StatefulSet deleted by hand           api.TestDrift; amid a scale-in TestSetDeletedByHand
//	labels removed by hand                  api.TestDrift for the operator's own objects, TestLabelsRemovedByHand for pods and claims

// established is a ready cluster under an operator.
func established(t *testing.T, text string, edits ...Edit) *Lab {
	t.Helper()
	t.Parallel()
	l := plane.New(t)
	l.Start(nil)
	l.Create(text, edits...)
	l.AwaitReady()
	return l
}

// The newest of several edits counts, and the others have not left anything.
func TestEditsInARow(t *testing.T) {
	l := established(t, One)
	for i := range 5 {
		l.Change(Set("spec.store.image", fmt.Sprintf(`"store:%d"`, i)), Set("spec.proxy.replicas", fmt.Sprint(i%3+1)), Set("spec.pd.labels", fmt.Sprintf("{l%d: x}", i)))
	}
	l.Change(Set("spec.proxy.replicas", "2"), Drop("spec.pd.labels"))
	l.Rests()
	s := l.State()
	fresh := plane.New(t)
	fresh.Start(nil)
	fresh.Create(One, Set("spec.store.image", `"store:4"`), Set("spec.proxy.replicas", "2"))
	fresh.AwaitReady()
	Same(t, fresh.State(), s, "as if only the last one had been made")
}

// An edit amid an operation is taken up as soon as that is safe.
func TestEditAmid(t *testing.T) {
	tests := []struct {
		name        string
		first, then Edit
		amid        func(*v1alpha1.CellCluster) bool
	}{
		{"an upgrade, back", Set("spec.store.image", "store:2"), Set("spec.store.image", "store:1"), operating("RollingUpdate")},
		{"an upgrade, onwards", Set("spec.store.image", "store:2"), Set("spec.store.image", "store:3"), operating("RollingUpdate")},
		{"an upgrade, more PDs and stores", All(Set("spec.pd.image", "pd:2"), Set("spec.store.image", "store:2")), All(Set("spec.pd.replicas", "5"), Set("spec.store.replicas", "5")), operating("RollingUpdate")},
		{"a scale-in of stores, out again", Set("spec.store.replicas", "3"), Set("spec.store.replicas", "4"), operating("Scaling")},
		{"a scale-in of PDs, out again", Set("spec.pd.replicas", "1"), Set("spec.pd.replicas", "3"), operating("Scaling")},
		{"a scale-in, with another image", Set("spec.store.replicas", "3"), Set("spec.store.image", "store:2"), operating("Scaling")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := established(t, Three, Set("spec.store.replicas", "4"))
			l.Change(test.first)
			l.Await("is amid the operation", test.amid)
			l.Change(test.then)
			l.Rests()
			c := l.Get()
			assert.Len(t, c.Status.Store.Stores, int(c.Spec.Store.Replicas))
			assert.Len(t, c.Status.PD.Members, int(c.Spec.PD.Replicas))
			for id, s := range c.Status.Store.TombstoneStores {
				assert.Equal(t, "Tombstone", string(s.State), id)
			}
		})
	}
}

func operating(kind string) func(*v1alpha1.CellCluster) bool {
	return func(c *v1alpha1.CellCluster) bool {
		return c.Status.Operation != nil && c.Status.Operation.Type == kind
	}
}

// From a PD that talks nonsense nothing is concluded: nothing is deleted, it is
// said, what does not depend on PD goes on, and all is well again when PD is.
func TestPDTalksNonsense(t *testing.T) {
	for name, mode := range map[string]pdtest.Mode{"code 1": pdtest.Refusing, "garbage": pdtest.Garbage, "panics": pdtest.Panicking, "silence": pdtest.Silent} {
		t.Run(name, func(t *testing.T) {
			l := established(t, Three)
			l.Until(l.labelled, func() string { return "all is labelled" })
			l.Quiet()
			before, pods := l.Get().Status, l.Pods()
			pd := l.World.PD(l.Key())
			pd.SetModes(mode)
			l.AwaitDegraded("PDUnknown", "nothing is known from PD")
			l.Change(Set("spec.store.image", "store:2"), Set("spec.store.replicas", "4"), Set("spec.proxy.replicas", "3"))
			l.Until(func() bool { return len(l.Pods()["proxy"]) == 3 }, func() string { return "there is one more proxy" })
			time.Sleep(time.Second) // to do what must not be done
			now := l.Pods()
			if mode != pdtest.Panicking { // which is how PDs without a leader answer, and those are restarted, one by one
				assert.Equal(t, pods["pd"], now["pd"])
			}
			assert.Subset(t, now["store"], pods["store"], "no store is restarted in the dark")
			assert.Equal(t, before.Store.Stores, l.Get().Status.Store.Stores, "what was known stands")
			assert.Equal(t, before.ClusterID, l.Get().Status.ClusterID)
			pd.SetModes(pdtest.Well)
			l.Rests()
		})
	}
}

// A claim that does not go holds its ordinal up, and nothing else.
func TestClaimStuck(t *testing.T) {
	l := established(t, Three, Set("spec.store.replicas", "4"), Set("spec.enablePVReclaim", "true"))
	l.finalizers("demo-store-3", `["example.com/kept"]`)
	l.Change(Set("spec.store.replicas", "3"))
	l.Until(func() bool { return l.Claim("demo-store-3").DeletionTimestamp != nil }, func() string { return "the claim of the removed store is deleted" })
	l.AwaitReady()
	l.Change(Set("spec.store.replicas", "4"))
	l.Await("waits for the volume", func(c *v1alpha1.CellCluster) bool {
		summary, message := Condition(c, v1alpha1.ConditionProgressing)
		return strings.HasPrefix(summary, "True/") && strings.Contains(message, "data-demo-store-3")
	})
	l.Change(Set("spec.proxy.image", "proxy:2"))
	l.Until(func() bool {
		return l.template(naming.Proxy).Spec.Containers[0].Image == "proxy:2"
	}, func() string { return "other changes go on" })
	old := l.Claim("demo-store-3").UID
	l.finalizers("demo-store-3", `[]`)
	l.Rests()
	assert.NotEqual(t, old, l.Claim("demo-store-3").UID)
	assert.Len(t, l.Get().Status.Store.Stores, 4)
	assert.Len(t, l.Get().Status.Store.TombstoneStores, 1)
}

// finalizers sets those of a pod's claim.
func (l *Lab) finalizers(pod, list string) {
	l.T.Helper()
	body := fmt.Appendf(nil, `[{"op":"add","path":"/metadata/finalizers","value":%s}]`, list)
	_, err := l.Kube.CoreV1().PersistentVolumeClaims(l.Namespace).Patch(context.Background(), l.Claim(pod).Name, types.JSONPatchType, body, metav1.PatchOptions{})
	require.NoError(l.T, err)
}

// The same of a member that is replaced on request: it waits, and says for what.
func TestClaimOfReplacedStuck(t *testing.T) {
	for _, pod := range []string{"demo-store-1", "demo-pd-1"} {
		t.Run(pod, func(t *testing.T) {
			l := established(t, Three, soon)
			old := l.Claim(pod).UID
			l.finalizers(pod, `["example.com/kept"]`)
			l.AskFor(pod)
			l.Await("waits for the claim", func(c *v1alpha1.CellCluster) bool {
				return strings.Contains(c.Status.Message, "data-"+pod)
			})
			l.Until(func() bool { return l.Claim(pod).DeletionTimestamp != nil }, func() string { return "the claim is deleted" })
			l.finalizers(pod, `[]`)
			l.Rests()
			assert.NotEqual(t, old, l.Claim(pod).UID)
		})
	}
}

// Reclaiming is for claims of members that are gone, in either order of the two edits.
func TestReclaim(t *testing.T) {
	l := established(t, Three, Set("spec.store.replicas", "4"))
	l.Change(Set("spec.store.replicas", "3"))
	l.Rests()
	assert.NotNil(t, l.Claim("demo-store-3"), "kept, as long as nobody says otherwise")
	l.Change(Set("spec.enablePVReclaim", "true"))
	l.Until(func() bool { return l.Claim("demo-store-3") == nil }, func() string { return "the claim is gone" })
	l.Rests()
	for _, pod := range []string{"demo-store-0", "demo-store-2", "demo-pd-0"} {
		assert.NotNil(t, l.Claim(pod))
	}
}

// Somebody deletes a pod after each write of an upgrade and of a change of size.
func TestPodsDeletedByHand(t *testing.T) {
	for name, edit := range map[string]Edit{
		"an upgrade": All(Set("spec.pd.image", "pd:2"), Set("spec.store.image", "store:2"), Set("spec.proxy.image", "proxy:2")),
		"scaling":    All(Set("spec.pd.replicas", "1"), Set("spec.store.replicas", "3")),
	} {
		t.Run(name, func(t *testing.T) {
			l := established(t, Three, Set("spec.store.replicas", "4"))
			seen, deleted := len(l.operator.Writes()), 0
			l.Change(edit)
			l.Until(func() bool {
				if n := len(l.operator.Writes()); n > seen && deleted < 12 {
					seen = n
					l.deletePod(deleted)
					deleted++
				}
				return deleted >= 6 && IsReady(l.Get())
			}, func() string { return "the cluster is ready in spite of it" })
			t.Logf("%d pods deleted", deleted)
			l.Rests()
			c := l.Get()
			assert.Len(t, c.Status.Store.Stores, int(c.Spec.Store.Replicas))
			assert.Len(t, c.Status.PD.Members, int(c.Spec.PD.Replicas))
		})
	}
}

// deletePod deletes the n-th pod, round and round.
func (l *Lab) deletePod(n int) {
	pods, err := l.Kube.CoreV1().Pods(l.Namespace).List(context.Background(), metav1.ListOptions{})
	require.NoError(l.T, err)
	if len(pods.Items) > 0 {
		err = l.Kube.CoreV1().Pods(l.Namespace).Delete(context.Background(), pods.Items[n%len(pods.Items)].Name, metav1.DeleteOptions{})
		require.True(l.T, err == nil || apierrors.IsNotFound(err), "%v", err)
	}
}

// Somebody deletes the StatefulSet while a member is on its way out.
func TestSetDeletedByHand(t *testing.T) {
	for name, way := range map[string]metav1.DeletionPropagation{"with its pods": metav1.DeletePropagationBackground, "alone": metav1.DeletePropagationOrphan} {
		t.Run(name, func(t *testing.T) {
			l := established(t, Three, Set("spec.store.replicas", "4"))
			l.Change(Set("spec.store.replicas", "3"))
			l.Await("is amid the scale-in", operating("Scaling"))
			require.NoError(t, l.Kube.AppsV1().StatefulSets(l.Namespace).Delete(context.Background(), "demo-store", metav1.DeleteOptions{PropagationPolicy: &way}))
			l.Rests()
			assert.Len(t, l.Get().Status.Store.Stores, 3)
			assert.Len(t, l.Get().Status.Store.TombstoneStores, 1)
		})
	}
}

// What loses its labels is found again, and gets them back.
func TestLabelsRemovedByHand(t *testing.T) {
	tests := []struct{ kind, name, label string }{
		{"pod", "demo-pd-1", naming.LabelManagedBy},
		{"pod", "demo-store-1", naming.LabelManagedBy},
		{"pod", "demo-store-1", naming.LabelInstance},
		{"pod", "demo-store-1", naming.LabelStoreID},
		{"claim", "data-demo-pd-0", naming.LabelManagedBy},
		{"claim", "data-demo-store-0", naming.LabelInstance},
		{"claim", "data-demo-store-0", naming.LabelClusterID},
	}
	for _, test := range tests {
		t.Run(test.kind+" "+test.label[strings.Index(test.label, "/")+1:], func(t *testing.T) {
			l := established(t, Three)
			l.Until(l.labelled, func() string { return "all is labelled" })
			l.Quiet()
			stores := l.Get().Status.Store.Stores
			before := l.labels(test.kind, test.name)
			body := fmt.Appendf(nil, `{"metadata":{"labels":{%q:null}}}`, test.label)
			var err error
			if test.kind == "pod" {
				_, err = l.Kube.CoreV1().Pods(l.Namespace).Patch(context.Background(), test.name, types.MergePatchType, body, metav1.PatchOptions{})
			} else {
				_, err = l.Kube.CoreV1().PersistentVolumeClaims(l.Namespace).Patch(context.Background(), test.name, types.MergePatchType, body, metav1.PatchOptions{})
			}
			require.NoError(t, err)
			l.Until(func() bool { return assert.ObjectsAreEqual(before, l.labels(test.kind, test.name)) }, func() string {
				return fmt.Sprintf("%s %s has its labels back: %v", test.kind, test.name, l.labels(test.kind, test.name))
			})
			l.Rests()
			assert.Equal(t, stores, l.Get().Status.Store.Stores)
		})
	}
}

func (l *Lab) labels(kind, name string) map[string]string {
	l.T.Helper()
	if kind == "claim" {
		return l.Claim(strings.TrimPrefix(name, naming.DataVolume+"-")).Labels
	}
	p, err := l.Kube.CoreV1().Pods(l.Namespace).Get(context.Background(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(l.T, err)
	return p.Labels
}

// The one line of kubectl get tells how far an upgrade is.
func TestProgressShows(t *testing.T) {
	l := established(t, Three)
	seen := map[string]bool{}
	l.Change(Set("spec.pd.image", "pd:2"), Set("spec.store.image", "store:2"))
	l.Until(func() bool {
		c := l.Get()
		line, _, _ := strings.Cut(c.Status.Message, ";")
		seen[line] = true
		return IsReady(c)
	}, func() string { return "the cluster is ready" })
	told := 0
	for n := range 3 {
		if seen[fmt.Sprintf("store %d/3 upgraded", n)] {
			told++
		}
	}
	// One of them may be over before it is told, as that happens once a second.
	assert.GreaterOrEqual(t, told, 2, "what was told: %v", seen)
}

// A pod that waits for a claim that is gone is set free.
func TestPodWithoutClaim(t *testing.T) {
	l := established(t, One, Set("spec.store.replicas", "1"))
	l.Change(Set("spec.store.requests", "{cpu: 99}"))
	l.AwaitDegraded("Unschedulable", "demo-store-0")
	old := l.Claim("demo-store-0").UID
	require.NoError(t, l.Kube.CoreV1().PersistentVolumeClaims(l.Namespace).Delete(context.Background(), "data-demo-store-0", metav1.DeleteOptions{}))
	l.Until(func() bool {
		claim := l.Claim("demo-store-0")
		return claim != nil && claim.UID != old && claim.Status.Phase != corev1.ClaimLost
	}, func() string { return "there is another claim" })
}
