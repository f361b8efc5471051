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
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/member"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Replacer replaces a PD together with its volume: one that has been gone for
// longer than spec.pd.failover.period, or one whose claim a user has annotated. It is
// always done in place: etcd refuses to add a member while another is down. The
// volume and the process go first, then the membership, and the same name joins
// again with nothing. All other PDs must be well all the time.
type Replacer struct{ hands }

var _ manager.Operation = (*Replacer)(nil)

// NewReplacer makes a Replacer.
func NewReplacer(controls *control.Controls, pd func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) *Replacer {
	return &Replacer{hands{controls, pd, again}}
}

const (
	dropVolume manager.Verb = "DeleteVolumeClaim"
	dropPod    manager.Verb = "DeletePod"
	dropMember manager.Verb = "RemoveMember"
	addAgain   manager.Verb = "AddMember"
)

// DecideReplacing is the PD that is being replaced, or is to be from now on; nil
// if none is. What was noted stands until PD has removed the member, or until the
// member turns out to live before anything was destroyed.
func DecideReplacing(c *view.Cluster) *desired.Replacing {
	noted := desired.ReplacingIn(c.Start)
	if c.State == nil || len(c.State.Members) == 0 || c.PDSilent() != "" {
		return noted
	}
	if noted != nil {
		if memberByID(c.State.Members, noted.Member) == nil || mistaken(c, noted) {
			return nil
		}
		return noted
	}
	if c.PD.Set == nil || !c.Bootstrapped() || Irreplaceable(c, "") != "" {
		return nil
	}
	if begun := DecideBegun(c); begun != nil && !joining(c, begun) {
		return nil
	}
	for _, p := range c.PD.Pods {
		claim, m := c.PD.Claims[p.Ordinal], memberOf(c, c.State.Members, p.Ordinal)
		if claim == nil || member.Retired(claim) || m == nil {
			continue
		}
		wanted := view.ReplaceRequested(claim) && (c.Unhealthy() == "" && !storeEvictable(c) || !view.PodReady(p.Pod)) || dead(c, p.Pod)
		if !started(m) && !view.ReplaceRequested(claim) && (view.StartedAt(p.Pod).IsZero() || claim.Labels[naming.LabelMemberID] == "" && begunWith(c, p.Pod)) {
			continue // it has not had the chance to join yet, or another new volume would not help
		}
		if wanted && Irreplaceable(c, p.Name) == "" {
			return &desired.Replacing{Pod: p.Name, Member: m.ID, Claim: claim.UID}
		}
	}
	return nil
}

// storeEvictable tells whether a store may be evicted at this moment. A PD that stops may be the
// leader, and a new one gives the replicas of a store away that is not there.
func storeEvictable(c *view.Cluster) bool {
	return slices.ContainsFunc(c.Store.Pods, func(p view.Pod) bool { return view.Evictable(p.Pod) })
}

// dead tells whether a PD has been gone for so long that it is to be replaced. One that
// a new spec may have broken is not: the old spec brings it back. What a spec breaks does not
// start or ends again; one with the new spec that has been running on, and is not ready, waits for data that it has lost.
func dead(c *view.Cluster, p *corev1.Pod) bool {
	failover := c.Object.Spec.PD.Failover
	if !*failover.Enabled || *failover.MaxFailoverCount == 0 {
		return false
	}
	if c.HeldByDeadNode(p) != "" {
		return c.Now.Sub(p.DeletionTimestamp.Time) > failover.Period.Duration
	}
	if c.PD.RollsOut() {
		if started := view.StartedAt(p); c.PD.Outdated(p) || started.IsZero() || c.Now.Sub(started) <= failover.Period.Duration || begunWith(c, p) {
			return false
		}
	}
	return view.NotReadyFor(p, c.Now) > failover.Period.Duration
}

// begunWith tells whether a PD's claim is no older than its pod, so that it has been replaced already, or never
// ran with another spec: to replace it once more would cure nothing.
func begunWith(c *view.Cluster, p *corev1.Pod) bool {
	ordinal, _ := naming.Ordinal(p.Name)
	claim := c.PD.Claims[ordinal]
	return claim == nil || p.CreationTimestamp.Sub(claim.CreationTimestamp.Time) < time.Minute
}

