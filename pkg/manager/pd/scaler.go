// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Scaler adds and removes PDs, one at a time. A PD is added to the membership
// before its pod exists, but for the second, without which the first has no quorum from
// then on: that one's pod runs first, and waits to be a member. A PD's process has ended before it is removed from it:
// a removed PD that still runs goes on acting as leader.
type Scaler struct{ hands }

// NewScaler makes a Scaler.
func NewScaler(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *Scaler {
	return &Scaler{hands{controls, pd, again}}
}

// Begun is the part of the Scaler that goes before other operations: a change
// of the membership that is half done.
func (s *Scaler) Begun() manager.Operation { return &change{s, true} }

// Begin is the part that goes after them.
func (s *Scaler) Begin() manager.Operation { return &change{s, false} }

type change struct {
	*Scaler
	begun bool
}

const (
	addMember    manager.Verb = "AddMember"
	removeMember manager.Verb = "RemoveMember"
	addPod       manager.Verb = "AddPod"
	removePod    manager.Verb = "RemovePod"
	retire       manager.Verb = "RetireVolume"
	keep         manager.Verb = "KeepVolume"

	// settleTime is how long etcd refuses a change of its membership after another one.
	settleTime = 5 * time.Second
	// leastForQuorum is the least number of PDs of which one may stop without the others losing their quorum.
	leastForQuorum = 3
)

// Decide implements manager.Operation.
func (x *change) Decide(c *view.Cluster) *manager.Step {
	if c.PD.Set == nil || !c.Bootstrapped() || c.State == nil || len(c.State.Members) == 0 {
		return nil
	}
	step := DecideBegun(c)
	if step == nil && !x.begun {
		step = decideBegin(c)
	}
	return step
}

// memberOf is the member of an ordinal in PD's membership, or nil.
func memberOf(c *view.Cluster, members []pdapi.Member, ordinal int32) *pdapi.Member {
	pod := naming.Pod(c.Object.Name, naming.PD, ordinal)
	for i := range members {
		if c.PDPodOfMember(&members[i]) == pod {
			return &members[i]
		}
	}
	return nil
}

// started tells whether a member has ever run; only then has it published where it serves.
func started(m *pdapi.Member) bool { return len(m.ClientURLs) > 0 }

// DecideBegun picks the next step of a change of the membership that is half done.
func DecideBegun(c *view.Cluster) *manager.Step {
	have, want := c.PD.Replicas(), c.Object.Spec.PD.Replicas
	nextPod, lastPod := naming.Pod(c.Object.Name, naming.PD, have), naming.Pod(c.Object.Name, naming.PD, have-1)
	last, retired := memberOf(c, c.State.Members, have-1), member.Retired(c.PD.Claims[have-1])
	step := &manager.Step{Type: v1alpha1.ReasonScaling, Target: lastPod}
	switch next := memberOf(c, c.State.Members, have); {
	case next != nil && cutOff(c, next):
		step.Target, step.Do = nextPod, keep
		step.Message = fmt.Sprintf("keeping the volume of pod %s: PD has no quorum to remove its member, and may have one with it", nextPod)
	case next != nil && comes(c, next):
		step.Target, step.Do = nextPod, addPod
		step.Message = fmt.Sprintf("adding pod %s, which PD expects as a member", nextPod)
	case next != nil:
		return removeEnded(c, nextPod)
	case last == nil && (retired || want < have && have > 1):
		step.Do = removePod
		step.Message = fmt.Sprintf("removing pod %s, which is no member of PD any more", lastPod)
	case last != nil && !started(last) && want < have && have >= leastForQuorum:
		step.Do = removePod
		step.Message = fmt.Sprintf("removing pod %s, which has not joined PD and is not wanted any more", lastPod)
	case last != nil && !started(last) && desired.ReplacingIn(c.Start) != nil:
		return nil // it cannot join with the volume that it has, which the Replacer replaces
	case last != nil && !started(last):
		step.Message = fmt.Sprintf("adding pod %s: it has not joined PD yet", lastPod)
	case last != nil && retired && have <= want:
		step.Do = keep
		step.Message = fmt.Sprintf("keeping the volume of pod %s, which is not to be removed any more", lastPod)
	default:
		return nil
	}
	return step
}

// joining tells whether all that a step of DecideBegun waits for is that the last PD, a member already, joins. It cannot
// join with the data of a member that was removed; then it needs another volume.
func joining(c *view.Cluster, begun *manager.Step) bool {
	return begun.Do == "" && begun.Target == naming.Pod(c.Object.Name, naming.PD, c.PD.Replicas()-1)
}

// cutOff tells whether a member that was to be removed is needed again, and cannot be removed: its pod has
// ended, and then others went, so that PD has no quorum. With its data it may bring the quorum back.
func cutOff(c *view.Cluster, next *pdapi.Member) bool {
	claim := c.PD.Claims[c.PD.Replicas()]
	return started(next) && c.PDSilent() != "" && neededAgain(c) && member.Retired(claim) && claim.DeletionTimestamp == nil
}

// neededAgain tells whether the spec asks for more PDs than there are, or PD has had no quorum for so long
// that a PD would be replaced, which takes one.
func neededAgain(c *view.Cluster) bool {
	failover := c.Object.Spec.PD.Failover
	return c.Object.Spec.PD.Replicas > c.PD.Replicas() ||
		*failover.Enabled && c.State.Failures > 0 && c.Now.Sub(c.State.FailedSince) > failover.Period.Duration
}

// comes tells whether the member without a pod after the last one is to get its pod, and not to be removed.
func comes(c *view.Cluster, next *pdapi.Member) bool {
	have, want := c.PD.Replicas(), c.Object.Spec.PD.Replicas
	if started(next) {
		claim := c.PD.Claims[have]
		return neededAgain(c) && claim != nil && !member.Retired(claim) && claim.DeletionTimestamp == nil
	}
	// Of two members one has no quorum to remove the other with, wanted or not: it must start first.
	return want > have || have == 1
}

// removeEnded picks the next step of the removal of a member that is not in the StatefulSet any more.
func removeEnded(c *view.Cluster, pod string) *manager.Step {
	have := c.PD.Replicas()
	step := &manager.Step{Type: v1alpha1.ReasonScaling, Target: pod}
	if _, running := c.PD.Pod(have); running {
		step.Message = fmt.Sprintf("removing PD member %s waits until its pod has ended", pod)
		return step
	}
	if claim := c.PD.Claims[have]; claim != nil && !member.Retired(claim) {
		step.Do = retire
		step.Message = fmt.Sprintf("removing PD member %s, whose pod has ended: setting its volume aside", pod)
		return step
	}
	step.Do = removeMember
	step.Message = fmt.Sprintf("removing PD member %s, whose pod has ended", pod)
	return step
}

// decideBegin begins a change of the number of PDs, from full health.
func decideBegin(c *view.Cluster) *manager.Step {
	have, want := c.PD.Replicas(), c.Object.Spec.PD.Replicas
	if have == want {
		return nil
	}
	progress := fmt.Sprintf("changing the number of PDs from %d to %d", have, want)
	step := &manager.Step{Type: v1alpha1.ReasonScaling}
	if why := c.Unhealthy(); why != "" {
		step.Message = fmt.Sprintf("%s waits: %s", progress, why)
		return step
	}
	if want > have {
		step.Target = naming.Pod(c.Object.Name, naming.PD, have)
		if member.Blocked(c.PD.Claims, have, have+1) == have {
			step.Message = fmt.Sprintf("%s waits until volume claim %s, which a removed PD left, is gone", progress, c.PD.Claims[have].Name)
			return step
		}
		if len(c.State.Members) == 1 {
			// The second member counts for the quorum from the moment it is added, so its pod comes
			// first, and must know that it is to join.
			step.Message = fmt.Sprintf("%s: telling pod %s of its membership", progress, step.Target)
			if told, ok := writtenMembers(c); ok && slices.ContainsFunc(told, func(m launch.JoinMember) bool { return m.Name == step.Target }) {
				step.Do = addPod
				step.Message = fmt.Sprintf("%s: adding pod %s, which becomes a member when it runs", progress, step.Target)
			}
			return step
		}
		step.Do = addMember
		step.Message = fmt.Sprintf("%s: adding member %s", progress, step.Target)
		return step
	}
	step.Target = naming.Pod(c.Object.Name, naming.PD, have-1)
	claim := c.PD.Claims[have-1]
	switch {
	case have >= leastForQuorum:
		step.Do = removePod
		step.Message = fmt.Sprintf("%s: removing pod %s", progress, step.Target)
	case claim != nil && !member.Retired(claim):
		step.Do = retire
		step.Message = fmt.Sprintf("%s: setting the volume of pod %s aside", progress, step.Target)
	default:
		// Of two PDs neither can remove the other once it has stopped.
		step.Do = removeMember
		step.Message = fmt.Sprintf("%s: removing member %s", progress, step.Target)
	}
	return step
}

// Act implements manager.Operation.
func (x *change) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	ordinal, _ := naming.Ordinal(s.Target)
	client := x.pd(c)
	defer client.Close()
	switch s.Do {
	case addMember:
		return x.addMember(ctx, c, client, ordinal)
	case removeMember:
		return x.removeMember(ctx, c, client, ordinal)
	case addPod:
		if len(c.State.Members) == 1 && c.LookAgain(ctx, client).Unhealthy() != "" {
			x.again(c, time.Second)
			return nil
		}
		return x.resize(ctx, c, ordinal+1, fmt.Sprintf("Added pod %s; there are %d PDs now", s.Target, ordinal+1))
	case removePod:
		return x.removePod(ctx, c, client, ordinal)
	case retire:
		if stopped, err := x.stopped(ctx, c, ordinal); err != nil || !stopped {
			return err
		}
		id := uint64(0)
		if m := memberOf(c, c.State.Members, ordinal); m != nil {
			id = m.ID
		}
		return member.Retire(ctx, x.controls, c.PD.Claims[ordinal], id)
	case keep:
		return x.keepVolume(ctx, c, client, ordinal)
	}
	return nil
}

