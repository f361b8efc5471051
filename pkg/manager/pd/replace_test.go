// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	. "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// deadNode does not answer, and heldByNode is a PD whose pod it has not let go for an hour.
func deadNode() *corev1.Node {
	n := Node("dead")
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
	return n
}

func heldByNode(p *corev1.Pod) {
	On("dead")(p)
	p.DeletionTimestamp = &metav1.Time{Time: Now().Add(-time.Hour)}
}

// deadPod is a PD that has not been ready for 6 minutes.
func deadPod(p *corev1.Pod) {
	Age(time.Hour)(p)
	Running(p)
	for i := range p.Status.Conditions {
		p.Status.Conditions[i].LastTransitionTime = metav1.NewTime(Now().Add(-6 * time.Minute))
	}
}

func shortlyDown(p *corev1.Pod) {
	deadPod(p)
	for i := range p.Status.Conditions {
		p.Status.Conditions[i].LastTransitionTime = metav1.NewTime(Now().Add(-time.Minute))
	}
}

func asksForReplacement(p *corev1.PersistentVolumeClaim) {
	p.Annotations = map[string]string{naming.AnnotationReplace: "true"}
}

func claimUID(uid types.UID) func(*corev1.PersistentVolumeClaim) {
	return func(p *corev1.PersistentVolumeClaim) { p.UID = uid }
}

// bornWithPod makes a claim as old as a pod that has been gone for long.
func bornWithPod(claim *corev1.PersistentVolumeClaim) {
	var p corev1.Pod
	p.Annotations, p.Labels = map[string]string{}, map[string]string{}
	deadPod(&p)
	claim.CreationTimestamp = p.CreationTimestamp
}

func deletedClaim(p *corev1.PersistentVolumeClaim) {
	now := metav1.NewTime(Now())
	p.DeletionTimestamp, p.Finalizers = &now, []string{"kubernetes.io/pvc-protection"}
}

// noMember makes PD not know the member of an ordinal; unstarted, know it as one that never ran.
func noMember(ordinal int) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		s.Members = append(s.Members[:ordinal:ordinal], s.Members[ordinal+1:]...)
	}
}

func unstarted(ordinal int) StateModifier {
	return func(_ *v1alpha1.CellCluster, s *pdstate.Snapshot) {
		s.Members[ordinal].ClientURLs, s.Members[ordinal].Name = nil, ""
	}
}

