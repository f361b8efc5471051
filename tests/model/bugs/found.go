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
		Old:    "if led := s.At.Sub(s.LeaderSince); led",
		New:    "if led := now.Sub(s.LeaderSince); led",
		Caught: "TestPDTrouble/pd-3-to-1", Only: "not hearing",
	},
}

// All are all bugs.
func All() []Bug { return append(append([]Bug{}, Found...), Planted...) }
