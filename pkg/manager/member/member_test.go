// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package member_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// applied makes a StatefulSet of stores as the operator has applied it.
func applied(t *testing.T, f *Fakes, c *v1alpha1.CellCluster, launcher string) {
	t.Helper()
	set, err := desired.StoreStatefulSet(c, c.Spec.Store.Replicas, launcher)
	require.NoError(t, err)
	_, err = f.StatefulSets.Apply(t.Context(), set, nil)
	require.NoError(t, err)
	f.Reset()
}

// storesOf is a view of stores with these pods.
func storesOf(t *testing.T, pods ...*corev1.Pod) *view.Cluster {
	t.Helper()
	c := Cluster("demo")
	f := New()
	applied(t, f, c, LauncherImage)
	for _, p := range pods {
		f.Add(p)
	}
	return f.View(c, nil)
}

func store(ordinal int32, modify ...PodModifier) *corev1.Pod {
	return Pod(Cluster("demo"), naming.Store, ordinal, modify...)
}

func TestDecideRepair(t *testing.T) {
	crashing := Crashing(1, "bad flag")
	old := Age(time.Hour)
	unready := func(p *corev1.Pod) { old(p); Running(p) }
	worked := func(p *corev1.Pod) {
		unready(p)
		p.Status.StartTime = &p.CreationTimestamp
		p.Status.Conditions[len(p.Status.Conditions)-1].LastTransitionTime = metav1.NewTime(Now().Add(-2 * time.Minute))
	}
	ended := func(restarts int32) PodModifier {
		return func(p *corev1.Pod) {
			worked(p)
			p.Status.ContainerStatuses[0].RestartCount = restarts
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137}}
		}
	}
	awayForLong := func(p *corev1.Pod) {
		worked(p)
		p.Status.Conditions[len(p.Status.Conditions)-1].LastTransitionTime = metav1.NewTime(Now().Add(-6 * time.Minute))
	}
	triesAgain := func(p *corev1.Pod) {
		crashing(p)
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	}
	hangs := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: Now().Add(-2 * time.Minute)} }
	tests := map[string]struct {
		pods []*corev1.Pod
		want string
	}{
		"no pods":                                           {nil, ""},
		"all ready":                                         {[]*corev1.Pod{store(0, Ready), store(1, Ready)}, ""},
		"ready ones are never repaired":                     {[]*corev1.Pod{store(0, Ready, Outdated), store(1, Ready, Outdated)}, ""},
		"broken by the present spec":                        {[]*corev1.Pod{store(0, crashing), store(1, unready)}, ""},
		"crashing with an older spec":                       {[]*corev1.Pod{store(0, Ready), store(1, crashing, Outdated)}, "demo-store-1"},
		"cannot pull with an older spec":                    {[]*corev1.Pod{store(0, Waiting("ImagePullBackOff", "x"), Outdated)}, "demo-store-0"},
		"no node with an older spec":                        {[]*corev1.Pod{store(0, old, Unschedulable("no room"), Outdated)}, "demo-store-0"},
		"not ready for long, an older spec":                 {[]*corev1.Pod{store(0, unready, Outdated)}, "demo-store-0"},
		"not ready for a moment, older spec":                {[]*corev1.Pod{store(0, Age(20*time.Second), Running, Outdated)}, ""},
		"one at a time, the lowest first":                   {[]*corev1.Pod{store(2, crashing, Outdated), store(0, crashing, Outdated), store(1, crashing, Outdated)}, "demo-store-0"},
		"none while one is terminating":                     {[]*corev1.Pod{store(0, crashing, Outdated), store(1, crashing, Outdated, Terminating)}, ""},
		"none while a good one is going":                    {[]*corev1.Pod{store(0, crashing, Outdated), store(1, Ready, Terminating)}, ""},
		"worked, while the present spec fails":              {[]*corev1.Pod{store(0, worked, Outdated), store(1, crashing)}, ""},
		"worked, and crashes, while the present spec fails": {[]*corev1.Pod{store(0, ended(1), Outdated), store(1, crashing)}, ""},
		"worked, while the present spec has no node":        {[]*corev1.Pod{store(0, worked, Outdated), store(1, old, Unschedulable("no room"))}, ""},
		"worked, and crashes again and again":               {[]*corev1.Pod{store(0, ended(7), Outdated), store(1, crashing)}, "demo-store-0"},
		"worked, and is away for long":                      {[]*corev1.Pod{store(0, awayForLong, Outdated), store(1, crashing)}, "demo-store-0"},
		"worked, while the present spec runs again for now": {[]*corev1.Pod{store(0, worked, Outdated), store(1, triesAgain)}, ""},
		"worked, while the present spec hangs":              {[]*corev1.Pod{store(0, worked, Outdated), store(1, unready)}, ""},
		"worked, while the present spec may":                {[]*corev1.Pod{store(0, worked, Outdated), store(1, Running)}, "demo-store-0"},
		"worked, while the present spec does":               {[]*corev1.Pod{store(0, worked, Outdated), store(1, crashing), store(2, Ready)}, "demo-store-0"},
		"never worked, while the present spec fails":        {[]*corev1.Pod{store(0, crashing, Outdated), store(1, crashing)}, "demo-store-0"},
		"going for longer than its time":                    {[]*corev1.Pod{store(0, crashing, Outdated), store(1, hangs)}, "demo-store-0"},
		"ready ones are passed over":                        {[]*corev1.Pod{store(0, Ready, Outdated), store(1, crashing, Outdated)}, "demo-store-1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			v := storesOf(t, test.pods...)
			if p := member.DecideRepair(v, &v.Store); p != nil {
				got = p.Name
			}
			assert.Equal(t, test.want, got)
		})
	}
	t.Run("its volume would go with it", func(t *testing.T) {
		for _, mark := range []string{"", naming.AnnotationReplacing} {
			f, c := New(), Cluster("demo")
			applied(t, f, c, LauncherImage)
			f.Add(store(0, crashing, Outdated), Claim(c, naming.Store, 0, func(claim *corev1.PersistentVolumeClaim) {
				now := metav1.NewTime(Now())
				claim.DeletionTimestamp, claim.Annotations = &now, map[string]string{mark: "7"}
			}))
			v := f.View(c, nil)
			assert.Nil(t, member.DecideRepair(v, &v.Store), mark)
		}
	})
	t.Run("a pod that a dead node holds keeps none", func(t *testing.T) {
		f := New(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}}})
		applied(t, f, Cluster("demo"), LauncherImage)
		f.Add(store(0, Ready), store(1, Ready, On("a"), Terminating), store(2, crashing, Outdated))
		v := f.View(Cluster("demo"), nil)
		v.Now = v.Now.Add(time.Hour)
		require.NotNil(t, member.DecideRepair(v, &v.Store))
		assert.Equal(t, "demo-store-2", member.DecideRepair(v, &v.Store).Name)
	})
	t.Run("without a StatefulSet nothing is older", func(t *testing.T) {
		f := New(store(0, crashing, Outdated))
		v := f.View(Cluster("demo"), nil)
		assert.Nil(t, member.DecideRepair(v, &v.Store))
	})
}

