// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package bugs

// Found are bugs that the operator had, that the model found, and that were mended
// since. docs/track-record.md tells about each. They are planted again like the others.
var Found = []Bug{
	{
		Name:   "the replacement of a PD that a user asks for is never begun in a settled cluster",
		File:   "pkg/manager/pd/replace.go",
		Old:    "	if c.PD.Set == nil || !c.Bootstrapped() || c.State == nil || desired.ReplacingIn(c.Start) != nil {\n		return nil\n	}\n	for _, p := range c.PD.Pods {",
		New:    "	if c.PD.Set != nil || !c.Bootstrapped() || c.State == nil || desired.ReplacingIn(c.Start) != nil {\n		return nil\n	}\n	for _, p := range c.PD.Pods {",
		Caught: "TestUndisturbed/replace-pd$",
	},
	{
		Name:   "a PD is removed by what an old view says of its pod",
		File:   "pkg/manager/pd/scaler.go",
		Old:    "		return member.Stopped(ctx, x.controls, c, naming.PD, ordinal)\n",
		New:    "		return true, nil\n",
		Caught: "TestRestartedBehind/pd-3-to-5",
	},
	{
		Name:   "an operator that wakes up late sets the number of members back",
		File:   "pkg/control/writer.go",
		Old:    "		if w.strict {\n			meta[\"resourceVersion\"] = live.GetResourceVersion()",
		New:    "		if w.strict && hash == \"\" {\n			meta[\"resourceVersion\"] = live.GetResourceVersion()",
		Caught: "TestTwoOperators/store-5-to-3",
	},
	{
		Name:   "an operator that wakes up late makes a set that exists by now as small as a new one",
		File:   "pkg/control/writer.go",
		Old:    "	if w.keep != nil {",
		New:    "	if w.keep != nil && hash == \"\" {",
		Caught: "TestTwoOperators/create",
	},
	{
		Name:   "time alone makes an answer of a young PD leader certain",
		File:   "pkg/pdstate/snapshot.go",
		Old:    "if s.At.Sub(s.LeaderSince) >=",
		New:    "if time.Since(s.LeaderSince) >=",
		Caught: "TestUnknown", Unit: "pkg/pdstate",
	},
	{
		Name:   "of two PDs one is removed that is not the one set aside",
		File:   "pkg/manager/pd/scaler.go",
		Old:    "	return claim.UID == seen.UID && member.Retired(claim) == member.Retired(seen), nil",
		New:    "	return true, nil",
		Caught: "TestRestartedBehind/pd-3-to-1-to-3", Only: "restarted 20 s",
	},
	{
		Name:   "a claim that is set aside is marked for a replacement too",
		File:   "pkg/manager/store/spare.go",
		Old:    "	if member.Retired(claim) {\n		return 0\n	}\n	return member.MarkedID(claim, naming.AnnotationReplacing)",
		New:    "	return member.MarkedID(claim, naming.AnnotationReplacing)",
		Caught: "TestDecideRemoval", Unit: "pkg/manager/store", // no late mark meets a claim that was set aside meanwhile
	},
	{
		Name:   "a store starts again on a volume that is being deleted",
		File:   "pkg/manager/store/failover.go",
		Old:    "	if err := f.controls.Pods.Delete(ctx, pod); err != nil {",
		New:    "	if err := f.controls.Pods.Delete(ctx, seen); err != nil {",
		Caught: "TestPodOfAReplacedStoreGoesWithItsVolume", Unit: "pkg/manager/store",
	},
	{
		Name:   "a store that has started on a volume that is being deleted is stopped at once",
		File:   "pkg/manager/store/failover.go",
		Old:    "		case claim.DeletionTimestamp != nil && c.StoreOf(step.Target) != nil:",
		New:    "		case claim.DeletionTimestamp != nil && c.StoreOf(step.Target) != nil && false:",
		Caught: "TestDecideFailover", Unit: "pkg/manager/store", // the model sees it in 2 of a workload's 104 crashes, at a write whose number differs
	},
	{
		Name:   "the second PD is removed before it is a member by what an old view says of its claim",
		File:   "pkg/manager/pd/scaler.go",
		Old:    "	if same, err := x.sameClaim(ctx, c, ordinal); err != nil || !same {",
		New:    "	if same, err := x.sameClaim(ctx, c, ordinal); err != nil && !same {",
		Caught: "TestPodIsNotRemovedByAnOldClaim", Unit: "pkg/manager/pd", // the model sees it in about 1 of 80 restarts of the workload "pd 3 to 1 to 3"
	},
	{
		Name:   "a PD whose disk was lost before a new spec is never replaced",
		File:   "pkg/manager/pd/replace.go",
		Old:    "c.PD.Outdated(p) || started.IsZero() ||",
		New:    "c.PD.Outdated(p) || !started.IsZero() ||",
		Caught: "TestDecideReplacing", Unit: "pkg/manager/pd", // the model sees it in some seeds of its changes of mind
	},
	{
		Name:   "a quorum that is lost amid the removal of a PD is lost for ever",
		File:   "pkg/manager/pd/scaler.go",
		Old:    "		*failover.Enabled && c.State.Failures > 0 &&",
		New:    "		*failover.Enabled && c.State.Failures < 0 &&",
		Caught: "TestScalerDecides", Unit: "pkg/manager/pd", // likewise
	},
	{
		Name:   "nobody looks again when a PD leader has led for long and no store has reported to it",
		File:   "pkg/pdstate/changes.go",
		Old:    "before.tooYoung() && !after.tooYoung()",
		New:    "before.tooYoung() && after.LeaderEndpoint == \"\"",
		Caught: "TestUndisturbed/PD-is-given-up", // found on real nodes, by scenarios.TestGivenUp
	},
	{
		Name:   "a proxy is restarted while a store that was restarted before it is not back",
		File:   "pkg/manager/proxy/awaken.go",
		Old:    " && !c.Store.Missing()",
		New:    "",
		Caught: "TestUndisturbed/PD-is-given-up",
	},
	{
		Name:   "PDs that have no leader are restarted by nobody while one of them is away",
		File:   "pkg/manager/pd/awaken.go",
		Old:    "return view.Returning(p.Pod, c.Now) })",
		New:    "return !view.PodReady(p.Pod) })",
		Caught: "TestUndisturbed/pds-are-wedged-and-one-is-away",
	},
	{
		Name:   "stores that gave PD up are restarted by nobody while one of them is away",
		File:   "pkg/manager/store/awaken.go",
		Old:    "if !away(c, p.Pod) {",
		New:    "if !view.PodReady(p.Pod) {",
		Caught: "TestAwakenerChooses", Unit: "pkg/manager/store",
	},
	{
		Name:   "a spec that fails is carried on to pods that work with the old one",
		File:   "pkg/manager/member/repair.go",
		Old:    "halted && comesBack(p.Pod, c.Now) {",
		New:    "halted && view.PodReady(p.Pod) {",
		Caught: "TestDecideRepair", Unit: "pkg/manager/member",
	},
	{
		Name:   "the last PD is not replaced while it has not joined",
		File:   "pkg/manager/pd/replace.go",
		Old:    "begun != nil && !joining(c, begun)",
		New:    "begun != nil",
		Caught: "TestLastPDThatDoesNotJoinIsReplaced", Unit: "pkg/manager/pd",
	},
	{
		Name:   "a scale-out of PD is not taken back while another PD is gone",
		File:   "pkg/manager/pd/scaler.go",
		Old:    "		if started(m) { //",
		New:    "		{ //",
		Caught: "TestScaleOutIsTakenBackWhileAPDIsGone", Unit: "pkg/manager/pd",
	},
	{
		Name:   "a PD that could not come back is restarted for want of a leader",
		File:   "pkg/manager/pd/awaken.go",
		Old:    " && c.Stranded(&c.PD, p) == \"\"",
		New:    "",
		Caught: "TestStrandedPDIsNotRestarted", Unit: "pkg/manager/pd",
	},
	{
		Name:   "PDs are restarted though a leader is forwarded to",
		File:   "pkg/pdapi/leader.go",
		Old:    "			kind = ErrLeaderUnreachable\n",
		New:    "",
		Caught: "TestAwaken", Unit: "pkg/manager/pd",
	},
	{
		Name:   "a node that stays cordoned loses its turn for good",
		File:   "pkg/manager/store/nodedrain.go",
		Old:    "c.Now.Sub(since)/turn%2 == 1",
		New:    "c.Now.Sub(since)/turn >= 1",
		Caught: "TestDecideNodeDrain", Unit: "pkg/manager/store",
	},
	{
		Name:   "the lease counts from the answer to its renewal",
		File:   "cmd/controller-manager/fence.go",
		Old:    "		l.sent.Store(&now)",
		New:    "		now = time.Now()\n		l.sent.Store(&now)",
		Caught: "TestFenceCountsFromTheRenewal", Unit: "cmd/controller-manager",
	},
	{
		Name:   "a cluster whose cells have no majority counts as available",
		File:   "pkg/controller/compute.go",
		Old:    "if 2*there <= len(peers) {",
		New:    "if there == 0 {",
		Caught: "TestPhasesAndConditions", Unit: "pkg/controller",
	},
	{
		Name:   "a PD that a new spec breaks loses its volume again and again",
		File:   "pkg/manager/pd/replace.go",
		Old:    " || begunWith(c, p) {",
		New:    " {",
		Caught: "TestDecideReplacing", Unit: "pkg/manager/pd",
	},
	{
		Name:   "a store is evicted with its volume since its replacement has been noted",
		File:   "pkg/manager/store/nodedrain.go",
		Old:    "return c.Store.VolumeGoes(p.Ordinal) && (",
		New:    "return c.Store.Doomed(p.Ordinal) != nil && (",
		Caught: "TestNoRestartTakesAVolume", Unit: "pkg/manager/store",
	},
	{
		Name:   "a dead store whose claim has been deleted is never replaced",
		File:   "pkg/manager/store/failover.go",
		Old:    "if claim == nil || member.Retired(claim) || Replacing(claim) != 0 ||",
		New:    "if claim == nil || claim.DeletionTimestamp != nil || member.Retired(claim) || Replacing(claim) != 0 ||",
		Caught: "TestDecideFailover", Unit: "pkg/manager/store",
	},
	{
		Name:   "a spare that dies while a store is being emptied gets no successor",
		File:   "pkg/manager/store/spare.go",
		Old:    "if !mayHaveSpare(c) || len(c.UpStores())",
		New:    "if spares(c) > 0 || len(c.UpStores())",
		Caught: "TestDecideFailover", Unit: "pkg/manager/store",
	},
	{
		Name:   "an operator whose lease has run out sends what it had in hand",
		File:   "cmd/controller-manager/fence.go",
		Old:    "if err := t.fence.open(); err != nil {",
		New:    "if err := t.fence.open(); err != nil && r.URL.Host == \"\" {",
		Caught: "TestFence", Unit: "cmd/controller-manager",
	},
	{
		Name:   "the last proxy that serves is restarted",
		File:   "pkg/manager/proxy/awaken.go",
		Old:    "(!view.PodReady(p) || c.Proxy.Ready() >= c.ProxyReplicas()) &&",
		New:    "true &&",
		Caught: "TestAwakenerDecides", Unit: "pkg/manager/proxy",
	},
}

// All are all bugs.
func All() []Bug { return append(append([]Bug{}, Found...), Planted...) }
