// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package bugs

// Planted are the bugs that the model must catch.
var Planted = []Bug{
	// What destroys.
	{
		Name: "a deletion names no UID",
		File: "pkg/control/writer.go",
		Old:  "Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},",
		New:  "Preconditions: &metav1.Preconditions{UID: map[bool]*types.UID{false: &uid}[true], ResourceVersion: &version},",
		// A pod's deletion is in it.
		Caught: "TestUndisturbed/upgrade-pd",
	},
	{
		Name:   "a deletion is tried again over a conflict",
		File:   "pkg/control/writer.go",
		Old:    "	if err != nil && !apierrors.IsNotFound(err) {\n		return fmt.Errorf(\"delete %s %s: %w\"",
		New:    "	if apierrors.IsConflict(err) {\n		err = w.client(seen.GetNamespace()).Delete(ctx, seen.GetName(), metav1.DeleteOptions{})\n	}\n	if err != nil && !apierrors.IsNotFound(err) {\n		return fmt.Errorf(\"delete %s %s: %w\"",
		Caught: "TestAnswers/autoscaling-on-and-off", Only: "conflict",
	},
	{
		Name:   "a claim that has changed since is set aside nevertheless",
		File:   "pkg/control/writer.go",
		Old:    "	if m.Unchanged {",
		New:    "	if m.Unchanged && m.Labels != nil {",
		Caught: "TestPatchMetadataOfWhatIsUnchanged", Unit: "pkg/control",
	},
	{
		Name:   "of the signs of a drained store, the replicas that are being filled are not looked at",
		File:   "pkg/manager/store/drain.go",
		Old:    "cell.Leader == nil || len(cell.PendingPeers) > 0 || len(cell.DownPeers) > 0 ||\n",
		New:    "cell.Leader == nil || len(cell.DownPeers) > 0 ||\n",
		Caught: "TestUndisturbed/store-5-to-3",
	},
	{
		Name:   "a store counts as drained at once",
		File:   "pkg/manager/store/drain.go",
		Old:    "	if len(cells) > 0 || store.CellCount > 0 || store.LeaderCount > 0 || s.Freshness(store) != pdstate.Fresh {\n		return false\n	}",
		New:    "	if len(cells) >= 0 {\n		return true\n	}",
		Caught: "TestUndisturbed/store-5-to-3",
	},
	{
		Name:   "a store that is gone is buried while cells have replicas on it",
		File:   "pkg/manager/store/failover.go",
		Old:    "	if len(cells) > 0 || s.CellsAt.IsZero() || len(s.Cells) == 0 || c.SilentFor(store) == 0 {\n		return false\n	}",
		New:    "	if c.SilentFor(store) > 0 {\n		return true\n	}",
		Caught: "TestUndisturbed/wiped-store",
	},
	{
		Name:   "the volume of a removed member is deleted before PD has let it go",
		File:   "pkg/manager/volume/manager.go",
		Old:    "used || !gone(c, set.Component, claim, ordinal) {",
		New:    "used {",
		Caught: "TestCrashAtEachWrite/pd-5-to-3-volumes-go",
	},
	{
		Name:   "the volume of a removed store is not set aside",
		File:   "pkg/manager/member/retire.go",
		Old:    "	if claim == nil || Retired(claim) {\n		return nil\n	}\n	value",
		New:    "	if claim == nil || Retired(claim) || id < 1<<20 {\n		return nil\n	}\n	value",
		Caught: "TestUndisturbed/store-5-to-3",
	},

	// PD's membership.
	{
		Name:   "a PD is removed from the membership before its process has ended",
		File:   "pkg/manager/pd/scaler.go",
		Old:    "	case have >= leastForQuorum:\n		step.Do = removePod\n		step.Message = fmt.Sprintf(\"%s: removing pod",
		New:    "	case have >= leastForQuorum:\n		step.Do = removeMember\n		step.Message = fmt.Sprintf(\"%s: removing pod",
		Caught: "TestUndisturbed/pd-5-to-3",
	},
	{
		Name:   "a PD gets its pod before it is a member",
		File:   "pkg/manager/pd/scaler.go",
		Old:    "		step.Do = addMember\n",
		New:    "		step.Do = addPod\n",
		Caught: "TestUndisturbed/pd-3-to-5",
	},
	{
		Name:   "a PD is replaced while the others have no quorum",
		File:   "pkg/manager/pd/replace.go",
		Old:    "	return othersUnwell(c, pod)\n",
		New:    "	return \"\"\n",
		Caught: "TestDecideReplacing", Unit: "pkg/manager/pd",
	},
	{
		Name:   "after the bootstrap PDs are still told to form a new cluster",
		File:   "pkg/manager/pd/decide.go",
		Old:    "	if !c.Bootstrapped() && !wasThere(c) {\n		return launch.Join{State: launch.JoinNew,",
		New:    "	if c.Object != nil {\n		return launch.Join{State: launch.JoinNew,",
		Caught: "TestUndisturbed/pd-3-to-5",
	},
	{
		Name:   "PD is restarted in the middle of an election",
		File:   "pkg/manager/pd/awaken.go",
		Old:    "	return 3*c.Object.Spec.PD.Config.LeaderLease.Duration + 5*time.Second",
		New:    "	return 2 * time.Second",
		Caught: "TestPDTrouble/upgrade-store", Only: "leaderless",
	},

	// One disruption at a time.
	{
		Name:   "PDs are upgraded whatever their health",
		File:   "pkg/view/full.go",
		Old:    "		if !PodReady(p.Pod) {\n			return fmt.Sprintf(\"pod %s is not ready\", p.Name)",
		New:    "		if p.Pod == nil {\n			return fmt.Sprintf(\"pod %s is not ready\", p.Name)",
		Caught: "TestUndisturbed/upgrade-pd",
	},
	{
		Name:   "stores are stopped with leaders on them",
		File:   "pkg/manager/store/upgrader.go",
		Old:    "	gone := left <= stuck || s.Do == stopNow\n",
		New:    "	s.Do = stopNow\n	gone := left <= stuck || s.Do == stopNow\n",
		Caught: "TestUndisturbed/upgrade-store",
	},
	{
		Name:   "a store on a cordoned node is let go with leaders on it",
		File:   "pkg/manager/store/nodedrain.go",
		Old:    "	if left > stuck || fresh.StoresUnhealthy() != \"\" {\n		n.again(c, evictRound)\n		return nil\n	}\n	if ok, err := mayStop(ctx, client, fresh, store.ID); err != nil || !ok {\n		n.again(c, lastRound)\n		return err\n	}\n",
		New:    "	if left < 0 && stuck < 0 {\n		return nil\n	}\n",
		Caught: "TestUndisturbed/drain-a-node",
	},
	{
		Name:   "a store that may be evicted is in two disruption budgets",
		File:   "pkg/desired/budgets.go",
		Old:    "	closed.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: naming.LabelEvictable, Operator: metav1.LabelSelectorOpDoesNotExist}}\n",
		New:    "",
		Caught: "TestUndisturbed/drain-a-node",
	},
	{
		Name:   "the second PD is added before it runs",
		File:   "pkg/manager/pd/replace.go",
		Old:    "len(c.State.Members) == 1 && !runsFor(p.Pod, c.Now, settled)",
		New:    "len(c.State.Members) == 1 && !runsFor(p.Pod, c.Now, settled) && c.Now.IsZero()",
		Caught: "TestUndisturbed/pd-1-to-3",
	},
	{
		Name:   "a spare that has not come up yet is removed again",
		File:   "pkg/manager/store/scaler.go",
		Old:    "c.PDUnknown() != \"\" || !placesFilled(c)",
		New:    "c.PDUnknown() != \"\" || !placesFilled(c) && c.Now.IsZero()",
		Caught: "TestCrashAtEachWrite/wiped-store",
	},
	{
		Name:   "several stores are removed at once",
		File:   "pkg/manager/store/scaler.go",
		Old:    "	want, err := desired.StoreStatefulSet(c.Object, replicas, c.LauncherImage)",
		New:    "	want, err := desired.StoreStatefulSet(c.Object, min(replicas, c.Object.Spec.Store.Replicas), c.LauncherImage)",
		Caught: "TestUndisturbed/store-5-to-3",
	},
	{
		Name:   "all stores start at once on an empty cluster",
		File:   "pkg/manager/store/decide.go",
		Old:    "		return max(have, 1), manager.Note{Reason: v1alpha1.ReasonWaitingForBootstrap, Message: \"waiting for the first store to create the first cells\"}",
		New:    "		return max(have, want), manager.Note{Reason: v1alpha1.ReasonWaitingForBootstrap, Message: \"waiting for the first store to create the first cells\"}",
		Caught: "TestUndisturbed/create",
	},
	{
		Name:   "more spare stores are added than the spec allows",
		File:   "pkg/manager/store/spare.go",
		Old:    " || have >= *failover.MaxFailoverCount {",
		New:    " {",
		Caught: "TestUndisturbed/failover-not-allowed",
	},
	{
		Name:   "a paused cluster is not left alone",
		File:   "pkg/controller/sync.go",
		Old:    "	case v.Object.Spec.Paused:\n",
		New:    "	case v.Object.Spec.Paused && v.Now.IsZero():\n",
		Caught: "TestUndisturbed/pause-and-go-on",
	},

	// What an operator sees and remembers.
	{
		Name:   "a sync does not wait until the caches show what the last one wrote",
		File:   "pkg/control/pending.go",
		Old:    "		if !e.seen(cached(ref)) && p.now().Sub(e.since) < pendingLimit {",
		New:    "		if !e.seen(cached(ref)) && p.now().Sub(e.since) < 0 {",
		Caught: "TestSlowWatches/",
	},
	{
		Name:   "a conflict ends a sync for good",
		File:   "pkg/controller/controller.go",
		Old:    "		c.queue.AddRateLimited(k)\n		c.measure(took, \"conflict\")",
		New:    "		c.queue.Forget(k)\n		c.measure(took, \"conflict\")",
		Caught: "TestAnswers/autoscaling-on-and-off", Only: "conflict",
	},
	{
		Name:   "a status is written in each sync",
		File:   "pkg/controller/status.go",
		Old:    "	if equality.Semantic.DeepEqual(want, object.Status) {",
		New:    "	if want.Phase == \"\" && equality.Semantic.DeepEqual(want, object.Status) {",
		Caught: "TestUndisturbed/create",
	},
	{
		Name:   "one look buries a store",
		File:   "pkg/manager/store/drainer.go",
		Old:    "!d.drained.twice(c.Object.UID, store, fresh.State, empty(fresh, store, cells), heartbeat)",
		New:    "!empty(fresh, store, cells)",
		Caught: "TestOneLookBuriesNobody", Unit: "pkg/manager/store",
	},
	{
		Name:   "a drain is begun from bad health",
		File:   "pkg/manager/store/drainer.go",
		Old:    "fresh.Unhealthy() != \"\" || !may(",
		New:    "!may(",
		Caught: "TestDrainBeginsFromFullHealth", Unit: "pkg/manager/store",
	},
	{
		Name:   "a leader that came back in the last moment is not seen",
		File:   "pkg/manager/store/evict.go",
		Old:    "return now.LedBy(store) <= stuck, nil",
		New:    "return now.LedBy(store) <= stuck+len(now.State.Cells), nil",
		Caught: "TestLeaderComesBackInTheLastMoment", Unit: "pkg/manager/store",
	},
	{
		Name:   "PD's members change without the lease",
		File:   "pkg/pdapi/members.go",
		Old:    "		if c.Guard != nil {",
		New:    "		if c.Guard != nil && len(c.endpoints) == 0 {",
		Caught: "TestGuard", Unit: "pkg/pdapi",
	},
}