// Probes may fail for a reason that all pods share, while raft goes on.
func TestStoresThatServeAreRepairedFromHealth(t *testing.T) {
	c := Cluster("demo", Bootstrapped)
	unready := func(p *corev1.Pod) { Age(time.Hour)(p); Running(p) }
	filling := func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) { s.Cells[0].PendingPeers = s.Cells[0].Peers[:1] }
	tests := map[string]struct {
		second func(*corev1.Pod)
		state  *pdstate.Snapshot
		want   string
	}{
		"all others are well":      {Ready, PDState(c, Stores(3)), "demo-store-0"},
		"another is not ready":     {Running, PDState(c, Stores(3)), ""},
		"a cell is not well":       {Ready, PDState(c, Stores(3), filling), ""},
		"PD does not hear of it":   {Running, PDState(c, Stores(3), SetStore(1, Silent)), "demo-store-0"},
		"nothing is known from PD": {Running, nil, "demo-store-0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := Settled(c)
			f.Add(Pod(c, naming.Store, 0, unready, Outdated), Pod(c, naming.Store, 1, Age(2*time.Second), test.second))
			v := f.View(c, test.state)
			got := ""
			if p := member.DecideRepair(v, &v.Store); p != nil {
				got = p.Name
			}
			assert.Equal(t, test.want, got)
		})
	}
}

// A claim that somebody has deleted goes with its pod.
func TestNoRestartTakesAVolume(t *testing.T) {
	c := Cluster("demo")
	f := New()
	applied(t, f, c, LauncherImage)
	pod := store(0, Crashing(1, "x"), Outdated)
	f.Add(pod, Claim(c, naming.Store, 0, func(claim *corev1.PersistentVolumeClaim) { claim.DeletionTimestamp = new(metav1.NewTime(Now())) }))
	v := f.View(c, nil)
	assert.Nil(t, member.DecideRepair(v, &v.Store))
	assert.ErrorContains(t, member.Stop(t.Context(), f.Controls(), &v.Store, pod), "has been deleted and would go with it")
	assert.Empty(t, f.Writes())
	for _, mark := range []string{naming.AnnotationReplacing, naming.AnnotationRetired} {
		v.Store.Claims[0].Annotations = map[string]string{mark: "7"}
		assert.Empty(t, member.Doomed(&v.Store, 0), "its volume is to go")
	}
}