// mistaken tells whether the PD that was noted is well, and nobody asks for its replacement.
func mistaken(c *view.Cluster, noted *desired.Replacing) bool {
	ordinal, _ := naming.Ordinal(noted.Pod)
	pod, claim := member.Named(c.PD.Pods, noted.Pod), c.PD.Claims[ordinal]
	return pod != nil && view.PodReady(pod) && claim != nil && claim.UID == noted.Claim && claim.DeletionTimestamp == nil && !view.ReplaceRequested(claim)
}

// Irreplaceable says why a PD cannot be replaced; it is empty if it can. Only
// with three or more do the others keep a quorum, and all of them must be well, since
// etcd adds none else.
func Irreplaceable(c *view.Cluster, pod string) string {
	if len(c.State.Members) < leastForQuorum {
		return fmt.Sprintf("PD has %d members, and only of %d or more can one be replaced; raise spec.pd.replicas", len(c.State.Members), leastForQuorum)
	}
	if pod == "" {
		return ""
	}
	return othersUnwell(c, pod)
}

// othersUnwell names a PD besides one that is not well; it is empty if all are.
func othersUnwell(c *view.Cluster, pod string) string {
	for i := range c.State.Members {
		m := &c.State.Members[i]
		name := c.PDPodOfMember(m)
		if name == pod {
			continue
		}
		if p := member.Named(c.PD.Pods, name); p == nil || !view.PodReady(p) || !started(m) {
			return fmt.Sprintf("PD %s is not well, and all others must be", name)
		}
	}
	return ""
}

func memberByID(members []pdapi.Member, id uint64) *pdapi.Member {
	for i := range members {
		if members[i].ID == id {
			return &members[i]
		}
	}
	return nil
}

// Decide implements manager.Operation.
func (x *Replacer) Decide(c *view.Cluster) *manager.Step {
	if c.PD.Set == nil || !c.Bootstrapped() || c.State == nil || len(c.State.Members) == 0 || c.PDSilent() != "" {
		return nil
	}
	step := decideGoing(c)
	if step == nil {
		step = decideComing(c)
	}
	if step != nil {
		step.Type = v1alpha1.ReasonReplacing
		if len(c.State.Members) == 1 {
			step.Type = v1alpha1.ReasonScaling // the second one, which the Scaler has begun with
		}
	}
	return step
}

// decideGoing picks the next step until the old member and its volume are gone.
func decideGoing(c *view.Cluster) *manager.Step {
	noted := desired.ReplacingIn(c.Start)
	if noted == nil || memberByID(c.State.Members, noted.Member) == nil || mistaken(c, noted) {
		return nil
	}
	ordinal, _ := naming.Ordinal(noted.Pod)
	claim := c.PD.Claims[ordinal]
	pod, there := c.PD.Pod(ordinal)
	step := &manager.Step{Target: noted.Pod}
	say := func(format string, args ...any) {
		step.Message = fmt.Sprintf("replacing PD %s: %s", noted.Pod, fmt.Sprintf(format, args...))
	}
	old := claim != nil && claim.UID == noted.Claim
	if why := Irreplaceable(c, noted.Pod); why != "" {
		say("it waits: %s", why)
		return step
	}
	if why := c.StoresUnhealthy(); why != "" && there && view.PodReady(pod.Pod) {
		say("it goes on running while a store is away: %s", why)
		return step
	}
	switch {
	case old && claim.DeletionTimestamp == nil:
		step.Do = dropVolume
		say("deleting its volume claim")
	case old && there && pod.DeletionTimestamp == nil:
		step.Do = dropPod
		say("deleting the pod")
	case old && there && c.HeldByDeadNode(pod.Pod) != "":
		say("node %s does not answer and does not let the pod go; delete the node, or taint it %s", c.HeldByDeadNode(pod.Pod), corev1.TaintNodeOutOfService)
	case old:
		say("waiting until its pod has ended and volume claim %s is gone", claim.Name)
	default:
		step.Do = dropMember
		say("removing its old member, whose volume is gone")
	}
	return step
}