// Which PD is to be replaced from now on, and which is still being replaced.
func TestDecideReplacing(t *testing.T) {
	noted := &desired.Replacing{Pod: "demo-pd-1", Member: 0xa1, Claim: "old"}
	fresh := &desired.Replacing{Pod: "demo-pd-1", Member: 0xa1, Claim: "old"}
	tests := map[string]struct {
		pds   int32
		noted *desired.Replacing
		pod   PodModifier
		other PodModifier
		store PodModifier
		claim func(*corev1.PersistentVolumeClaim)
		state []StateModifier
		spec  func(*v1alpha1.CellCluster)
		want  *desired.Replacing
	}{
		"all is well":                   {},
		"down for a while":              {pod: shortlyDown},
		"gone for long":                 {pod: deadPod, want: fresh},
		"gone, and disabled":            {pod: deadPod, spec: func(c *v1alpha1.CellCluster) { c.Spec.PD.Failover.Enabled = new(false) }},
		"gone, and none is allowed":     {pod: deadPod, spec: func(c *v1alpha1.CellCluster) { c.Spec.PD.Failover.MaxFailoverCount = new(int32(0)) }},
		"gone, and PD has no leader":    {pod: deadPod, state: []StateModifier{Unreachable}},
		"gone, and another is not well": {pod: deadPod, other: shortlyDown},
		"gone, its node is dead, and another runs an old spec": {pod: heldByNode, other: func(p *corev1.Pod) { Ready(p); Outdated(p) }, want: fresh},
		"gone, and it runs an old spec":                        {pod: func(p *corev1.Pod) { deadPod(p); Outdated(p) }},
		"gone, its new spec is well, and others run an old":    {pod: deadPod, other: func(p *corev1.Pod) { Ready(p); Outdated(p) }, want: fresh},
		"gone, its new spec ends it, and others run an old": {pod: func(p *corev1.Pod) {
			deadPod(p)
			p.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(Now().Add(-time.Minute))
		}, other: func(p *corev1.Pod) { Ready(p); Outdated(p) }},
		"gone, its new spec does not start, and others run an old": {pod: func(p *corev1.Pod) { deadPod(p); p.Status.ContainerStatuses = nil }, other: func(p *corev1.Pod) { Ready(p); Outdated(p) }},
		"gone, its new spec may be why, and it is new itself":      {pod: deadPod, claim: bornWithPod, other: func(p *corev1.Pod) { Ready(p); Outdated(p) }},
		"one of two":                        {pds: 2, pod: deadPod},
		"never started":                     {pod: func(p *corev1.Pod) { deadPod(p); p.Status.ContainerStatuses = nil }, state: []StateModifier{unstarted(1)}},
		"never started, and asked for":      {pod: func(p *corev1.Pod) { deadPod(p); p.Status.ContainerStatuses = nil }, claim: asksForReplacement, state: []StateModifier{unstarted(1)}, want: fresh},
		"runs, and never joined":            {pod: deadPod, state: []StateModifier{unstarted(1)}, want: fresh},
		"its claim was deleted":             {claim: deletedClaim, want: fresh},
		"asked for":                         {claim: asksForReplacement, want: fresh},
		"asked for, others are not well":    {claim: asksForReplacement, other: shortlyDown},
		"asked for, a store may be evicted": {claim: asksForReplacement, store: func(p *corev1.Pod) { p.Labels[naming.LabelEvictable] = "true" }},
		"asked for one of two":              {pds: 2, claim: asksForReplacement},
		"noted":                             {noted: noted, pod: deadPod, want: noted},
		"noted, and PD is unknown":          {noted: noted, pod: deadPod, state: []StateModifier{Unreachable}, want: noted},
		"noted, and removed":                {noted: noted, pod: deadPod, state: []StateModifier{noMember(1)}},
		"noted, and has come back":          {noted: noted},
		"noted, asked for, and runs":        {noted: noted, claim: asksForReplacement, want: noted},
		"noted, its volume is going":        {noted: noted, claim: deletedClaim, want: noted},
		"noted, its volume has gone":        {noted: noted, pod: deadPod, claim: claimUID("new"), want: noted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			if test.pds > 0 {
				c.Spec.PD.Replicas = test.pds
			}
			f := replaceView(t, c, test.noted, test.pod, test.other, test.claim, test.spec)
			f.Add(deadNode())
			if test.store != nil {
				f.Add(Pod(c, naming.Store, 0, Ready, test.store))
			}
			v := f.View(c, PDState(c, append([]StateModifier{Stores(3)}, test.state...)...))
			assert.Equal(t, test.want, pd.DecideReplacing(v))
		})
	}
}

// The last PD, which has been added and does not join, is replaced as any other.
func TestLastPDThatDoesNotJoinIsReplaced(t *testing.T) {
	never := func(p *corev1.Pod) { deadPod(p); p.Status.ContainerStatuses = nil }
	for name, test := range map[string]struct {
		pod   PodModifier
		claim func(*corev1.PersistentVolumeClaim)
		want  string
	}{
		"it has not started":           {never, nil, ""},
		"it has not, and is asked for": {never, asksForReplacement, "demo-pd-2"},
		"it runs, and does not join":   {deadPod, func(p *corev1.PersistentVolumeClaim) { p.Labels[naming.LabelMemberID] = "a2" }, "demo-pd-2"},
		"it is new, and does not join": {deadPod, bornWithPod, ""},
		"it has just started":          {shortlyDown, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			f := Settled(c)
			f.Add(Pod(c, naming.PD, 2, test.pod), Claim(c, naming.PD, 2, func(p *corev1.PersistentVolumeClaim) {
				if test.claim != nil {
					test.claim(p)
				}
			}))
			replacing := pd.DecideReplacing(f.View(c, PDState(c, Stores(3), unstarted(2))))
			if test.want == "" {
				assert.Nil(t, replacing)
				return
			}
			require.NotNil(t, replacing)
			assert.Equal(t, test.want, replacing.Pod)
		})
	}
}