// keepVolume takes the mark of a removal back that has not come to the member.
func (x *change) keepVolume(ctx context.Context, c *view.Cluster, client pdapi.Client, ordinal int32) error {
	fresh := c.LookAgain(ctx, client)
	cut := ordinal == c.PD.Replicas() // and then PD must still be silent
	if (fresh.PDSilent() != "") != cut || memberOf(c, fresh.State.Members, ordinal) == nil {
		x.again(c, time.Second)
		return nil
	}
	return member.Keep(ctx, x.controls, c.PD.Claims[ordinal])
}

func (x *change) addMember(ctx context.Context, c *view.Cluster, client pdapi.Client, ordinal int32) error {
	fresh := c.LookAgain(ctx, client)
	if fresh.Unhealthy() != "" || memberOf(c, fresh.State.Members, ordinal) != nil {
		x.again(c, time.Second)
		return nil
	}
	_, err := client.AddMember(ctx, desired.PDMember(c.Object, ordinal).PeerURL)
	return x.changed(c, v1alpha1.ReasonScaling, err, "Added %s to PD's members", naming.Pod(c.Object.Name, naming.PD, ordinal))
}

// stopped tells, past the caches, whether the member of an ordinal does not run, or is
// the second of two, which leaves PD while it runs.
func (x *change) stopped(ctx context.Context, c *view.Cluster, ordinal int32) (bool, error) {
	if ordinal >= c.PD.Replicas() {
		return member.Stopped(ctx, x.controls, c, naming.PD, ordinal)
	}
	set, err := x.controls.Live.StatefulSet(ctx, c.Object.Namespace, c.PD.Set.Name)
	if err != nil {
		return false, fmt.Errorf("see how many PDs there are: %w", err)
	}
	if set == nil || set.Spec.Replicas == nil || *set.Spec.Replicas != c.PD.Replicas() {
		return false, nil
	}
	return x.sameClaim(ctx, c, ordinal)
}