// decideComing adds the member of a pod that PD does not know, and waits until it has joined.
func decideComing(c *view.Cluster) *manager.Step {
	for i := range c.PD.Replicas() {
		claim, m := c.PD.Claims[i], memberOf(c, c.State.Members, i)
		pod := naming.Pod(c.Object.Name, naming.PD, i)
		p, there := c.PD.Pod(i)
		switch {
		case m == nil && there && p.DeletionTimestamp == nil && c.PD.VolumeGoes(i) && !member.Retired(claim):
			return &manager.Step{Target: pod, Do: dropPod, Message: fmt.Sprintf("replacing PD %s, which is no member: deleting the pod, for which volume claim %s waits", pod, claim.Name)}
		case m == nil && claim != nil && claim.DeletionTimestamp == nil && !member.Retired(claim):
			step := &manager.Step{Target: pod, Do: addAgain, Message: fmt.Sprintf("adding PD %s, which is no member", pod)}
			if why := othersUnwell(c, pod); why != "" {
				step.Do, step.Message = "", fmt.Sprintf("adding PD %s, which is no member, waits: %s", pod, why)
			} else if len(c.State.Members) == 1 && !runsFor(p.Pod, c.Now, settled) {
				step.Do, step.Message = "", fmt.Sprintf("adding PD %s waits until its pod has been running for %s: from then on PD has no leader without it", pod, settled)
			}
			return step
		case m != nil && !started(m):
			return &manager.Step{Target: pod, Message: fmt.Sprintf("PD %s has been added and has not joined yet", pod)}
		}
	}
	return nil
}

// settled is how long a pod must run before PD depends on it. By then its name is known to DNS.
const settled = 10 * time.Second

func runsFor(p *corev1.Pod, now time.Time, least time.Duration) bool {
	if p == nil || p.DeletionTimestamp != nil {
		return false
	}
	since := view.StartedAt(p)
	return !since.IsZero() && now.Sub(since) >= least
}

// Asked is the part that goes after other operations: a replacement that a user asks for and that has not begun.
func (x *Replacer) Asked() manager.Operation { return asked{} }

// asked says what a replacement waits for. It begins with a note in the membership, which DecideReplacing decides.
type asked struct{}

// Decide implements manager.Operation.
func (asked) Decide(c *view.Cluster) *manager.Step {
	if c.PD.Set == nil || !c.Bootstrapped() || c.State == nil || desired.ReplacingIn(c.Start) != nil {
		return nil
	}
	for _, p := range c.PD.Pods {
		claim := c.PD.Claims[p.Ordinal]
		if !view.ReplaceRequested(claim) || len(c.State.Members) < leastForQuorum {
			continue // for the latter more PDs must come first, and nothing may wait for this
		}
		why := c.Unhealthy()
		if c.PDSilent() == "" && why == "" {
			why = Irreplaceable(c, p.Name)
		}
		if why == "" && storeEvictable(c) {
			why = "a store may be evicted at this moment, and no PD stops while one is away"
		}
		step := &manager.Step{Type: v1alpha1.ReasonReplacing, Target: p.Name, Message: fmt.Sprintf("replacing PD %s waits: %s", p.Name, why)}
		if why == "" {
			step.Message = fmt.Sprintf("replacing PD %s: noting it", p.Name)
		}
		return step
	}
	return nil
}

// Act implements manager.Operation.
func (asked) Act(context.Context, *view.Cluster, *manager.Step) error { return nil }