func TestRepair(t *testing.T) {
	c := Cluster("demo")
	setUp := func() (*Fakes, *view.Cluster) {
		f := New()
		applied(t, f, c, LauncherImage)
		f.Add(store(0, Crashing(1, "x"), Outdated), store(1, Crashing(1, "x"), Outdated))
		return f, f.View(c, nil)
	}
	t.Run("one pod goes", func(t *testing.T) {
		f, v := setUp()
		var r manager.Result
		require.NoError(t, member.Repair(t.Context(), v, &v.Store, f.Controls(), &r))
		assert.Equal(t, []string{"delete Pod demo-store-0"}, f.Writes())
		assert.Equal(t, v1alpha1.ReasonRepairing, r.Waits[0].Reason)
		assert.Equal(t, []string{"Normal Repairing: Restarted pod demo-store-0, which was not ready, with the corrected spec"}, f.Events.All())
	})
	t.Run("a failure is told and no event says otherwise", func(t *testing.T) {
		f, v := setUp()
		f.Pods.SetError(Delete, errors.New("refused"))
		var r manager.Result
		assert.ErrorContains(t, member.Repair(t.Context(), v, &v.Store, f.Controls(), &r), "repair pod: refused")
		assert.Empty(t, f.Events.All())
	})
}

func TestNotePods(t *testing.T) {
	tests := map[string]struct {
		pods     []*corev1.Pod
		want     int32
		waits    []manager.Note
		problems []manager.Note
	}{
		"all ready":   {stores(3, Ready), 3, nil, nil},
		"none wanted": {nil, 0, nil, nil},
		"none yet":    {nil, 3, []manager.Note{{Reason: "WaitingForPods", Message: "0 of 3 store pods are ready"}}, nil},
		"starting": {
			[]*corev1.Pod{store(0, Ready), store(1, Running), store(2)}, 3,
			[]manager.Note{{Reason: "WaitingForPods", Message: "1 of 3 store pods are ready, waiting for demo-store-1, demo-store-2"}}, nil,
		},
		"many starting": {
			stores(5), 5,
			[]manager.Note{{Reason: "WaitingForPods", Message: "0 of 5 store pods are ready, waiting for demo-store-0, demo-store-1, demo-store-2 and 2 more"}}, nil,
		},
		"enough are ready": {stores(3, Ready), 2, nil, nil},
		"crashing": {
			[]*corev1.Pod{store(0, Crashing(2, "no such flag"))}, 1,
			[]manager.Note{{Reason: "WaitingForPods", Message: "0 of 1 store pods are ready"}},
			[]manager.Note{{Reason: "PodFailing", Message: "pod demo-store-0, container store: CrashLoopBackOff, it ended with exit code 2: no such flag"}},
		},
		"no node": {
			[]*corev1.Pod{store(0, Unschedulable("0/3 nodes are available: 3 Insufficient memory."))}, 1,
			[]manager.Note{{Reason: "WaitingForPods", Message: "0 of 1 store pods are ready"}},
			[]manager.Note{{Reason: "Unschedulable", Message: "no node takes pod demo-store-0: 0/3 nodes are available: 3 Insufficient memory."}},
		},
		"a terminating pod is not ready": {
			[]*corev1.Pod{store(0, Ready, Terminating)}, 1,
			[]manager.Note{{Reason: "WaitingForPods", Message: "0 of 1 store pods are ready, waiting for demo-store-0"}}, nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r manager.Result
			member.NotePods(&r, naming.Store, test.pods, test.want)
			assert.Equal(t, test.waits, r.Waits)
			assert.Equal(t, test.problems, r.Problems)
		})
	}
}

// stores are the first n stores of demo.
func stores(n int32, modify ...PodModifier) []*corev1.Pod {
	return Pods(Cluster("demo"), naming.Store, n, modify...)
}

func TestNoteClasses(t *testing.T) {
	tests := map[string]struct {
		class   *string
		classes []string
		want    bool
	}{
		"the default class":   {nil, nil, false},
		"no class":            {new(""), nil, false},
		"a class that exists": {new("fast"), []string{"fast"}, false},
		"a class that is not": {new("fast"), []string{"slow"}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo")
			c.Spec.PD.StorageClassName = test.class
			f := New()
			for _, name := range test.classes {
				f.Add(Class(name))
			}
			var r manager.Result
			member.NoteClasses(&r, f.View(c, nil), naming.PD, test.class)
			if !test.want {
				assert.Empty(t, r.Problems)
				return
			}
			require.Len(t, r.Problems, 1)
			assert.Equal(t, v1alpha1.ReasonWaitingForVolume, r.Problems[0].Reason)
			assert.Contains(t, r.Problems[0].Message, `spec.pd.storageClassName: there is no StorageClass "fast"; create it`)
		})
	}
}