// removeMember removes a member that is stopped, or the second of two.
func (x *change) removeMember(ctx context.Context, c *view.Cluster, client pdapi.Client, ordinal int32) error {
	fresh := c.LookAgain(ctx, client)
	m := memberOf(c, fresh.State.Members, ordinal)
	if fresh.PDSilent() != "" || m == nil {
		x.again(c, time.Second)
		return nil
	}
	if len(fresh.State.Members) == 1 {
		return fmt.Errorf("remove member %x: it is PD's last", m.ID)
	}
	if stopped, err := x.stopped(ctx, c, ordinal); err != nil || !stopped {
		x.again(c, time.Second)
		return err
	}
	return x.changed(c, v1alpha1.ReasonScaling, client.RemoveMember(ctx, m.ID), "Removed %s from PD's members", naming.Pod(c.Object.Name, naming.PD, ordinal))
}

// removePod stops the PD with the highest ordinal: one that is no member any
// more, or one whose stop leaves the others a quorum.
func (x *change) removePod(ctx context.Context, c *view.Cluster, client pdapi.Client, ordinal int32) error {
	fresh := c.LookAgain(ctx, client)
	pod := naming.Pod(c.Object.Name, naming.PD, ordinal)
	if same, err := x.sameClaim(ctx, c, ordinal); err != nil || !same {
		x.again(c, time.Second)
		return err
	}
	if fresh.State.Err != nil {
		x.again(c, time.Second)
		return nil // nobody tells who is a member
	}
	if m := memberOf(c, fresh.State.Members, ordinal); m != nil {
		if started(m) && fresh.Unhealthy() != "" || c.PD.Replicas() < leastForQuorum {
			x.again(c, time.Second)
			return nil
		}
		if started(m) { // one that never did takes nothing from the quorum that there is
			if err := othersServe(ctx, client, c.PD.Pods, pod); err != nil {
				return fmt.Errorf("stop pod %s: %w", pod, err)
			}
		}
	}
	return x.resize(ctx, c, ordinal, fmt.Sprintf("Stopped pod %s; %d PDs remain", pod, ordinal))
}

// sameClaim tells, past the caches, whether the claim of an ordinal is the one that was seen, and set aside or not as it
// was. A new member may have come, or be about to come, under the same name meanwhile, with another volume.
func (x *change) sameClaim(ctx context.Context, c *view.Cluster, ordinal int32) (bool, error) {
	claim, err := x.controls.Live.Claim(ctx, c.Object.Namespace, naming.Claim(c.Object.Name, naming.PD, ordinal))
	if err != nil {
		return false, fmt.Errorf("see whose volume pod %s has: %w", naming.Pod(c.Object.Name, naming.PD, ordinal), err)
	}
	seen := c.PD.Claims[ordinal]
	if claim == nil || seen == nil {
		return claim == seen, nil
	}
	return claim.UID == seen.UID && member.Retired(claim) == member.Retired(seen), nil
}

func (x *change) resize(ctx context.Context, c *view.Cluster, replicas int32, event string) error {
	want, err := desired.PDStatefulSet(c.Object, replicas, c.LauncherImage)
	if err != nil {
		return err
	}
	if err := member.ApplySet(ctx, c, &c.PD, want, x.controls); err != nil {
		return err
	}
	x.controls.Events.Event(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonScaling, event)
	return nil
}