// Act implements manager.Operation.
func (x *Replacer) Act(ctx context.Context, c *view.Cluster, s *manager.Step) error {
	client := x.pd(c)
	defer client.Close()
	fresh := c.LookAgain(ctx, client)
	if again := x.Decide(fresh); again == nil || again.Do != s.Do || again.Target != s.Target {
		x.again(c, time.Second)
		return nil // PD says otherwise by now
	}
	others := c.PD.Pods
	if len(fresh.State.Members) >= leastForQuorum {
		others = slices.DeleteFunc(slices.Clone(others), func(p view.Pod) bool { return memberOf(c, fresh.State.Members, p.Ordinal) == nil })
	} // with fewer PD bears no member that cannot join, and who is none has perhaps lost its data
	if err := othersServe(ctx, client, others, s.Target); err != nil {
		return fmt.Errorf("replace PD %s: %w", s.Target, err)
	}
	ordinal, _ := naming.Ordinal(s.Target)
	switch s.Do {
	case dropVolume:
		if back, err := x.back(ctx, c, client, ordinal); err != nil || back {
			x.again(c, time.Second)
			return err
		}
		if err := x.controls.Claims.Delete(ctx, c.PD.Claims[ordinal]); err != nil {
			return err
		}
		x.say(c, "Deleted volume claim %s of PD %s, which is being replaced", c.PD.Claims[ordinal].Name, s.Target)
	case dropPod:
		if err := x.controls.Pods.Delete(ctx, member.Named(c.PD.Pods, s.Target)); err != nil {
			return err
		}
		x.say(c, "Deleted pod %s, which comes back with a new volume", s.Target)
	case dropMember:
		if gone, err := x.dataGone(ctx, c, ordinal); err != nil || !gone {
			x.again(c, time.Second)
			return err
		}
		return x.changed(c, v1alpha1.ReasonReplacing, client.RemoveMember(ctx, desired.ReplacingIn(c.Start).Member), "Removed the old member of %s from PD", s.Target)
	case addAgain:
		_, err := client.AddMember(ctx, desired.PDMember(c.Object, ordinal).PeerURL)
		return x.changed(c, s.Type, err, "Added %s to PD's members", s.Target)
	}
	return nil
}

// back tells, past the caches, whether the PD that is to lose its volume is well again, and nobody asks for that. One
// that serves although its pod does not count as ready is an error, since it may stay so.
func (x *Replacer) back(ctx context.Context, c *view.Cluster, client pdapi.Client, ordinal int32) (bool, error) {
	if view.ReplaceRequested(c.PD.Claims[ordinal]) {
		return false, nil
	}
	pod, err := x.controls.Live.Pod(ctx, c.Object.Namespace, naming.Pod(c.Object.Name, naming.PD, ordinal))
	if err != nil {
		return false, fmt.Errorf("see that PD %d is still away: %w", ordinal, err)
	}
	if pod == nil || pod.Status.PodIP == "" {
		return false, nil
	}
	if view.PodReady(pod) {
		return true, nil
	}
	if healthy, err := client.Health(ctx, view.PDEndpoint(pod)); err == nil && healthy {
		return true, fmt.Errorf("pod %s is not ready, and has not been for longer than spec.pd.failover.period, but its PD answers as healthy, so its volume is not deleted; look at its node", pod.Name)
	}
	return false, nil
}

// dataGone tells, past the caches, whether the volume that was noted is gone and the PD does not run with it.
func (x *Replacer) dataGone(ctx context.Context, c *view.Cluster, ordinal int32) (bool, error) {
	noted := desired.ReplacingIn(c.Start)
	claim, err := x.controls.Live.Claim(ctx, c.Object.Namespace, naming.Claim(c.Object.Name, naming.PD, ordinal))
	if err != nil {
		return false, fmt.Errorf("see that the volume claim of PD %s is gone: %w", noted.Pod, err)
	}
	pod, err := x.controls.Live.Pod(ctx, c.Object.Namespace, noted.Pod)
	if err != nil {
		return false, fmt.Errorf("see that PD %s does not run: %w", noted.Pod, err)
	}
	return (claim == nil || claim.UID != noted.Claim) && (pod == nil || !view.PodReady(pod)), nil
}

func (x *Replacer) say(c *view.Cluster, format string, args ...any) {
	x.controls.Events.Eventf(c.Object, corev1.EventTypeNormal, v1alpha1.ReasonReplacing, format, args...)
}