func TestApplySet(t *testing.T) {
	c := Cluster("demo")
	existing := func() (*Fakes, *view.Cluster) {
		f := New()
		applied(t, f, c, "launcher:old")
		return f, f.View(c, nil)
	}
	t.Run("creation is told", func(t *testing.T) {
		f := New()
		v := f.View(c, nil)
		set, err := desired.StoreStatefulSet(v.Object, 1, LauncherImage)
		require.NoError(t, err)
		require.NoError(t, member.ApplySet(t.Context(), v, &v.Store, set, f.Controls()))
		assert.Equal(t, []string{"apply StatefulSet demo-store"}, f.Writes())
		assert.Equal(t, []string{"Normal Created: Created StatefulSet demo-store with 1 of store"}, f.Events.All())
	})
	t.Run("a new launcher writes nothing", func(t *testing.T) {
		f, v := existing()
		set, err := desired.StoreStatefulSet(v.Object, 3, "launcher:new")
		require.NoError(t, err)
		require.NoError(t, member.ApplySet(t.Context(), v, &v.Store, set, f.Controls()))
		assert.Empty(t, f.Writes())
		assert.Empty(t, f.Events.All())
	})
	t.Run("a new image takes the new launcher along", func(t *testing.T) {
		f, v := existing()
		v.Object.Spec.Store.Image = "store:2"
		set, err := desired.StoreStatefulSet(v.Object, 3, "launcher:new")
		require.NoError(t, err)
		require.NoError(t, member.ApplySet(t.Context(), v, &v.Store, set, f.Controls()))
		assert.Equal(t, []string{"apply StatefulSet demo-store"}, f.Writes())
		assert.Equal(t, "launcher:new", desired.LauncherImage(&f.StatefulSets.Get("ns", "demo-store").Spec.Template))
	})
	t.Run("a launcher that does not come is replaced", func(t *testing.T) {
		f, v := existing()
		failing := store(0, LauncherFailing("ErrImagePull"))
		v.Store.Pods = []view.Pod{{Pod: failing}}
		set, err := desired.StoreStatefulSet(v.Object, 3, "launcher:new")
		require.NoError(t, err)
		require.NoError(t, member.ApplySet(t.Context(), v, &v.Store, set, f.Controls()))
		assert.Equal(t, "launcher:new", desired.LauncherImage(&f.StatefulSets.Get("ns", "demo-store").Spec.Template))
		v = f.View(c, nil)
		v.Store.Pods = []view.Pod{{Pod: failing}}
		assert.Equal(t, failing, member.DecideRepair(v, &v.Store), "its template has another one now")
		failing.Spec.InitContainers[0].Image = "launcher:new"
		assert.Nil(t, member.DecideRepair(v, &v.Store), "a restart would change nothing")
	})
	t.Run("another default class changes no StatefulSet", func(t *testing.T) {
		f, v := existing()
		v.Object.Spec.Store.StorageClassName = new("fast")
		set, err := desired.StoreStatefulSet(v.Object, 3, "launcher:old")
		require.NoError(t, err)
		require.NoError(t, member.ApplySet(t.Context(), v, &v.Store, set, f.Controls()))
		assert.Empty(t, f.Writes())
	})
	t.Run("the claims' size stays, since Kubernetes lets nobody change it", func(t *testing.T) {
		f, v := existing()
		v.Object.Spec.Store.Requests = &v1alpha1.ResourceRequirement{Storage: new(resource.MustParse("9Gi"))}
		set, err := desired.StoreStatefulSet(v.Object, 3, "launcher:old")
		require.NoError(t, err)
		require.NoError(t, member.ApplySet(t.Context(), v, &v.Store, set, f.Controls()))
		assert.Empty(t, f.Writes())
	})
	t.Run("a failure is told and no event says otherwise", func(t *testing.T) {
		f := New()
		f.StatefulSets.SetError(Apply, errors.New("refused"))
		v := f.View(c, nil)
		set, err := desired.StoreStatefulSet(v.Object, 1, LauncherImage)
		require.NoError(t, err)
		assert.ErrorContains(t, member.ApplySet(t.Context(), v, &v.Store, set, f.Controls()), "refused")
		assert.Empty(t, f.Events.All())
	})
}

