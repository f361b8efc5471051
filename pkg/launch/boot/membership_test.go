// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/membership"
)

// walOwner is the member whose log is in membership's testdata.
const walOwner = 0x0bd377aac2f8c1bc

func pdPlan(f *fixture, state launch.JoinState) launch.Plan {
	plan := launch.Plan{
		Component: launch.PD,
		Program:   "/usr/local/bin/pd",
		Args:      []string{"${INITIAL_CLUSTER_STATE}", "${INITIAL_CLUSTER}"},
		Host:      "${POD_NAME}.peer",
		DataDir:   f.path("data"),
		Join:      &launch.Join{State: state},
	}
	for _, name := range []string{"pd-0", "pd-1"} {
		plan.Join.Members = append(plan.Join.Members, launch.JoinMember{
			Name: name, PeerURL: "http://" + name + ".peer:2380", ClientURL: "http://" + name + ".peer:2379",
		})
	}
	return plan
}

func member(id uint64, name, host string, started bool) membership.Member {
	m := membership.Member{ID: id, Name: name, PeerURLs: []string{"http://" + host + ":2380"}}
	if started {
		m.ClientURLs = []string{"http://" + host + ":2379"}
	}
	return m
}

func (f *fixture) listsPD1(list ...membership.Member) {
	f.network.change(func(n *fakeNetwork) {
		n.lists["pd-0"] = append([]membership.Member{member(1, "pd-0", "pd-0.peer", true)}, list...)
	})
}

func (f *fixture) putWAL() {
	f.Helper()
	head, err := os.ReadFile("../membership/testdata/etcd-3.7.wal")
	require.NoError(f, err)
	f.write("data/member/wal/0000000000000000-0000000000000000.wal", string(head))
}

const bothPDs = "pd-0=http://pd-0.peer:2380,pd-1=http://pd-1.peer:2380"

func TestPDBootstraps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.PD, "pd-1")
		f.writePlan(pdPlan(f, launch.JoinNew))
		f.run()
		f.started("new", bothPDs)
		assert.Equal(t, []string{"pd-0"}, f.network.asked, "all but itself")
	})
}

// The scale-out: the plan comes first, then the operator adds the member, then it
// gets its address. No start before all three.
func TestPDJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.PD, "pd-1")
		f.writePlan(pdPlan(f, launch.JoinExisting))
		f.run()
		f.waitsFor("a member of PD that answers")
		f.listsPD1()
		f.wait(time.Second)
		f.waitsFor("to list http://pd-1.peer:2380")
		f.listsPD1(member(2, "", "pd-1.peer", false))
		f.wait(time.Second)
		f.waitsFor("pd-0.peer to have an address")
		f.network.change(func(n *fakeNetwork) { n.hosts["pd-0.peer"] = []string{"10.0.0.2"} })
		f.wait(time.Second)
		f.started("existing", bothPDs)
	})
}

// The plan is read at each look, so one that was out of date does no harm.
func TestPDSeesANewPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.PD, "pd-1")
		f.network.hosts["pd-0.peer"] = []string{"10.0.0.2"}
		f.writePlan(pdPlan(f, launch.JoinNew))
		f.listsPD1(member(2, "", "pd-1.peer", false))
		f.run()
		f.waitsFor("a membership from the operator that")
		f.writePlan(pdPlan(f, launch.JoinExisting))
		f.wait(time.Second)
		f.started("existing", bothPDs)
	})
}

// The membership changes while pods live, the rest of the plan is the pod's own.
func TestPDReadsTheMembershipApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.PD, "pd-1")
		plan := pdPlan(f, launch.JoinNew)
		join := *plan.Join
		plan.Join, plan.Version = nil, launch.PlanVersion
		text, err := launch.Encode(plan)
		require.NoError(t, err)
		f.launcher.PlanText = text
		f.run()
		f.waitsFor("the operator to write the membership of PD, " + f.path("join"))

		f.writeJoin(launch.Join{State: launch.JoinExisting, Members: join.Members[:1]})
		f.wait(time.Second)
		f.waitsFor("the operator to list pd-1 among PD's members")

		f.writeJoin(join)
		f.wait(time.Second)
		f.started("new", bothPDs)
	})
}

func TestPDMembershipThatIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.PD, "pd-1")
		plan := pdPlan(f, launch.JoinNew)
		plan.Join = nil
		f.writePlan(plan)
		f.write("join", `{"version":1,"state":"new","members":[]}`)
		f.run()
		f.failed("join: decode PD's membership: join.members: empty")
	})
}

func TestPDRestarts(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*fixture)
		wait    string
	}{
		{"alone", (*fixture).putWAL, ""},
		{"listed", func(f *fixture) {
			f.putWAL()
			f.listsPD1(member(walOwner, "pd-1", "pd-1.peer", true))
		}, ""},
		{"removed", func(f *fixture) {
			f.putWAL()
			f.listsPD1()
		}, "the operator to remove this volume"},
		{"removed and its address added again", func(f *fixture) {
			f.putWAL()
			f.listsPD1(member(2, "", "pd-1.peer", false))
		}, "holds the data of member bd377aac2f8c1bc, which was removed"},
		{"a log that does not tell its owner", func(f *fixture) {
			f.write("data/member/wal/0.wal", "not a log")
			f.listsPD1(member(2, "pd-1", "pd-1.peer", true))
		}, ""},
		{"a damaged segment before a good one", func(f *fixture) {
			f.putWAL()
			f.write("data/member/wal/0.wal", "not a log")
			f.write("data/member/wal/a.tmp", "not a segment")
			f.listsPD1(member(2, "pd-1", "pd-1.peer", true))
		}, "the operator to remove this volume"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, launch.PD, "pd-1")
				f.writePlan(pdPlan(f, launch.JoinExisting))
				tt.prepare(f)
				f.run()
				if tt.wait != "" {
					f.waitsFor(tt.wait)
				} else {
					f.started("existing", bothPDs)
				}
			})
		})
	}
}

// What a failed start leaves is no data: PD starts only where it is listed, says
// what it found, and deletes nothing.
func TestPDOverLeftovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.PD, "pd-1")
		f.network.hosts["pd-0.peer"] = []string{"10.0.0.2"}
		f.write("data/member/snap/db", "")
		f.writePlan(pdPlan(f, launch.JoinExisting))
		f.run()
		f.waitsFor("a member of PD that answers")
		f.listsPD1(member(2, "", "pd-1.peer", false))
		f.wait(time.Second)
		f.started("existing", bothPDs)
		assert.Contains(t, f.log.String(), "leftovers of a start that failed")
		assert.FileExists(t, filepath.Join(f.dir, "data/member/snap/db"))
	})
}

func TestPDDataThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.PD, "pd-1")
		f.write("data/member/wal", "a file, not a directory")
		f.writePlan(pdPlan(f, launch.JoinExisting))
		f.run()
		f.failed("look for PD's data")
	})
}