// The steps of a replacement, by what is seen.
func TestDecideReplacementSteps(t *testing.T) {
	noted := &desired.Replacing{Pod: "demo-pd-1", Member: 0xa1, Claim: "old"}
	tests := map[string]struct {
		noted   *desired.Replacing
		pod     PodModifier
		other   PodModifier
		claim   func(*corev1.PersistentVolumeClaim)
		state   []StateModifier
		do      manager.Verb
		message string // "" for no step
	}{
		"nothing to do":                    {},
		"its volume goes":                  {noted: noted, pod: deadPod, do: "DeleteVolumeClaim", message: "replacing PD demo-pd-1: deleting its volume claim"},
		"its pod goes":                     {noted: noted, pod: deadPod, claim: deletedClaim, do: "DeletePod", message: "deleting the pod"},
		"both are going":                   {noted: noted, pod: Terminating, claim: deletedClaim, message: "waiting until its pod has ended"},
		"its member goes":                  {noted: noted, pod: deadPod, claim: claimUID("new"), do: "RemoveMember", message: "removing its old member"},
		"asked for, while a store is away": {noted: noted, claim: asksForReplacement, state: []StateModifier{SetStore(2, Silent)}, message: "it goes on running while a store is away: store 2 does not report to PD"},
		"gone, while a store is away":      {noted: noted, pod: deadPod, state: []StateModifier{SetStore(2, Silent)}, do: "DeleteVolumeClaim", message: "deleting its volume claim"},
		"not while another is not well":    {noted: noted, pod: deadPod, other: shortlyDown, message: "it waits: PD demo-pd-2 is not well"},
		"its member has gone":              {noted: noted, pod: deadPod, claim: claimUID("new"), state: []StateModifier{noMember(1)}, do: "AddMember", message: "adding PD demo-pd-1, which is no member"},
		"added while another is not well":  {pod: deadPod, other: shortlyDown, state: []StateModifier{noMember(1)}, message: "waits: PD demo-pd-2 is not well"},
		"its volume waits for its pod":     {pod: deadPod, claim: deletedClaim, state: []StateModifier{noMember(1)}, do: "DeletePod", message: "which is no member: deleting the pod"},
		"its pod is going":                 {pod: Terminating, claim: deletedClaim, state: []StateModifier{noMember(1)}},
		"added":                            {pod: deadPod, state: []StateModifier{unstarted(1)}, message: "has been added and has not joined yet"},
		"it came back":                     {noted: noted},
		"PD is unknown":                    {noted: noted, pod: deadPod, state: []StateModifier{Unreachable}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cluster("demo", Bootstrapped)
			v := replaceView(t, c, test.noted, test.pod, test.other, test.claim, nil).View(c, PDState(c, append([]StateModifier{Stores(3)}, test.state...)...))
			step := pd.NewReplacer(nil, nil, nil).Decide(v)
			if test.message == "" {
				assert.Nil(t, step)
				return
			}
			require.NotNil(t, step)
			assert.Equal(t, v1alpha1.ReasonReplacing, step.Type)
			assert.Equal(t, "demo-pd-1", step.Target)
			assert.Equal(t, test.do, step.Do, step.Message)
			assert.Contains(t, step.Message, test.message)
		})
	}
}

// replaceView is a settled cluster in which demo-pd-1 and its claim, and the last PD, are as given.
func replaceView(t *testing.T, c *v1alpha1.CellCluster, noted *desired.Replacing, pod, other PodModifier,
	claim func(*corev1.PersistentVolumeClaim), spec func(*v1alpha1.CellCluster)) *Fakes {
	t.Helper()
	f := Settled(c)
	last := c.Spec.PD.Replicas - 1
	modify := []func(*corev1.PersistentVolumeClaim){claimUID("old")}
	if claim != nil {
		modify = append(modify, claim)
	}
	f.Add(Claim(c, naming.PD, 1, modify...))
	if other != nil && last > 1 {
		f.Add(Pod(c, naming.PD, last, Ready, other))
	}
	if pod != nil {
		f.Add(Pod(c, naming.PD, 1, Ready, pod))
	}
	var members []launch.JoinMember
	for i := range c.Spec.PD.Replicas {
		members = append(members, desired.PDMember(c, i))
	}
	start, err := desired.StartConfigMap(c, launch.Join{State: launch.JoinExisting, Members: members}, noted)
	require.NoError(t, err)
	f.ConfigMaps.Add(start)
	if spec != nil {
		spec(c)
	}
	return f
}