// One Service that cannot be written does not keep the others from being written.
func TestApplyShared(t *testing.T) {
	f := New()
	v := f.View(Cluster("demo"), nil)
	require.NoError(t, member.ApplyShared(t.Context(), v, naming.PD, f.Controls()))
	assert.Equal(t, []string{"apply Service demo-pd-peer", "apply Service demo-pd", "apply PodDisruptionBudget demo-pd"}, f.Writes())

	f = New()
	f.Services.SetError(Apply, errors.New("refused")).After(1)
	v = f.View(Cluster("demo"), nil)
	assert.ErrorContains(t, member.ApplyShared(t.Context(), v, naming.PD, f.Controls()), "refused")
	assert.Equal(t, []string{"apply Service demo-pd-peer", "apply PodDisruptionBudget demo-pd"}, f.Writes())
}

func TestExplain(t *testing.T) {
	conflict := &control.ConflictError{Kind: "Service", Name: "demo-pd", Cause: "it has no owner"}
	tests := map[string]struct {
		err  error
		want []manager.Note
	}{
		"no error": {nil, nil},
		"another":  {errors.New("etcd is gone"), nil},
		"a conflict, deep inside": {
			errors.Join(errors.New("x"), fmt.Errorf("apply: %w", conflict)),
			[]manager.Note{{Reason: "NameConflict", Message: "Service demo-pd exists and is not this cluster's (it has no owner); delete it or give the CellCluster another name"}},
		},
	}
	for name, test := range tests {
		var r manager.Result
		member.Explain(&r, test.err)
		assert.Equal(t, test.want, r.Problems, name)
	}
}

func claim(ordinal int32, annotations map[string]string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: naming.Claim("demo", naming.Store, ordinal), Labels: naming.Labels("demo", naming.Store), Annotations: annotations,
	}}
}

// Nobody mounts the volume of a removed member again.
func TestRetire(t *testing.T) {
	f := New(claim(0, nil))
	require.NoError(t, member.Retire(t.Context(), f.Controls(), f.Claims.Get("ns", "data-demo-store-0"), 48))
	require.NoError(t, member.Retire(t.Context(), f.Controls(), f.Claims.Get("ns", "data-demo-store-0"), 49))
	require.NoError(t, member.Retire(t.Context(), f.Controls(), nil, 50), "a member without a volume has nothing to retire")
	assert.Equal(t, []string{"patch PersistentVolumeClaim data-demo-store-0"}, f.Writes(), "once is enough")
	c := f.Claims.Get("ns", "data-demo-store-0")
	assert.True(t, member.Retired(c))
	assert.Equal(t, "48", c.Annotations[naming.AnnotationRetired])
	assert.False(t, member.Retired(nil))
	assert.False(t, member.Retired(claim(1, nil)))
}

func TestBlocked(t *testing.T) {
	retired, going := claim(0, map[string]string{naming.AnnotationRetired: "7"}), claim(0, nil)
	going.DeletionTimestamp = &metav1.Time{Time: Now()}
	live := claim(0, nil)
	tests := map[string]struct {
		claims             map[int32]*corev1.PersistentVolumeClaim
		have, want, result int32
	}{
		"no claims":                       {nil, 3, 5, 5},
		"members' own claims":             {map[int32]*corev1.PersistentVolumeClaim{3: live, 4: live}, 3, 5, 5},
		"the first is a removed member's": {map[int32]*corev1.PersistentVolumeClaim{3: retired}, 3, 5, 3},
		"the second is":                   {map[int32]*corev1.PersistentVolumeClaim{4: retired}, 3, 5, 4},
		"one is on its way out":           {map[int32]*corev1.PersistentVolumeClaim{4: going}, 3, 5, 4},
		"below or above does not matter":  {map[int32]*corev1.PersistentVolumeClaim{2: retired, 5: retired}, 3, 5, 5},
		"nothing to add":                  {map[int32]*corev1.PersistentVolumeClaim{3: retired}, 3, 3, 3},
	}
	for name, test := range tests {
		assert.Equal(t, test.result, member.Blocked(test.claims, test.have, test.want), name)
	}
}

func TestOutdatedAndProgress(t *testing.T) {
	s := &storesOf(t, store(0, Ready), store(1, Ready, Outdated), store(2, Outdated)).Store
	var names []string
	for _, p := range member.Outdated(s) {
		names = append(names, p.Name)
	}
	assert.Equal(t, []string{"demo-store-2", "demo-store-1"}, names)
	assert.Equal(t, "store 1/3 upgraded", member.Progress(s))
}
